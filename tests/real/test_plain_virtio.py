"""Virtio devices that nobody tells their mode, in a real QEMU: machine type and slot make it, as every plan has it."""

import asyncio
from typing import Any, Final

import pytest

from qslot.schema import Guest, Layout, VirtioMode
from qslot.schema.catalog import find
from qslot.schema.catalog.measure.ask import Qemu
from qslot.schema.libvirt import read, write
from qslot.schema.pci.machine_types import family_of
from qslot.schema.probe import boot
from qslot.schema.qemu.errors import QemuEndedError
from qslot.solver import solve

from .query_pci import rows
from .test_machine_versions import mode_of
from .this_qemu import said_here

pytestmark = pytest.mark.real

VERSIONS: Final = ("2.4", "2.5", "2.6", "2.7", "2.8", "3.1", "5.1", "7.2")
MACHINES: Final = (
    *("pc-i440fx-1.4", "pc-i440fx-2.0"),
    *(f"{kind}-{version}" for version in VERSIONS for kind in ("pc-q35", "pc-i440fx")),
)
VARYING: Final = ("virtio-net", "virtio-blk", "virtio-scsi", "virtio-rng", "virtio-serial", "virtio-9p")
MODERN: Final = ("virtio-crypto", "virtio-gpu", "virtio-keyboard")
"""Modern on all machine types."""
BUSES: Final = {
    "pc-q35": {
        "pcie.0": [],
        "port": [{"id": "port", "model": "pcie-root-port"}],
        "bridge": [
            {"id": "p", "model": "ioh3420"},
            {"id": "bridge", "model": "pcie-pci-bridge", "address": "p:00.0"},
        ],
        "dmi": [{"id": "dmi", "model": "i82801b11-bridge"}],
        "down": [
            {"id": "p", "model": "ioh3420"},
            {"id": "up", "model": "x3130-upstream", "address": "p:00.0"},
            {"id": "down", "model": "xio3130-downstream", "address": "up:00.0"},
        ],
    },
    "pc-i440fx": {"pci.0": [], "bridge": [{"id": "bridge", "model": "pci-bridge"}]},
}
"""Controllers for devices on that bus. What sits behind ports has one each."""
PORTS: Final = ("port", "down")


def request(machine: str, bus: str, means: str, hotplug: str = "never") -> dict[str, Any]:
    """Every model on buses of that kind."""
    made = BUSES[machine.rpartition("-")[0]][bus]
    controllers: list[dict[str, Any]] = [] if bus in PORTS else list(made)
    devices = []
    for n, model in enumerate((*VARYING, *MODERN)):
        place = f"{bus}:{n + 8:02x}.0"
        if bus in PORTS:
            copies = [{name: _own(value, n) for name, value in one.items()} for one in made]
            controllers += copies
            place = f"{bus}{n}:00.0"
        how = {"virtio_by": means} if model in VARYING else {}
        devices.append({"id": model, "model": model, "address": place, "hotplug": hotplug, **how})
    return {"machine": machine, "controllers": controllers, "devices": devices}


def _own(value: str, number: int) -> str:
    """The copy's own id, or its address on a copy."""
    bus, colon, slot = value.partition(":")
    return f"{bus}{number}{colon}{slot}" if bus in ("port", "p", "up", "down") else value


def planned(data: dict[str, Any]) -> Layout:
    outcome = solve(Guest.model_validate(data))
    layout: Layout | None = getattr(outcome, "layout", None)
    assert layout is not None, outcome
    return layout


def seen(layout: Layout) -> dict[str, tuple[VirtioMode, int]]:
    """Mode and bytes of IO BARs by id."""
    found = {row["qdev_id"]: row for row in rows(boot(layout).tree)}
    mine = {device.id: found[device.id] for device in layout.devices}
    return {
        name: (mode_of(row), sum(r["size"] for r in row["regions"] if r["type"] == "io")) for name, row in mine.items()
    }


def expected(layout: Layout) -> dict[str, tuple[VirtioMode, int]]:
    """As the catalogue has it for the modes of the plan."""
    _, version = family_of(layout.machine)
    return {
        device.id: (device.virtio, find(device.model).io_bytes(device.virtio, device.properties, version))
        for device in layout.devices
        if device.virtio is not None
    }


CASES = [(machine, bus) for machine in MACHINES for bus in BUSES[machine.rpartition("-")[0]]]


@pytest.mark.parametrize(("machine", "bus"), CASES)
def test_what_plain_virtio_is(machine: str, bus: str) -> None:
    """The bare device types, in a plan that says what QEMU makes of them; a port then has its IO window."""
    layout = planned(request(machine, bus, "slot"))
    assert not any("transitional" in device.driver for device in layout.devices)
    assert not any("disable-legacy" in device.properties for device in layout.devices if device.model in VARYING)
    assert seen(layout) == expected(layout)
    old = tuple(int(part) for part in machine.rpartition("-")[2].split(".")) < (2, 7)
    modes = {device.virtio for device in layout.devices if device.model in VARYING}
    assert modes == {VirtioMode.LEGACY if old else VirtioMode.MODERN if bus in PORTS else VirtioMode.TRANSITIONAL}
    windows = {one.controller for one in layout.io_windows}
    if bus in PORTS:
        assert {device.bus for device in layout.devices if device.virtio is VirtioMode.LEGACY} <= windows


@pytest.mark.parametrize(("machine", "bus"), CASES)
def test_a_plan_that_spells_the_mode_out_is_of_the_same_modes(machine: str, bus: str) -> None:
    """`virtio: auto` with means of its own: by properties before 2.7, as no device type is legacy alone."""
    layout = planned(request(machine, bus, "type"))
    plain = planned(request(machine, bus, "slot"))
    assert seen(layout) == expected(layout)
    assert {one.id: one.virtio for one in layout.devices} == {one.id: one.virtio for one in plain.devices}


@pytest.mark.parametrize("machine", ["pc-q35-7.2", "pc-q35-2.4", "pc-i440fx-7.2", "pc-i440fx-2.6"])
def test_what_goes_through_the_iommu(qemu: Qemu, machine: str) -> None:
    """QEMU has `iommu_platform` for virtio 1.0 alone, and every plan makes that of the devices."""

    async def start(device: str) -> None:
        async with qemu.session("-machine", machine, "-device", f"{device},iommu_platform=on"):
            pass

    asyncio.run(start("virtio-rng-pci-non-transitional"))
    for device in ("virtio-rng-pci-transitional", "virtio-rng-pci", "virtio-rng-pci,disable-legacy=off"):
        with pytest.raises(QemuEndedError, match="neither legacy nor transitional"):
            asyncio.run(start(device))
    devices = [{"id": name, "model": name, "properties": {"iommu_platform": True}} for name in VARYING]
    layout = planned(said_here({"machine": machine, "devices": devices}))
    assert {mode for mode, _ in seen(layout).values()} == {VirtioMode.MODERN}


DOMAIN = """<domain type='qemu'><name>old</name><memory unit='MiB'>256</memory><vcpu>1</vcpu>
<os><type arch='x86_64' machine='{machine}'>hvm</type></os><features><acpi/></features><devices>
<controller type='usb' model='none'/><controller type='scsi' index='0' model='virtio-scsi'/>
<controller type='virtio-serial' index='0'/>
<disk type='file' device='disk'><source file='/d'/><target dev='vda' bus='virtio'/></disk>
<interface type='user'><model type='virtio'/></interface><interface type='user'><model type='virtio-transitional'/>
</interface><interface type='user'><model type='virtio-non-transitional'/></interface>
<rng model='virtio'><backend model='random'>/dev/urandom</backend></rng><memballoon model='virtio'/>
<input type='tablet' bus='virtio'/><video><model type='virtio'/></video></devices></domain>"""


@pytest.mark.parametrize("preset", ["default", "libvirt"])
@pytest.mark.parametrize("machine", ["pc-q35-2.4", "pc-q35-2.6", "pc-q35-2.7", "pc-i440fx-2.6", "pc-i440fx-2.7"])
def test_domains_of_old_machine_types(machine: str, preset: str) -> None:
    """Every mode as planned in what libvirt's elements stand for; written back, plain stays plain before 2.7."""
    text = DOMAIN.format(machine=machine)
    guest = read(text.encode()).model_dump(mode="json") | {"policy": {"preset": preset}}
    layout = planned(guest)
    written = write(layout, text.encode()).data.decode()
    assert seen(layout) == expected(layout)
    if machine.endswith(("2.4", "2.6")):
        assert [one for one in ("override", "disable-") if one in written] == []
        assert written.count("-transitional'") == written.count("transitional'") == 2
        assert "<model type='virtio'/>" in written
    again = planned(read(written.encode()).model_dump(mode="json"))
    assert {one.id: one.virtio for one in again.devices} == {one.id: one.virtio for one in layout.devices}
