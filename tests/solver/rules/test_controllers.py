"""Demanded controllers: pinned, floating, one inside the other, with pins on them."""

import pytest

from ..ask import Data, above, costs, device, devices, only, pc, picture, planned, policy, q35, refused, seats

RP = device("rp", "pcie-root-port")
P2P = device("p2p", "pcie-pci-bridge")
SW = device("sw", "x3130-upstream")
DP = device("dp", "xio3130-downstream")
BR = device("br", "pci-bridge")
DMI = device("dmi", "i82801b11-bridge")


def at(controller: Data, address: str) -> Data:
    return controller | {"address": address}


CHAINS: dict[str, tuple[list[Data], str, list[str]]] = {
    "pin on a floating port": ([RP], "rp:00", ["pcie-root-port"]),
    "pin on a floating ioh3420": ([RP | {"model": "ioh3420"}], "rp:00", ["ioh3420"]),
    "pin on a floating bridge": ([P2P], "p2p:05", ["pcie-pci-bridge", "pcie-root-port"]),
    "pin on a bridge in a floating port": ([RP, at(P2P, "rp:00.0")], "p2p:05", ["pcie-pci-bridge", "pcie-root-port"]),
    "pin on a floating switch": (
        [SW, at(DP, "sw:03.0")],
        "dp:00",
        ["xio3130-downstream", "x3130-upstream", "pcie-root-port"],
    ),
    "pin on a floating downstream port": ([DP], "dp:00", ["xio3130-downstream", "x3130-upstream", "pcie-root-port"]),
    "pin on a floating dmi bridge": ([DMI], "dmi:00", ["i82801b11-bridge"]),
    "pin on a bridge in a dmi bridge": ([DMI, at(BR, "dmi:03.0")], "br:02", ["pci-bridge", "i82801b11-bridge"]),
    "pin on a bridge three deep": (
        [RP, at(P2P, "rp:00.0"), at(BR, "p2p:03.0"), at(BR | {"id": "br2"}, "br:04.0")],
        "br2:02",
        ["pci-bridge", "pci-bridge", "pcie-pci-bridge", "pcie-root-port"],
    ),
    "pin on a floating expander's port": (
        [device("x", "pxb-pcie"), at(RP, "x:00.0")],
        "rp:00",
        ["pcie-root-port", "pxb-pcie"],
    ),
}


@pytest.mark.parametrize("chain", CHAINS)
def test_pins_on_demanded_controllers(chain: str) -> None:
    controllers, address, models = CHAINS[chain]
    layout = planned(q35(device("a", "VGA", address=address), controllers=controllers))
    assert above(layout, "a") == models
    assert seats(layout)["a"] == f"{address}.0"
    assert len(layout.controllers) == len(models)


PC_CHAINS: dict[str, tuple[list[Data], str, list[str]]] = {
    "pin on a floating bridge": ([BR], "br:05", ["pci-bridge"]),
    "pin on a bridge in a floating bridge": (
        [BR, at(BR | {"id": "br2"}, "br:04.0")],
        "br2:05",
        ["pci-bridge", "pci-bridge"],
    ),
    "pin on a floating expander": ([device("x", "pxb")], "x:00", ["pxb"]),
    "pin on a bridge of a floating expander": ([device("x", "pxb"), at(BR, "x:1f.0")], "br:05", ["pci-bridge", "pxb"]),
}


@pytest.mark.parametrize("chain", PC_CHAINS)
def test_pins_on_demanded_controllers_of_pc(chain: str) -> None:
    controllers, address, models = PC_CHAINS[chain]
    layout = planned(pc(device("a", "VGA", address=address), controllers=controllers))
    assert above(layout, "a") == models
    assert len(layout.controllers) == len(models)


@pytest.mark.parametrize(
    ("controllers", "count"),
    [
        ([RP, SW, DP, P2P], 4),  # a chain: port, switch, downstream port, bridge
        ([SW, SW | {"id": "sw2"}, DP], 4),  # the second switch below the downstream port of the first
        ([P2P, BR, BR | {"id": "br2"}], 4),  # in need of one port
        ([DMI, BR], 2),
        ([DP, DP | {"id": "dp2"}], 4),  # in need of a switch on a port
        ([RP | {"model": "ioh3420"}, SW], 2),
        ([device("x", "pxb-pcie"), SW, P2P], 5),
    ],
)
def test_floating_controllers_make_do_with_each_other(controllers: list[Data], count: int) -> None:
    """Windows come first in the objective, so they are left out of it here."""
    order = ["controllers", "moved", "guest_visible", "preferences", "io_windows", "depth"]
    layout = planned(q35(controllers=controllers, policy=policy(order=order)))
    assert len(layout.controllers) == count, picture(layout)


def test_demanded_controllers_serve_the_devices() -> None:
    layout = planned(q35(*devices(2, "nvme"), controllers=[SW, DP, RP]))
    # the switch takes one port, so there is a second one: a device on a port (depth 1), one on the downstream port (3)
    assert {"rp", "sw", "dp"} <= set(seats(layout))
    assert costs(layout) == {"controllers": 4, "depth": 4}


def test_equal_floating_controllers_keep_their_order() -> None:
    layout = planned(q35(controllers=[RP | {"id": name} for name in ("z", "a", "m")]))
    assert [seats(layout)[name] for name in ("z", "a", "m")] == ["pcie.0:01.0", "pcie.0:01.1", "pcie.0:01.2"]


def test_a_function_only_pin_of_a_controller() -> None:
    layout = planned(q35(controllers=[at(RP, ".7"), RP | {"id": "rp2"}]))
    assert (seats(layout)["rp"], seats(layout)["rp2"]) == ("pcie.0:01.7", "pcie.0:01.0")
    refused(q35(controllers=[at(RP, ".7")], policy=policy(max_controllers=1)))
    # a port made for function 0
    assert len(planned(q35(controllers=[at(RP, ".7")])).controllers) == 2


def test_a_pinned_port_without_function_zero_gets_company() -> None:
    layout = planned(q35(controllers=[at(RP, "pcie.0:05.2"), RP | {"id": "rp2"}]))
    assert seats(layout)["rp2"] == "pcie.0:05.0"
    refused(q35(controllers=[at(RP, "pcie.0:05.2")], policy=policy(max_controllers=1)))
    made = planned(q35(controllers=[at(RP, "pcie.0:05.2")]))
    assert seats(made) == {"rp1": "pcie.0:05.0", "rp": "pcie.0:05.2"}


def test_pci_bridges_pinned_on_express_buses() -> None:
    """A pci-bridge counts as a conventional endpoint for a pin, on a port and on pcie.0 itself."""
    for address in ("pcie.0:05.0", "rp:00.0"):
        layout = planned(q35(device("a", "rtl8139", address="br:01"), controllers=[RP, at(BR, address)]))
        assert seats(layout)["br"] == address


def test_a_demanded_numa_port_goes_below_its_expander() -> None:
    layout = planned(q35(device("a", "nvme"), controllers=[RP | {"numa": 1}], numa_nodes=2))
    assert seats(layout)["rp"].startswith("pxb1:")
    # the device stays on the main root: behind rp it would be on a foreign node
    assert above(layout, "a") == ["pcie-root-port"]


def test_full_of_pins() -> None:
    """32 slots of a dmi bridge, each with a device; the 33rd sits elsewhere."""
    pinned = [device(f"p{slot}", "AC97", address=f"dmi:{slot:02x}") for slot in range(32)]
    layout = planned(q35(*pinned, device("a", "AC97"), controllers=[DMI], reserve=only("01", "02")))
    assert seats(layout)["a"].startswith("pcie.0:")
