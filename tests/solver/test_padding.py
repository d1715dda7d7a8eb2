"""Windows with room for more, of SeaBIOS from 1.16.3 on: no layout that panics is planned, and none else refused."""

from importlib import import_module

import pytest

from qslot.schema import Guest, Infeasible, Layout, Solved
from qslot.schema.firmware import predict
from qslot.schema.verify import verify
from qslot.solver import solve
from qslot.solver.address_model.solve import consider
from qslot.solver.search.cpsat import Limits

from .ask import Data, device, pc, q35, refused

SOLVING = import_module("qslot.solver.solving")
NESTED: Data = q35(
    firmware="seabios:1.17.0",
    memory="4GiB",
    controllers=[
        device("rp", "pcie-root-port"),
        device("p2p", "pcie-pci-bridge", address="rp:0.0"),
        device("br", "pci-bridge", address="p2p:1.0"),
    ],
)
PC: Data = pc(
    firmware="seabios:1.16.3",
    memory="8GiB",
    controllers=[
        device("b1", "pci-bridge", address="pci.0:5.0"),
        device("b2", "pci-bridge", address="b1:1.0"),
    ],
)
SWITCH: Data = q35(
    firmware="seabios:1.17.0",
    memory="8GiB",
    controllers=[
        device("rp", "pcie-root-port"),
        device("up", "x3130-upstream", address="rp:0.0"),
        device("d1", "xio3130-downstream", address="up:0.0"),
        device("d2", "xio3130-downstream", address="up:1.0"),
    ],
)


def card(name: str, address: str | None = None, *, wide: bool = False) -> Data:
    bars = [{"bar": 0, "kind": "mem64" if wide else "mem32", "size": "4KiB", "prefetchable": True}]
    return device(name, "vfio-pci", connect="hybrid", bars=bars, address=address)


KEPT_LOW: Data = SWITCH | {
    "memory": "3500MiB",
    "controllers": SWITCH["controllers"][:3],
    "devices": [
        device("net", "virtio-net", address="d1:00.0"),
        device("vga", "virtio-vga", address="rp:00.1"),
        device("second", "virtio-vga"),
    ],
}
BROKEN: dict[str, Data] = {
    "beside a bridge on q35": NESTED | {"devices": [card("v", "p2p:2.0")]},
    "beside a bridge on pc": PC | {"devices": [card("v", "b1:2.0")]},
    "beside an empty port of a switch": SWITCH | {"devices": [card("v", "d1:0.0")]},
    "a wide one on the other port": SWITCH | {"devices": [card("v", "d1:0.0"), card("w", "d2:0", wide=True)]},
}  # fmt: skip
SOUND: dict[str, Data] = {
    "on the inner bridge": NESTED | {"devices": [card("v", "br:2.0")]},
    "on both": NESTED | {"devices": [card("v", "p2p:2.0"), card("w", "br:2.0")]},
    "64 bits": NESTED | {"devices": [card("v", "p2p:2.0", wide=True)]},
    "no RAM above 4 GiB": NESTED | {"memory": "2GiB", "devices": [card("v", "p2p:2.0")]},
    "an older firmware": NESTED | {"firmware": "seabios:1.16.2", "devices": [card("v", "p2p:2.0")]},
    "a CPU whose bits are not believed": NESTED | {"cpu": {"vendor": "intel"}, "devices": [card("v", "p2p:2.0")]},
    "a CPU of few bits": NESTED | {"cpu": {"vendor": "intel"}, "phys_bits": 36, "devices": [card("v", "p2p:2.0")]},
    "both ports of a switch": SWITCH | {"devices": [card("v", "d1:0.0"), card("w", "d2:0.0")]},
    "no SHPC": PC | {
        "controllers": [PC["controllers"][0], PC["controllers"][1] | {"properties": {"shpc": False}}],
        "devices": [card("v", "b1:2.0")],
    },
}  # fmt: skip


@pytest.mark.parametrize("name", BROKEN)
def test_a_layout_that_panics_is_not_planned(name: str) -> None:
    guest = Guest.model_validate(BROKEN[name])
    assert [one.rule for one in refused(guest).findings] == ["memory-space"]
    assert isinstance(consider(guest, Limits(seconds=60)).outcome, Infeasible)


@pytest.mark.parametrize("name", BROKEN)
def test_it_is_found(name: str) -> None:
    """A layout from a time when it booted; where windows begin is told no more."""
    before = solve(Guest.model_validate(BROKEN[name] | {"firmware": "seabios:1.16.2"})).require()
    guest = Guest.model_validate(BROKEN[name])
    layout = before.model_copy(update={"firmware": guest.firmware, "input_sha256": guest.sha256})
    rules = {one.rule for one in verify(guest, layout) if one.severity == "error"}
    assert rules - {"prediction"} == {"memory-space"}


@pytest.mark.parametrize("name", SOUND)
def test_one_that_boots_is_planned(name: str) -> None:
    outcome = solve(Guest.model_validate(SOUND[name]))
    assert isinstance(outcome, Solved)
    assert predict(outcome.layout).failure is None


@pytest.mark.parametrize(
    ("request_", "kept"),
    [
        (NESTED | {"devices": [card("v") | {"hotplug": "required"}]}, "p2p"),
        (SWITCH | {"devices": [card("v") | {"hotplug": "required"}]}, "d1"),
        (PC | {"devices": [card("v"), card("w", wide=True) | {"address": "b2:3.0"}]}, "b1"),
    ],
)
def test_it_is_avoided(request_: Data, kept: str) -> None:
    """Though there is a free slot on the bus where it would be."""
    layout: Layout = solve(Guest.model_validate(request_)).require()
    assert predict(layout).failure is None
    assert kept not in {one.bus for one in layout.devices if one.id == "v"}


def test_a_port_is_narrow_only_by_what_is_on_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """Seed 142 of the campaign: the sums took the port for narrow because of a display elsewhere, so that no layout of
    theirs was any good, and only the address-level model went on."""
    monkeypatch.setattr(SOLVING, "within_reach", lambda _: False)
    outcome = solve(Guest.model_validate(KEPT_LOW))
    assert isinstance(outcome, Solved)
    assert predict(outcome.layout).failure is None
    assert {one.id: one.bus for one in outcome.layout.devices} == {"net": "d1", "vga": "rp", "second": "d1"}


def test_how_much_is_short_is_told() -> None:
    (finding,) = refused(BROKEN["beside a bridge on q35"]).findings
    assert finding.details["used"] > finding.details["available"]  # type: ignore[operator]


def test_large_bars_that_one_version_misaligns_get_room_of_a_power_of_two() -> None:
    """Two graphics cards on SeaBIOS 1.16.3: the second one's window would begin at 16.5 GiB."""
    sizes = {1: "16GiB", 3: "32MiB"}
    bars = [{"bar": n, "kind": "mem64", "size": size, "prefetchable": True} for n, size in sizes.items()]
    gpus = (device(name, "vfio-pci", connect="express", bars=bars, hotplug="required") for name in ("g1", "g2"))
    guest = q35(*gpus, memory="8GiB")
    reserves = {
        version: {one.properties.get("pref64-reserve") for one in planned.controllers}
        for version in ("1.16.2", "1.16.3", "1.17.0")
        if (planned := solve(Guest.model_validate(guest | {"firmware": f"seabios:{version}"})).require())
    }
    assert reserves == {"1.16.2": {None}, "1.16.3": {32 << 30}, "1.17.0": {None}}
