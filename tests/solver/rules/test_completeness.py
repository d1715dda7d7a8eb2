"""Rules complete, tree, machine-model, as-requested: what stands in the layout."""

import pytest

from ..ask import BadInput, Case, Trio, Trios, check_trio, device, devices, only, pc, planned, policy, q35

RTL = device("a", "rtl8139", hotplug="required")
ONE_SLOT = {"reserve": only("02", machine="pc")}
TRANSITIONAL = devices(15, "virtio-net", virtio="transitional", hotplug="required")
BEHIND_PORTS = policy(max_depth=1)

TRIOS: Trios = {
    ("complete", "a device and a spare slot"): Trio(
        Case(pc(RTL, spare={"pci": 1})),
        pc(RTL, spare={"pci": 1}, **ONE_SLOT, policy=policy(max_controllers=0)),
        Case(pc(RTL, spare={"pci": 1}, **ONE_SLOT), {"a": "br1:01.0", "br1": "pci.0:02.0"}),
    ),
    ("complete", "demanded controllers"): Trio(
        Case(pc(controllers=[device("br", "pci-bridge")]), {"br": "pci.0:02.0"}),
        pc(controllers=[device("br", "pci-bridge")], reserve=only(machine="pc")),
        # one that nothing uses is there all the same
        Case(
            pc(device("v", "VGA"), controllers=[device("br", "pci-bridge")], reserve=only("02.0", machine="pc")),
            {"br": "pci.0:02.0", "v": "br:01.0"},
        ),
    ),
    ("tree", "a bridge needs a port"): Trio(
        Case(q35(controllers=[device("rp", "pcie-root-port")])),
        BadInput(
            q35(
                controllers=[
                    device("one", "pci-bridge", address="two:01.0"),
                    device("two", "pci-bridge", address="one:01.0"),
                ]
            ),
            "never reaches the root bus",
        ),
        Case(q35(controllers=[device("p2p", "pcie-pci-bridge")]), {"p2p": "rp1:00.0", "rp1": "pcie.0:01.0"}),
    ),
    ("machine-model", "an expander for a node"): Trio(
        Case(q35(RTL | {"numa": 0}, numa_nodes=1), has={"pxb1": {"model": "pxb-pcie"}}),
        BadInput(pc(controllers=[device("x", "pxb-pcie")]), "planned on machine q35 only"),
        Case(pc(RTL | {"numa": 0}, numa_nodes=1), has={"pxb1": {"model": "pxb"}, "br1": {"model": "pci-bridge"}}),
    ),
    # fifteen windows are one more than SeaBIOS has
    ("as-requested", "a virtio mode"): Trio(
        Case(
            q35(*devices(15, "virtio-net", hotplug="required"), policy=BEHIND_PORTS), has={"d14": {"virtio": "modern"}}
        ),
        q35(*TRANSITIONAL, policy=BEHIND_PORTS),
        Case(q35(*TRANSITIONAL), {"d14": "p2p1:"}, {"d14": {"virtio": "transitional"}}),
    ),
    ("as-requested", "properties"): Trio(
        Case(
            q35(device("a", "nvme", properties={"serial": "s1"}), controllers=[device("rp", "pcie-root-port")]),
            has={"a": {"properties": {"serial": "s1"}}},
        ),
        BadInput(q35(device("a", "nvme", properties={"addr": "5"})), "the plan decides this: say address"),
        Case(
            pc(
                device("a", "nvme"),
                controllers=[device("br", "pci-bridge", properties={"shpc": "on"})],
                reserve=only("02", machine="pc"),
            ),
            has={"br": {"properties": {"shpc": True}}},
        ),
    ),
}


@pytest.mark.parametrize("key", TRIOS, ids=", ".join)
def test_rule(key: tuple[str, str]) -> None:
    check_trio(key[0], TRIOS[key])


def test_no_expander_is_added_for_nobody() -> None:
    layout = planned(q35(device("a", "nvme"), numa_nodes=2))
    assert [one.model for one in layout.controllers] == ["pcie-root-port"]
