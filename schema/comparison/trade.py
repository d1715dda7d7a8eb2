"""What a guest trades for another layout: drivers that it must have, interfaces that Windows takes for new ones, slots
that take hot-plug no more."""

from collections.abc import Iterator, Sequence
from typing import Final

from ..hotplug.slots import offered_slots
from ..layout.known_model import known_model
from ..layout.layout import PlacedDevice
from ..pci.controllers import VirtioMode
from ..words import named
from .difference import PartDifference, Trade
from .known import Known, plugs

STORAGE: Final = frozenset({"block", "scsi", "nvme", "sata", "ide"})
"""Categories of the catalogue that a guest may boot from."""
NEW_TO_WINDOWS: Final = frozenset({"path", "model", "virtio"})
"""What Windows keys a device by: where it sits, and its device ID."""


def trade(was: Known, now: Known, devices: Sequence[PartDifference]) -> Trade:
    """What a guest that is started with `now` instead of `was` must have, and what is new to it."""
    both = [one for one in devices if one.old_id is not None and one.new_id is not None]
    new = [one for one in both if any(it.what in NEW_TO_WINDOWS for it in one.differing)]
    before, after = _hotpluggable(was), _hotpluggable(now)
    there = [one.id for one in now.layout.devices if one.id in was.devices]
    return Trade(
        drivers=(*_of_chipset(was, now), *_of_devices(was, now, both), *_to_boot_windows(was, now, both)),
        new_adapters=tuple(one.id for one in new if _category(now.devices[one.id]) == "network"),
        hotplug_lost=tuple(name for name in there if name in before - after),
        hotplug_gained=tuple(name for name in there if name in after - before),
    )


def _of_chipset(was: Known, now: Known) -> Iterator[str]:
    """pc has an IDE controller of its own, q35 may have an AHCI one."""
    if not _changes_chipset(was, now):
        return
    if now.layout.machine_model.family == "pc":
        yield "IDE, for disks of the chipset's own controller, in place of AHCI"
    elif now.layout.platform.chipset.sata:
        yield "AHCI, for disks of the chipset's own controller, in place of IDE"
    else:
        yield "none for disks of the chipset's own IDE controller: q35 has no IDE, and chipset.sata is off"


def _changes_chipset(was: Known, now: Known) -> bool:
    return was.layout.machine_model.family != now.layout.machine_model.family


def _of_devices(was: Known, now: Known, both: Sequence[PartDifference]) -> Iterator[str]:
    """Of other models; of virtio devices whose interface is another. Transitional ones have both interfaces."""
    for one in both:
        if was.devices[one.id].model != one.model:
            yield f"{one.model}, for {one.id}, in place of {was.devices[one.id].model}"
    for mode, kind in ((VirtioMode.MODERN, "virtio 1.0"), (VirtioMode.LEGACY, "virtio 0.9")):
        changed = [one.id for one in both if _differs_in_mode(was, one) and now.devices[one.id].virtio is mode]
        if changed:
            yield f"{kind}, for {named(changed)}: the device ID and the registers are others"


def _differs_in_mode(was: Known, one: PartDifference) -> bool:
    return was.devices[one.id].model == one.model and any(it.what == "virtio" for it in one.differing)


def _to_boot_windows(was: Known, now: Known, both: Sequence[PartDifference]) -> Iterator[str]:
    """Windows loads early only the drivers of what it has booted from before."""
    others = [
        one.id
        for one in both
        if _category(now.devices[one.id]) in STORAGE and any(it.what in ("model", "virtio") for it in one.differing)
    ]
    own = "the chipset's own" if _changes_chipset(was, now) else ""
    who = " or ".join(one for one in (own, named(others) if others else "") if one)
    if who:
        yield f"Windows: that of the controller it boots from, installed before, where that is {who}"


def _category(device: PlacedDevice) -> str:
    model = known_model(device)
    return "" if model is None else model.category


def _hotpluggable(known: Known) -> set[str]:
    """Devices that can be unplugged from where they are."""
    buses, machine = known.topology.buses, known.layout.machine_model
    return {
        one.id
        for one in known.layout.devices
        if one.bus in buses
        and buses[one.bus].takes_hotplug
        and one.slot in offered_slots(buses[one.bus], machine)
        and plugs(one)
    }
