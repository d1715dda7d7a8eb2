"""Interface names by rule. What they rest on is measured in tests/real/test_linux.py, with the same answers."""

from typing import Any

import pytest

from qslot.schema import Layout, VirtioMode
from qslot.schema.firmware import predict
from qslot.schema.layout.topology import topology_of
from qslot.schema.linux.interface_names import guest_names
from qslot.schema.linux.slot_numbers import slot_numbers
from tests.real.layouts import at, controller, layout
from tests.real.linux.layouts import e1000, root_port

NO_ACPI = {"acpi": False}
OWN_TABLES = {"name": "seabios", "version": "1.16.3"}
"""The last SeaBIOS that brings ACPI tables of its own."""


OLD, NEW = "7.2", "10.0"
"""QEMUs whose ACPI tables describe function 0 alone, and each function."""


def on_qemu(version: str, plan: Layout) -> Layout:
    return plan.model_copy(update={"platform": plan.platform.model_copy(update={"qemu": version})})


def names(plan: Layout) -> dict[str, str | None]:
    return guest_names(plan, predict(plan))


def numbers(plan: Layout) -> dict[tuple[str, int], int]:
    topology = topology_of(plan.machine_model, plan)
    return slot_numbers(plan, topology, predict(plan).secondary)


class TestPaths:
    """`enp<bus>s<slot>`, decimal, where the slot has no number of its own."""

    @pytest.mark.parametrize(
        ("machine", "place", "name"),
        [
            ("q35", "pcie.0:03", "enp0s3"),
            ("q35", "pcie.0:1e", "enp0s30"),
            ("q35", "pcie.0:1f.4", "enp0s31f4"),
            ("pc", "pci.0:03", "ens3"),
            ("pc", "pci.0:1f", "ens31"),
        ],
    )
    def test_root_bus(self, machine: str, place: str, name: str) -> None:
        assert [*names(layout(machine, *e1000(place))).values()] == [name]

    @pytest.mark.parametrize("slot", [0, 7])
    def test_behind_a_root_port_whatever_its_slot(self, slot: int) -> None:
        ports = [root_port(f"pcie.0:02.{n}{'' if n else '+'}", n + 1, slot=slot + n) for n in range(3)]
        plan = layout(
            "q35", *ports, at("rp1:0.0+", "e1000e", "a"), at("rp1:0.1", "e1000e", "b"), at("rp3:0", "igb", "c")
        )
        assert names(plan) == {"a": "enp1s0f0", "b": "enp1s0f1", "c": "enp3s0"}

    def test_bus_numbers_are_decimal(self) -> None:
        plan = layout(
            "q35", controller("pcie.0:2", "pxb-pcie", "x", bus_nr=0x40), root_port("x:0", 1), at("rp1:0", "e1000e", "n")
        )
        assert names(plan) == {"n": "enp65s0"}


class TestAcpiSlots:
    def test_the_first_conventional_bus_has_the_numbers(self) -> None:
        plan = layout(
            "q35",
            root_port("pcie.0:02.0+", 1),
            root_port("pcie.0:02.1", 2),
            controller("rp1:0", "pcie-pci-bridge", "p1"),
            controller("rp2:0", "pcie-pci-bridge", "p2"),
            controller("p1:05", "pci-bridge", "b1", chassis_nr=9),
            *e1000("p2:01", "p1:01", "p1:1f", "b1:02", "p2:05"),
        )
        # p1's slot 5 holds a bridge, so that the number 5 goes to the next bus that has such a slot
        assert [*names(plan).values()] == ["enp5s1", "ens1", "ens31", "enp3s2", "enp5s5"]
        assert numbers(plan)["b1", 5] == 5

    @pytest.mark.parametrize(("qemu", "beside", "below"), [(OLD, "enp0s5f1", "ens5"), (NEW, "ens5f1", "enp1s5")])
    def test_a_slot_with_what_cannot_be_unplugged_has_none(self, qemu: str, beside: str, below: str) -> None:
        """But where each function is described it has, if another function can be: another bus has not that number."""
        plan = layout(
            "pc",
            controller("pci.0:06", "pci-bridge", "b", chassis_nr=1),
            at("pci.0:05.0+", "VGA", "v"),
            *e1000("pci.0:05.1", "b:05", "b:06", "b:07"),
        )
        assert [*names(on_qemu(qemu, plan)).values()] == [None, beside, below, "ens6", "enp1s7"]

    @pytest.mark.parametrize(("qemu", "name"), [(OLD, "enp0s1f4"), ("7.2.9", "enp0s1f4"), ("8.0", "ens1f4")])
    def test_beside_the_chipset(self, qemu: str, name: str) -> None:
        assert [*names(on_qemu(qemu, layout("pc", *e1000("pci.0:01.4")))).values()] == [name]

    @pytest.mark.parametrize(
        ("qemu", "usb", "name"), [(OLD, True, "ens1"), (NEW, True, "enp1s1"), (NEW, False, "ens1")]
    )
    def test_the_chipset_s_usb_can_be_unplugged(self, qemu: str, usb: bool, name: str) -> None:
        bridge = controller("pci.0:06", "pci-bridge", "b", chassis_nr=1)
        plan = layout("pc", bridge, *e1000("b:01"), chipset={"usb": usb})
        assert [*names(on_qemu(qemu, plan)).values()] == [name]

    def test_functions(self) -> None:
        plan = layout("pc", *e1000("pci.0:04.0+", "pci.0:04.3"))
        assert [*names(plan).values()] == ["ens4f0", "ens4f3"]

    @pytest.mark.parametrize(
        ("qemu", "fixed"),
        [(OLD, ["enp0s3", "enp0s4f0", "enp0s4f1", "enp2s0"]), (NEW, ["eno3", "eno8", "eno9", "eno5"])],
    )
    def test_index(self, qemu: str, fixed: list[str]) -> None:
        """Where ACPI offers hot-plug, unless functions share the slot; elsewhere if each function is described."""
        plan = layout(
            "q35",
            root_port("pcie.0:02.0+", 1),
            root_port("pcie.0:02.1", 2, hotplug="off"),
            root_port("pcie.0:02.2", 3),
            *e1000("pcie.0:03", acpi_index=3),
            *e1000("pcie.0:04.0+", acpi_index=8),
            *e1000("pcie.0:04.1", acpi_index=9),
            at("rp2:0", "e1000e", "b", acpi_index=5),
            at("rp1:0", "e1000e", "a", acpi_index=4),
            at("rp3:0.0+", "e1000e", "c", acpi_index=6),
            at("rp3:0.1", "e1000e", "d", acpi_index=7),
        )
        second = "enp3s0f1" if qemu == OLD else None
        assert [*names(on_qemu(qemu, plan)).values()] == [*fixed, "eno4", None, second]

    @pytest.mark.parametrize("qemu", [OLD, NEW])
    def test_an_index_that_no_table_tells(self, qemu: str) -> None:
        """Where the guest's own drivers do the hot-plug, and below expanders, whether or not there is hot-plug."""
        plan = layout(
            "pc-q35-6.0",
            root_port("pcie.0:02", 1),
            controller("pcie.0:08", "pxb-pcie", "x", bus_nr=64),
            root_port("x:00", 2, hotplug="off"),
            at("rp1:0", "e1000e", "a", acpi_index=4),
            at("rp2:0", "e1000e", "b", acpi_index=5),
        )
        assert [*names(on_qemu(qemu, plan)).values()] == ["enp1s0", "enp65s0"]


class TestNativeSlots:
    """Where the guest's own drivers do the hot-plug, a port's slot is what its property `slot` says."""

    @staticmethod
    def plan(machine: str = "pc-q35-6.0", **fields: Any) -> Layout:
        slots: list[dict[str, Any]] = [{}, {"slot": 5}, {"slot": 5}, {"slot": 9, "hotplug": "off"}]
        ports = [root_port(f"pcie.0:02.{n}{'' if n else '+'}", n + 1, **more) for n, more in enumerate(slots)]
        return layout(machine, *ports, *(at(f"rp{n}:0", "e1000e", f"n{n}") for n in range(1, 5)), **fields)

    @pytest.mark.parametrize(
        ("machine", "fields", "native"),
        [
            ("pc-q35-6.0", {}, True),
            ("pc-q35-6.1", {}, False),
            ("q35", {}, False),
            ("q35", {"chipset": NO_ACPI, "firmware": OWN_TABLES}, False),
            ("q35", {"chipset": NO_ACPI, "firmware": {"name": "seabios", "version": "1.17.0"}}, True),
            ("q35", {"chipset": NO_ACPI, "firmware": "ovmf"}, True),
        ],
    )
    def test_who_has_them(self, machine: str, fields: dict[str, Any], native: bool) -> None:
        second = "ens5" if native else "enp2s0"
        found = names(self.plan(machine, **fields))
        assert found == {"n1": "enp1s0", "n2": second, "n3": "enp3s0", "n4": "enp4s0"}

    def test_ports_come_before_bridges(self) -> None:
        plan = layout(
            "pc-q35-6.0",
            root_port("pcie.0:02.0+", 1, slot=3),
            root_port("pcie.0:02.1", 2, slot=4),
            controller("rp1:0", "pcie-pci-bridge", "p"),
            *e1000("p:03", "p:04", "p:05"),
            at("rp2:0", "e1000e", "n"),
        )
        assert [*names(plan).values()] == ["enp2s3", "enp2s4", "ens5", "ens4"]

    def test_function_0_of_many_takes_the_bridge_s(self) -> None:
        plan = layout(
            "pc-q35-6.0",
            root_port("pcie.0:02.0+", 1),
            root_port("pcie.0:02.1", 2, slot=40),
            controller("rp1:0", "pcie-pci-bridge", "p1"),
            controller("rp2:0", "pcie-pci-bridge", "p2"),
            *e1000("p2:02.0+", "p2:02.1", "p2:03"),
        )
        assert [*names(plan).values()] == ["ens40f0", "enp4s2f1", "enp4s3"]

    def test_a_name_asked_for_twice_is_nobody_s(self) -> None:
        plan = layout(
            "pc-q35-6.0",
            root_port("pcie.0:02.0+", 1),
            root_port("pcie.0:02.1", 2, slot=40),
            controller("rp1:0", "pcie-pci-bridge", "p1"),
            controller("rp2:0", "pcie-pci-bridge", "p2"),
            *e1000("p2:02.0+", "p2:02.1", "p2:03.0+", "p2:03.1"),
        )
        assert [*names(plan).values()] == [None, "enp4s2f1", None, "enp4s3f1"]

    def test_pc_without_acpi(self) -> None:
        """SHPC's numbers; what is below an expander Linux does not find."""
        plan = layout(
            "pc",
            controller("pci.0:06", "pci-bridge", "b1", chassis_nr=1),
            controller("pci.0:07", "pci-bridge", "b2", chassis_nr=2, shpc="off"),
            controller("pci.0:0b", "pxb", "x", bus_nr=64),
            *e1000("pci.0:03", "b1:01", "b2:02", "x:03"),
            chipset=NO_ACPI,
        )
        assert [*names(plan).values()] == ["enp0s3", "ens1", "enp2s2", None]

    def test_q35_without_acpi(self) -> None:
        """SeaBIOS's tables name all 31 slots of the root bus, those of bridges as well."""
        ports = (root_port("pcie.0:06", 1), root_port("pcie.0:07", 2))
        plan = layout(
            "q35",
            *ports,
            at("rp1:0.0+", "e1000e", "a"),
            at("rp1:0.1", "e1000e", "b"),
            at("rp2:0", "e1000e", "c"),
            *e1000("pcie.0:1f.4"),
            chipset=NO_ACPI,
            firmware=OWN_TABLES,
        )
        assert [*names(plan).values()] == ["ens6f0", "enp1s0f1", "enp2s0", "ens31f4"]


def test_what_is_no_interface() -> None:
    plan = layout(
        "pc",
        at("pci.0:03", "virtio-blk-pci", "disk", VirtioMode.MODERN),
        at("pci.0:04", "rocker", "switch"),
        at("pci.0:05.1", "e1000", "orphan"),
    )
    assert names(plan) == {"disk": None, "switch": None, "orphan": None}


def test_what_ovmf_drops_has_no_name() -> None:
    """Four bridges with an interface each: OVMF has ports for three on pc."""
    bridges = [controller(f"pci.0:{n:x}", "pci-bridge", f"b{n}", chassis_nr=n) for n in range(2, 6)]
    plan = layout("pc", *bridges, *e1000(*(f"b{n}:09" for n in range(2, 6))), firmware="ovmf")
    lost = predict(plan).lost
    assert lost
    assert {name for name, value in names(plan).items() if value is None} == set(lost)
