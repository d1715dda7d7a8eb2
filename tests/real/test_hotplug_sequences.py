"""Sequences of hot-plug and unplug, replayed in a running QEMU over QMP: nothing is refused, all sits where it is said.

Without a guest system nobody gives a device back but a reset; Linux does, names interfaces, and assigns BARs.
"""

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

import pytest

from qslot.schema import Layout
from qslot.schema.firmware import Prediction, predict
from qslot.schema.formats.hotplug import HotplugStep
from qslot.schema.hotplug.unplugging import says_deleted
from qslot.testing import RealQemu

from .hotplug_sequences import Drawn
from .linux.guest import View
from .linux.initramfs import Boot
from .linux.live import LiveLinux

pytestmark = pytest.mark.real

STEPS: Final = 5
LOOKS: Final = 10
"""How often Linux is asked whether it has noticed."""
IO, PREFETCH = 0x100, 0x2000
"""Linux's resource flags IORESOURCE_IO, IORESOURCE_PREFETCH."""


@pytest.mark.parametrize("seed", range(35))
def test_without_a_guest_system(real_qemu: RealQemu, seed: int) -> None:
    """Devices come; then some go, by a reset, after which the firmware enumerates anew; then others come."""
    drawn = Drawn(seed)
    with real_qemu(drawn.layout) as qemu:
        for step in steps(drawn.plugged, STEPS):
            qemu.tell(step)
        assert qemu.addresses() == foretold(drawn.layout)
        for step in steps(drawn.unplugged, 3):
            qemu.tell(step)
        qemu.reset()
        for step in steps(drawn.plugged, STEPS):
            qemu.tell(step)
        assert qemu.addresses() == foretold(drawn.layout)


def steps(drawn: Callable[[], HotplugStep | None], number: int) -> list[HotplugStep]:
    """Those of so many draws that can be."""
    return [step for _ in range(number) if (step := drawn()) is not None]


def tell(qemu: LiveLinux, step: HotplugStep) -> None:
    for command in step.commands:
        qemu.execute(command["execute"], command["arguments"])


def foretold(layout: Layout) -> dict[str, str]:
    return {name: address for name, address in layout.guest_addresses.items() if address is not None}


@pytest.mark.parametrize("seed", range(100, 105))
def test_linux(guest: Boot, seed: int, tmp_path: Path) -> None:
    """Three sequences each, with a reboot behind each."""
    drawn = Drawn(seed)
    with LiveLinux(drawn.layout, guest, tmp_path) as linux:
        assert_seen(drawn.layout, linux.booted())
        for _ in range(3):
            windows = predict(drawn.layout)
            new = replayed(drawn, linux)
            view = settled(drawn.layout, linux)
            assert_seen(drawn.layout, view)
            assert not list(misplaced(drawn.layout, new, view, windows))
            linux.execute("system_reset")
            after = linux.booted()
            assert_seen(drawn.layout, after)
            assert not list(misplaced(drawn.layout, new, after, predict(drawn.layout)))


def replayed(drawn: Drawn, linux: LiveLinux) -> set[str]:
    """Ids of what came. The guest takes its time: what is to go must have come, and it must be done with what went."""
    new: set[str] = set()
    coming: set[str] = set()
    done = 0
    while done < STEPS:
        before = drawn.layout
        step = drawn.step()
        if step is None:
            continue
        done += 1
        going = step.commands[0]["execute"] == "device_del"
        if going and coming & {*step.devices}:
            settled(before, linux)
        tell(linux, step)
        if going:
            silent = {one.id for one in before.devices if not says_deleted(one.model, before.qemu_version)}
            linux.wait_deleted({*step.devices} - silent)
            linux.wait_gone({*step.devices})
            settled(drawn.layout, linux)
            new, coming = new - {*step.devices}, set()
        else:
            new |= {*step.devices}
            coming |= {*step.devices}
    return new


def settled(layout: Layout, linux: LiveLinux) -> View:
    """What Linux sees once it has noticed all that came; what it sees at last, if it does not."""
    for _ in range(LOOKS):
        view = linux.look()
        places = foretold(layout)
        names = {name: view.functions[place].interface for name, place in places.items() if place in view.functions}
        if names == {name: layout.guest_names[name] for name in places}:
            break
        time.sleep(1)
    return view


def assert_seen(layout: Layout, view: View) -> None:
    """Every device is where it is said, and every interface is called what is said."""
    places = foretold(layout)
    assert {*places.values()} <= view.functions.keys()
    assert {name: view.functions[place].interface for name, place in places.items()} == {
        name: layout.guest_names[name] for name in places
    }
    mine = {place for place in view.functions if not place.startswith("00:")}
    assert mine <= {*places.values(), *filter(None, predict(layout).guest_addresses.values()), *bridges(layout)}


def bridges(layout: Layout) -> Iterator[str]:
    numbers = predict(layout).secondary
    for one in layout.controllers:
        number = numbers.get(one.bus, 0)
        if number is not None:
            yield f"{number:02x}:{one.slot:02x}.{one.function}"


def misplaced(layout: Layout, names: set[str], view: View, booted: Prediction) -> Iterator[str]:
    """BARs of those devices that Linux found no place for, or put outside the windows that the firmware opened when
    the guest was booted."""
    root = layout.machine_model.root
    for device in layout.devices:
        if device.id not in names:
            continue
        for base, size, flags in view.functions[str(layout.guest_addresses[device.id])].bars:
            if not base:
                yield f"{device.id}: a BAR of {size} has no place"
            elif device.bus != root and not any(
                start <= base and base + size <= start + length
                for start, length in windows_of(device.bus, flags, booted)
            ):
                yield f"{device.id}: {base:x}+{size:x} is outside the windows of {device.bus}"


def windows_of(bus: str, flags: int, booted: Prediction) -> Iterator[tuple[int, int]]:
    if flags & IO:
        yield from ((one.base, one.size) for one in booted.io_windows if one.controller == bus and one.base is not None)
        return
    kinds = (booted.memory_windows, booted.prefetchable_windows) if flags & PREFETCH else (booted.memory_windows,)
    for windows in kinds:
        one = windows.get(bus)
        if one is not None and one.base is not None:
            yield one.base, one.size
