"""What a running guest has free: slots, and the room that the firmware reserved there."""

import pytest

from qslot.schema import Chipset, Layout
from qslot.schema.catalog import find
from qslot.schema.formats.hotplug import unplug
from qslot.schema.formats.placed import with_predictions
from qslot.schema.formats.text_layout import heading
from qslot.schema.hotplug import Room, free_places, free_slots
from qslot.schema.hotplug.capacity import GuestCapacity, free_buses
from qslot.schema.hotplug.room import free_bytes
from qslot.schema.layout.layout import PlacedDevice
from qslot.schema.pci.bars import BarKind, SizedBar

from ..layouts import port, small_layout

PAGE = 1 << 12
MIB = 1 << 20


def layout() -> Layout:
    return with_predictions(small_layout())


def with_controllers(*controllers: object) -> Layout:
    return layout().model_copy(update={"controllers": controllers, "devices": (), "spare": ()})


class TestSlots:
    def test_ports_and_bridges(self) -> None:
        """rp1 holds the bridge, rp2 a device; the bridge has 31 slots, from 1 on, of which two are used."""
        free = [(one.kind, one.bus.id, one.slot) for one in free_places(layout())]
        assert free == [("pcie", "rp3", 0), ("pcie", "rp4", 0), *(("pci", "p2p1", slot) for slot in range(3, 32))]
        assert heading(layout()).endswith("free for hot-plug: 2 pcie, 29 pci")

    def test_a_port_without_hotplug(self) -> None:
        cold = port("rp1", 0).model_copy(update={"properties": {"chassis": 1, "hotplug": False}})
        assert list(free_places(with_controllers(cold))) == []
        assert heading(with_controllers(cold)).endswith("free for hot-plug: nothing")

    @pytest.mark.parametrize(("hotplug", "count"), [(True, 30), (False, 0)])
    def test_the_root_of_pc(self, *, hotplug: bool, count: int) -> None:
        """Slots 0 and 1 are the chipset's."""
        platform = layout().platform.model_copy(update={"chipset": Chipset(root_hotplug=hotplug)})
        empty = with_controllers().model_copy(update={"machine": "pc", "platform": platform})
        free = free_slots(empty)
        assert [one.slot for one in free] == list(range(2, 2 + count))
        assert all(free_bytes(one.room.io) is None for one in free)


class TestRoom:
    def test_what_the_firmware_reserved(self) -> None:
        """SeaBIOS opens 2 MiB of each kind of memory for an empty port, and no IO ports."""
        rooms = {one.bus.id: one.room for one in free_slots(layout())}
        rp3 = rooms["rp3"]
        assert [free_bytes(holes) for holes in (rp3.io, rp3.memory, rp3.prefetchable)] == [0, 2 * MIB, 2 * MIB]
        assert free_bytes(rooms["p2p1"].io) == PAGE - 2 * 32

    def test_the_largest_first_each_at_its_alignment(self) -> None:
        room = Room(memory=((MIB - PAGE, MIB + PAGE),))
        bars = (SizedBar(0, BarKind.MEM32, PAGE), SizedBar(1, BarKind.MEM32, MIB))
        left = room.without(bars)
        assert left is not None
        assert left.memory == ()
        assert room.without((*bars, SizedBar(2, BarKind.MEM32, PAGE))) is None

    def test_prefetchable_memory_may_go_either_way_but_no_other(self) -> None:
        room = Room(memory=(), prefetchable=((0, MIB),))
        assert room.without((SizedBar(0, BarKind.PREF64, MIB),)) is not None
        assert room.without((SizedBar(0, BarKind.MEM64, MIB),)) is None
        assert Room(memory=((0, MIB),)).without((SizedBar(0, BarKind.PREF64, MIB),)) is not None

    def test_nothing_of_32_bits_above_4_gib(self) -> None:
        room = Room(prefetchable=((1 << 32, MIB),), high=True)
        assert room.without((SizedBar(0, BarKind.PREF64, MIB),)) is not None
        assert room.without((SizedBar(0, BarKind.PREF32, MIB),)) is None

    def test_io_ports_are_no_memory(self) -> None:
        assert Room(memory=((0, MIB),)).without((SizedBar(0, BarKind.IO, 32),)) is None


def test_it_prints() -> None:
    found = str(GuestCapacity(free=free_buses(free_slots(layout()))))
    assert "free for hot-plug: 2 pcie, 29 pci" in found
    assert "pcie  rp3 and rp4: slot 00 each; room: IO none, memory 2 MiB, prefetchable 2 MiB" in found


class TestUnplugging:
    """What is waited for: an event, or, of models for which QEMU sends none, that they are listed no more."""

    @staticmethod
    def notes(qemu: str, *models: str) -> tuple[str, ...]:
        """Of unplugging what sits in rp3: a function of each model."""
        platform = small_layout().platform.model_copy(update={"qemu": qemu})
        seats = tuple(
            PlacedDevice(
                id=f"d{number}",
                model=model,
                driver=find(model).driver,
                bus="rp3",
                slot=0,
                function=number,
                multifunction=number == 0 and len(models) > 1,
            )
            for number, model in enumerate(models)
        )
        placed = {"devices": seats, "spare": (), "platform": platform}
        return unplug(with_predictions(small_layout().model_copy(update=placed)), "d0").notes

    @pytest.mark.parametrize(("qemu", "model"), [("10.0", "qemu-xhci"), ("11.1", "intel-hda"), ("7.2", "e1000e")])
    def test_an_event(self, qemu: str, model: str) -> None:
        (note,) = self.notes(qemu, model)
        assert note.startswith("wait for DEVICE_DELETED of d0: the guest must agree")

    @pytest.mark.parametrize(("qemu", "model"), [("7.2", "qemu-xhci"), ("10.0", "intel-hda")])
    def test_no_event(self, qemu: str, model: str) -> None:
        wait, why = self.notes(qemu, model)
        assert wait.startswith("wait for query-pci to list d0 no more: the guest must agree")
        assert why == f"QEMU {qemu} is not known to send DEVICE_DELETED for d0"

    def test_both_in_one_slot(self) -> None:
        wait, why = self.notes("7.2", "qemu-xhci", "e1000e")
        assert wait.startswith("wait for DEVICE_DELETED of d1 and for query-pci to list d0 no more:")
        assert why.endswith("for d0")

    @pytest.mark.parametrize(("qemu", "ends"), [("7.2", True), ("10.0", True), ("11.1", False)])
    def test_what_ends_qemu_where_it_was(self, qemu: str, *, ends: bool) -> None:
        told = "plug no bochs-display into rp3:00 again while this QEMU runs: it ends then, and the guest with it"
        assert (told in self.notes(qemu, "bochs-display")) == ends
