"""Rule preset: with preset libvirt devices sit where libvirt would put such ones, and nowhere cheaper."""

import pytest

from ..ask import (
    Case,
    Data,
    Trio,
    Trios,
    above,
    check_trio,
    device,
    devices,
    explained,
    models,
    only,
    pc,
    planned,
    policy,
    q35,
    seats,
)

LIBVIRT = {"preset": "libvirt"}


def limit(controllers: int) -> Data:
    return policy(preset="libvirt", max_controllers=controllers)


TRIOS: Trios = {
    ("preset", "a port for each"): Trio(
        Case(q35(*devices(3, "virtio-net"), policy=LIBVIRT)),
        q35(*devices(3, "virtio-net", hotplug="never"), policy=limit(2), spare=[]),
        Case(q35(*devices(3, "virtio-net", hotplug="never"), policy=limit(3), spare=[])),
    ),
    ("preset", "a hot-pluggable port"): Trio(
        Case(q35(device("a", "nvme"), controllers=[device("rp", "pcie-root-port")], policy=LIBVIRT)),
        q35(device("a", "nvme"), controllers=[device("rp", "pcie-root-port", hotplug="off")], policy=limit(1)),
        Case(q35(device("a", "nvme"), controllers=[device("rp", "pcie-root-port", hotplug="off")], policy=limit(2))),
    ),
    ("preset", "conventional ones behind a bridge"): Trio(
        Case(q35(device("a", "rtl8139"), policy=LIBVIRT)),
        q35(device("a", "rtl8139", hotplug="never"), policy=limit(1), spare=[]),
        Case(q35(device("a", "rtl8139", hotplug="never"), policy=limit(2), spare=[])),
    ),
    ("preset", "alone in its slot on pc"): Trio(
        Case(pc(*devices(2, "e1000"), policy=LIBVIRT)),
        pc(*devices(2, "e1000", hotplug="never"), policy=limit(0), reserve=only("02.0", "02.1", machine="pc")),
        Case(pc(*devices(2, "e1000", hotplug="never"), policy=limit(0), reserve=only("02.0", "03.0", machine="pc"))),
    ),
    ("preset", "chipset place"): Trio(
        Case(q35(device("v", "virtio-vga"), policy=LIBVIRT), {"v": "pcie.0:01.0"}),
        q35(device("v", "virtio-vga"), policy=LIBVIRT, reserve=only("1f.1"), spare=[]),
        Case(q35(device("v", "virtio-vga"), policy=LIBVIRT, reserve=only("01.0", "02.0")), {"v": "pcie.0:01.0"}),
    ),
}


@pytest.mark.parametrize("key", TRIOS, ids=", ".join)
def test_rule(key: tuple[str, str]) -> None:
    check_trio(key[0], TRIOS[key])


def test_one_port_is_spare_unless_controllers_are_listed_or_none_is_needed() -> None:
    disk = device("a", "nvme")
    assert len(planned(q35(disk, policy=LIBVIRT)).spare) == 1
    assert planned(q35(disk, policy=LIBVIRT, controllers=[device("rp", "pcie-root-port")])).spare == ()
    assert planned(q35(disk, policy=LIBVIRT, spare=[])).spare == ()
    assert planned(pc(disk, policy=LIBVIRT)).spare == ()
    pinned, video, iommu = device("a", "nvme", address="pcie.0:05"), device("v", "VGA"), device("i", "virtio-iommu")
    assert planned(q35(pinned, video, iommu, policy=LIBVIRT)).spare == ()


def test_addresses_that_are_given_are_kept() -> None:
    layout = planned(q35(device("a", "virtio-net", address="pcie.0:05"), device("b", "nvme"), policy=LIBVIRT))
    assert seats(layout)["a"] == "pcie.0:05.0"
    assert above(layout, "b") == ["pcie-root-port"]


def test_bridges_keep_their_shpc() -> None:
    layout = planned(pc(*devices(40, "virtio-net", virtio="modern"), policy=LIBVIRT))
    assert models(layout) == ["pci-bridge"]
    assert layout.controllers[0].properties["shpc"] is True
    other = planned(pc(*devices(40, "virtio-net", virtio="modern")))
    assert {one.properties["shpc"] for one in other.controllers if one.model == "pci-bridge"} == {False}


@pytest.mark.parametrize("chipset", [{"acpi": False}, {"root_hotplug": False}])
def test_no_bridge_for_hot_plug_that_libvirts_own_place_does_not_take(chipset: Data) -> None:
    """What is preferred is given up, and nothing warns of it; what is required stays so."""
    layout = planned(pc(device("a", "virtio-net"), chipset=chipset, policy=LIBVIRT))
    assert (seats(layout)["a"], models(layout), layout.warnings) == ("pci.0:02.0", [], ())
    assert {term.term: term.value for term in layout.objective}["preferences"] == 0
    assert models(planned(pc(device("a", "virtio-net"), chipset=chipset))) == ["pci-bridge"]
    required = device("a", "virtio-net", hotplug="required")
    assert models(planned(pc(required, chipset=chipset, policy=LIBVIRT))) == ["pci-bridge"]


def test_elsewhere_missing_acpi_is_named_as_the_reason() -> None:
    layout = planned(pc(device("a", "virtio-net"), chipset={"acpi": False}))
    assert [(one.rule, one.subjects) for one in layout.warnings] == [("shpc-driver", ("a",)), ("no-acpi", ("a",))]


def test_it_is_named_where_it_stands_in_the_way() -> None:
    found = explained(q35(*devices(2, "virtio-net", hotplug="never"), policy=limit(1), spare=[])).conflict
    assert found is not None
    assert "preset" in {fact.rule for fact in found.facts}
