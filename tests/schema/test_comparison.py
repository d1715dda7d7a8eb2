"""What differs between two layouts: identities, the guest's ABI, and how a running guest follows."""

from typing import Any

import pytest

from qslot.schema import Chipset, Layout
from qslot.schema.comparison import LayoutDiff, diff
from qslot.schema.comparison.guest_abi import MACHINE_ROWS, OUTSIDE_ABI
from qslot.schema.errors import ArgumentError
from qslot.schema.formats.placed import with_predictions
from qslot.schema.layout.layout import PlacedController, PlacedDevice, Platform
from qslot.schema.pci.controllers import VirtioMode

from ..layouts import nic, port, small_layout


def before() -> Layout:
    return with_predictions(small_layout())


def having(layout: Layout, name: str, **update: Any) -> Layout:
    parts = {
        part: tuple(one.model_copy(update=update) if one.id == name else one for one in getattr(layout, part))
        for part in ("controllers", "devices")
    }
    return with_predictions(layout.model_copy(update=parts))


def without(layout: Layout, *names: str) -> Layout:
    devices = tuple(one for one in layout.devices if one.id not in names)
    return with_predictions(layout.model_copy(update={"devices": devices}))


def adding(layout: Layout, *more: PlacedDevice | PlacedController) -> Layout:
    controllers = (*layout.controllers, *(one for one in more if isinstance(one, PlacedController)))
    devices = (*layout.devices, *(one for one in more if isinstance(one, PlacedDevice)))
    return with_predictions(layout.model_copy(update={"controllers": controllers, "devices": devices}))


def told(found: LayoutDiff, name: str) -> dict[str, tuple[object, object]]:
    """What differs of a device or controller."""
    part = next(one for one in (*found.devices, *found.controllers) if one.id == name)
    return {one.what: (one.old, one.new) for one in part.differing}


class TestIdentities:
    def test_the_same(self) -> None:
        found = diff(before(), before())
        assert found.same
        assert (str(found), found.following.way) == ("the same", "nothing")

    def test_labels_and_backends_and_order_are_none(self) -> None:
        old = before()
        names = {"rp1": "pci.1", "rp2": "pci.2", "rp3": "pci.3", "rp4": "pci.4", "p2p1": "pci.5"}
        called = tuple(
            one.model_copy(update={"id": names[one.id], "bus": names.get(one.bus, one.bus)}) for one in old.controllers
        )
        moved = tuple(one.model_copy(update={"bus": names.get(one.bus, one.bus)}) for one in reversed(old.devices))
        found = diff(old, with_predictions(old.model_copy(update={"controllers": called, "devices": moved})))
        assert found.same
        assert found.renamed == names
        other = diff(old, having(old, "net0", properties={"netdev": "hn1", "bootindex": 2}))
        assert (other.same, other.abi, other.following.way) == (False, (), "nothing")

    def test_what_is_at_its_default_is_not_stated(self) -> None:
        old = before()
        assert diff(old, having(old, "rp1", properties={"chassis": 1, "port": 8, "hotplug": True, "slot": 0})).same

    def test_a_moved_device(self) -> None:
        found = diff(before(), having(before(), "net2", bus="rp3"))
        assert told(found, "net2") == {
            "path": ("pcie.0:01.1/00.0", "pcie.0:01.2/00.0"),
            "guest_address": ("03:00.0", "04:00.0"),
            "interface": ("enp3s0", "enp4s0"),
        }
        assert [one.what for _, one in found.abi] == ["path"]

    def test_slot_numbers_are_an_identity_of_their_own(self) -> None:
        found = diff(before(), having(before(), "net1", slot=4))
        assert told(found, "net1")["slot_number"] == (2, 4)
        assert told(found, "net1")["interface"] == ("ens2", "ens4")

    def test_bus_numbers_shift_without_a_move(self) -> None:
        """An empty bridge less in front: paths stay, and so does the ABI as far as the devices behind go."""
        old = without(before(), "net0", "net1")
        fewer = tuple(one for one in old.controllers if one.id != "p2p1")
        found = diff(old, with_predictions(old.model_copy(update={"controllers": fewer})))
        assert told(found, "net2") == {"guest_address": ("03:00.0", "02:00.0"), "interface": ("enp3s0", "enp2s0")}
        assert {who for who, _ in found.abi} == {"p2p1"}

    def test_models_on_the_way_are_part_of_a_path(self) -> None:
        found = diff(before(), having(before(), "rp2", model="ioh3420"))
        old, new = told(found, "net2")["path"]
        assert (old, new) == ("pcie.0:01.1/00.0 (pcie-root-port)", "pcie.0:01.1/00.0 (ioh3420)")

    def test_a_mode(self) -> None:
        modern = {"virtio": VirtioMode.MODERN, "driver": "virtio-net-pci-non-transitional"}
        found = diff(before(), having(before(), "net0", **modern))
        assert told(found, "net0") == {"virtio": ("transitional", "modern")}
        assert "QEMU refuses to migrate: virtio of net0" in str(found)


class TestAbi:
    def test_what_qemu_takes_is_marked(self) -> None:
        found = diff(before(), having(before(), "net0", properties={"acpi-index": 3}))
        assert [(who, one.what, one.verdict) for who, one in found.abi] == [("net0", "acpi-index", "taken")]
        assert "QEMU migrates, though the guest differs: acpi-index of net0" in str(found)

    def test_what_is_not_listed_counts(self) -> None:
        found = diff(before(), having(before(), "net0", properties={"host_mtu": 9000}))
        assert [one.verdict for _, one in found.abi] == ["unmeasured"]

    def test_the_machine(self) -> None:
        old = before()
        platform = old.platform.model_copy(update={"memory": 2 << 30, "chipset": Chipset(smbus=False)})
        found = diff(old, old.model_copy(update={"platform": platform, "machine": "pc-q35-7.2"}))
        assert [(one.what, one.verdict) for one in found.machine] == [
            ("machine", "refused"),
            ("memory", "refused"),
            ("chipset.smbus", "one-way"),
        ]
        assert found.following.way == "cold-start"

    def test_every_field_of_the_machine_has_a_row(self) -> None:
        platform = {*Platform.model_fields, *(f"chipset.{name}" for name in Chipset.model_fields)} - {"chipset"}
        assert {*MACHINE_ROWS, *OUTSIDE_ABI} == platform | {"machine", "firmware", "firmware.version"}

    def test_the_cpu_is_told_by_its_fields(self) -> None:
        old = before()
        cpu = old.platform.cpu.model_copy(update={next(iter(type(old.platform.cpu).model_fields)): "EPYC"})
        found = diff(old, old.model_copy(update={"platform": old.platform.model_copy(update={"cpu": cpu})}))
        assert [(one.what, "EPYC" in str(one.new)) for one in found.machine] == [("cpu", True)]

    def test_the_version_of_the_firmware_is_none(self) -> None:
        old = before()
        newer = old.model_copy(update={"firmware": old.firmware.model_copy(update={"version": "1.16.0"})})
        found = diff(old, newer)
        assert (found.same, found.abi) == (False, ())


class TestFollowing:
    def test_a_device_more(self) -> None:
        found = diff(before(), adding(before(), nic("new", "rp3", 0, VirtioMode.MODERN)))
        assert (found.following.way, found.following.unplug, found.following.plug) == ("hot-plug", (), ("new",))
        assert found.following.reboot == ()
        assert str(found.devices[0]) == "new (virtio-net) is new, at pcie.0:01.2/00.0"

    def test_a_device_less(self) -> None:
        found = diff(before(), without(before(), "net2"))
        assert (found.following.way, found.following.unplug, found.following.plug) == ("hot-plug", ("net2",), ())
        assert str(found.devices[0]) == "net2 (virtio-net) is gone, from pcie.0:01.1/00.0"

    def test_a_device_of_another_kind_in_the_same_place(self) -> None:
        other = {"model": "e1000e", "driver": "e1000e", "virtio": None}
        found = diff(before(), having(before(), "net2", **other))
        assert (found.following.unplug, found.following.plug) == (("net2",), ("net2",))

    @pytest.mark.parametrize(
        ("change", "why"),
        [
            (lambda old: without(old, "video0"), "video0 cannot be unplugged: pcie.0 is the root bus"),
            (lambda old: adding(old, nic("new", "pcie.0", 9)), "new cannot be plugged: pcie.0 is the root bus"),
            (lambda old: adding(old, port("rp9", 7)), "rp9 (pcie-root-port) is new"),
            (
                lambda old: having(old, "rp4", properties={"chassis": 4, "port": 9}),
                "rp4 (pcie-root-port): port 11 -> 9",
            ),
            (lambda old: adding(old, nic("new", "rp3", 0).model_copy(update={"function": 1})), "gets no function 0"),
        ],
    )
    def test_what_takes_a_cold_start(self, change: Any, why: str) -> None:
        found = diff(before(), change(before()))
        assert found.following.way == "cold-start"
        assert any(why in line for line in found.following.cold), found.following.cold

    def test_a_new_function_takes_its_whole_slot_along(self) -> None:
        """Function 0 alone makes a guest look at a slot: what is there already is unplugged first."""
        both = having(before(), "net2", multifunction=True)
        both = adding(both, nic("new", "rp2", 0, VirtioMode.MODERN).model_copy(update={"function": 1}))
        found = diff(before(), both)
        assert (found.following.unplug, found.following.plug) == (("net2",), ("net2", "new"))

    def test_io_ports_come_with_the_next_reboot(self) -> None:
        """SeaBIOS gives an empty port no IO window: a card with IO ports has none of them until it runs again."""
        found = diff(before(), adding(before(), nic("new", "rp3", 0)))
        assert found.following.way == "hot-plug"
        assert any("new gets its IO ports" in line for line in found.following.reboot)
        assert any(window.controller == "rp3" and window.kind == "io" for window in found.windows)


class TestTrade:
    def test_nothing(self) -> None:
        assert not list(diff(before(), before()).trade.lines())

    def test_another_model(self) -> None:
        found = diff(before(), having(before(), "net2", model="e1000e", driver="e1000e", virtio=None)).trade
        assert found.drivers == ("e1000e, for net2, in place of virtio-net",)
        assert found.new_adapters == ("net2",)

    def test_a_moved_interface_is_a_new_one_to_windows(self) -> None:
        assert list(diff(before(), having(before(), "net2", bus="rp3")).trade.lines()) == [
            "new adapters to Windows, without the settings of the old ones: net2"
        ]

    def test_a_device_that_leaves_its_port(self) -> None:
        found = diff(before(), having(before(), "net2", bus="pcie.0", slot=9)).trade
        assert (found.hotplug_lost, found.hotplug_gained) == (("net2",), ())


def test_it_prints_as_data() -> None:
    data = diff(before(), having(before(), "net2", bus="rp3")).model_dump(mode="json")
    assert data["devices"][0]["differing"][0]["verdict"] == "refused"


@pytest.mark.parametrize("place", ["old", "new"])
def test_no_layouts(place: str) -> None:
    nothing: Any = {}
    with pytest.raises(ArgumentError) as raised:
        diff(nothing if place == "old" else before(), nothing if place == "new" else before())
    assert raised.value.field == place
