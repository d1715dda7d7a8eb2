"""The device catalogue against facts known from elsewhere, and against itself."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from qslot.schema.catalog import (
    DeviceModel,
    ModelBar,
    UnknownBars,
    UnknownModel,
    default_hotplug,
    excluded,
    find,
    models,
    nearest,
)
from qslot.schema.catalog.load import SHARED, load_unmeasured
from qslot.schema.catalog.model import Sized
from qslot.schema.pci.controllers import CONTROLLERS, Connector, VirtioMode

LEGACY, TRANSITIONAL, MODERN = VirtioMode
ALL = tuple(models().values())
CATEGORIES = frozenset(
    {"network", "block", "scsi", "nvme", "serial", "video", "audio", "usb", "sata", "ide", "watchdog", "shmem"}
    | {"balloon", "rng", "input", "iommu", "memory", "filesystem", "vsock", "crypto", "host", "panic", "misc"}
)
FACTS = Path(__file__).parents[3] / "shared" / "data" / "qemu_devices.json"


def modes(model: DeviceModel) -> tuple[VirtioMode | None, ...]:
    return (None,) if model.virtio is None else model.virtio.modes


@pytest.mark.parametrize("model", ALL, ids=lambda model: model.name)
def test_well_formed(model: DeviceModel) -> None:
    assert model.category in CATEGORIES
    assert model.source
    assert model.rom & (model.rom - 1) == 0
    assert not model.name.endswith("-transitional")
    assert model.name not in CONTROLLERS
    assert model.name not in excluded()
    assert model.self_described == (model.category == "host")
    if model.self_described:
        return
    for mode in modes(model):
        check_bars(model.bars(mode, {}))
    for rule in model.bar_table.rules:
        check_bars((rule.bar,) if isinstance(rule, Sized) else rule.bars)


def check_bars(bars: tuple[ModelBar, ...]) -> None:
    numbers = [bar.bar for bar in bars]
    assert numbers == sorted(set(numbers))
    for bar in bars:
        assert bar.kind in ("io", "mem32", "mem64")
        assert 0 <= bar.bar <= (4 if bar.kind == "mem64" else 5)
        assert bar.size > 0
        assert bar.size & (bar.size - 1) == 0
        assert bar.kind != "io" or (4 <= bar.size <= 1024 and not bar.prefetchable)
        assert bar.kind != "mem64" or bar.bar + 1 not in numbers  # its upper half


@pytest.mark.parametrize("model", [m for m in ALL if m.virtio is not None], ids=lambda model: model.name)
def test_virtio_modes(model: DeviceModel) -> None:
    """IO in BAR 0 exactly where the old interface is offered; only what can be old has a transitional type."""
    assert model.virtio is not None
    assert model.virtio.modes in ((MODERN,), (LEGACY, TRANSITIONAL, MODERN))
    assert ("transitional" in model.virtio.suffixed) == (TRANSITIONAL in model.virtio.modes)
    assert model.virtio.switches or model.virtio.modes == (MODERN,)
    for mode in model.virtio.modes:
        assert (model.io_bytes(mode, {}) > 0) == (mode is not MODERN)
        assert any(bar.kind == "mem64" for bar in model.bars(mode, {})) == (mode is not LEGACY)


@pytest.mark.parametrize(
    ("name", "mode", "properties", "size"),
    [
        ("AC97", None, {}, 1280),
        ("e1000", None, {"romfile": ""}, 64),
        ("e1000e", None, {}, 32),
        ("igb", None, {}, 32),
        ("megasas-gen2", None, {}, 256),
        ("nvme", None, {}, 0),
        ("pci-serial-4x", None, {}, 32),
        ("qxl", None, {"ram_size": 1 << 26}, 32),
        ("virtio-net", TRANSITIONAL, {}, 32),
        ("virtio-net", LEGACY, {"netdev": "n0", "mac": "52:54:00:00:00:01"}, 32),
        ("virtio-net", TRANSITIONAL, {"mq": "on", "vectors": "10"}, 64),
        ("virtio-net", TRANSITIONAL, {"mq": False}, 32),
        ("virtio-net", LEGACY, {"mq": True}, 64),
        ("virtio-net", MODERN, {"mq": True}, 0),
        ("virtio-net", TRANSITIONAL, {"mq": True, "vectors": 0}, 32),
        ("virtio-net", TRANSITIONAL, {"mq": True, "rss": True, "vectors": 0}, 64),
        ("virtio-net", TRANSITIONAL, {"host_mtu": 1500}, 64),
        ("virtio-net", TRANSITIONAL, {"host_mtu": 0}, 32),
        ("virtio-net", TRANSITIONAL, {"speed": 1000, "duplex": "full"}, 64),
        ("virtio-net", TRANSITIONAL, {"speed": -1}, 32),
        ("virtio-net", MODERN, {"modern-pio-notify": "on"}, 4),
        ("virtio-net", LEGACY, {"modern-pio-notify": "on"}, 32),
        ("virtio-blk", TRANSITIONAL, {"num-queues": 4}, 128),
        ("virtio-blk", TRANSITIONAL, {"discard": "off", "write-zeroes": "off"}, 64),
        ("virtio-blk", TRANSITIONAL, {"discard": False, "write-zeroes": True}, 128),
        ("virtio-9p", TRANSITIONAL, {"mount_tag": "shared"}, 32),
        ("virtio-9p", TRANSITIONAL, {"mount_tag": "folders"}, 64),
        ("virtio-9p", MODERN, {"mount_tag": "folders"}, 0),
        ("virtio-scsi", TRANSITIONAL, {}, 64),
        ("virtio-vga", MODERN, {"modern-pio-notify": True}, 4),
        ("vhost-user-blk", TRANSITIONAL, {}, 128),
        ("vhost-user-fs", MODERN, {}, 0),
    ],
)
def test_io_bytes(name: str, mode: VirtioMode | None, properties: dict[str, Any], size: int) -> None:
    """Values of facts that others measured, behind SeaBIOS and OVMF."""
    assert find(name).io_bytes(mode, properties) == size


@pytest.mark.parametrize(
    ("name", "mode", "properties", "number", "size"),
    [
        ("VGA", None, {"vgamem_mb": 64}, 0, 64 << 20),
        ("VGA", None, {"vgamem_mb": "17"}, 0, 32 << 20),
        ("VGA", None, {"mmio": "off"}, 2, 0),
        ("bochs-display", None, {"vgamem": "64M"}, 0, 64 << 20),
        ("qxl", None, {}, 0, 64 << 20),
        ("qxl", None, {"ram_size_mb": 1}, 0, 32 << 20),
        ("qxl", None, {"vgamem_mb": 64, "ram_size_mb": 64}, 0, 128 << 20),
        ("qxl", None, {"vram64_size_mb": 256}, 4, 256 << 20),
        ("qxl", None, {"vram64_size_mb": 0}, 4, 0),
        ("qxl-vga", None, {"ram_size_mb": 128, "vram_size_mb": 32, "vgamem_mb": 32}, 1, 32 << 20),
        ("nvme", None, {"cmb_size_mb": 64}, 2, 64 << 20),
        ("nvme", None, {"max_ioqpairs": 128, "msix_qsize": 256}, 0, 16384),
        ("pci-testdev", None, {"membar": "16M"}, 2, 16 << 20),
        ("virtio-net", MODERN, {"vectors": 0}, 1, 0),
        ("virtio-net", MODERN, {"vectors": 512}, 1, 16384),
        ("virtio-net", MODERN, {"page-per-vq": True}, 4, 8 << 20),
        ("virtio-net", LEGACY, {"page-per-vq": True}, 4, 0),
        ("virtio-vga", MODERN, {"page-per-vq": True}, 2, 8 << 20),
        ("vhost-scsi", MODERN, {"vectors": 300}, 1, 8192),
        ("megasas", None, {"use_jbod": True}, 3, 256 << 10),
    ],
)
def test_bar_sizes(name: str, mode: VirtioMode | None, properties: dict[str, Any], number: int, size: int) -> None:
    found = {bar.bar: bar.size for bar in find(name).bars(mode, properties)}
    assert found.get(number, 0) == size


def test_rom() -> None:
    model = find("e1000")
    assert model.rom == model.rom_bytes({}) == 256 << 10
    assert model.rom_bytes({"romfile": ""}) == model.rom_bytes({"rombar": 0}) == model.rom_bytes({"rombar": "off"}) == 0
    assert model.rom_bytes({"romsize": 1 << 20}) == 1 << 20
    assert find("nvme").rom_bytes({"romsize": 1 << 20}) == 0


def test_option_roms_of_old_machine_types() -> None:
    vmxnet3 = find("vmxnet3")
    assert [vmxnet3.rom_bytes({}, version) for version in ((2, 6), (2, 7), None)] == [0, 256 << 10, 256 << 10]
    assert vmxnet3.rom_bytes({"romfile": "mine.rom"}, (2, 6)) == 256 << 10
    assert vmxnet3.rom_bytes({"romsize": 1 << 20}, (2, 6)) == 0
    assert [find("e1000").rom_bytes({}, version) for version in ((1, 4), (1, 5))] == [128 << 10, 256 << 10]


def test_connectors() -> None:
    expected = {
        "e1000": Connector.CONVENTIONAL,
        "e1000e": Connector.EXPRESS,
        "qemu-xhci": Connector.HYBRID,
        "virtio-net": Connector.HYBRID,
        "virtio-iommu": Connector.INTEGRATED,
        "vfio-pci": Connector.HYBRID,
    }
    assert {name: find(name).connector for name in expected} == expected


def test_default_hotplug() -> None:
    preferred = {
        "virtio-net",
        "e1000",
        "virtio-blk",
        "nvme",
        "virtio-scsi",
        "pvscsi",
        "vfio-pci",
        "vhost-user-fs",
        "igb",
    }
    never = {"VGA", "qxl", "AC97", "qemu-xhci", "ich9-ahci", "pci-serial", "virtio-serial", "i6300esb", "ivshmem-plain"}
    never |= {"virtio-balloon", "virtio-rng", "virtio-tablet", "virtio-iommu", "vfio-pci-nohotplug", "piix3-ide", "edu"}
    assert {name for name in preferred | never if default_hotplug(find(name)) == "preferred"} == preferred
    assert all(model.hotpluggable for model in ALL if default_hotplug(model) == "preferred")


@pytest.mark.parametrize(
    ("asked", "meant"),
    [
        ("virtio-net-pci", "virtio-net"),
        ("virtio-blk-pci-non-transitional", "virtio-blk"),
        ("virtio-nett", "virtio-net"),
        ("ac97", "AC97"),
        ("vga", "VGA"),
        ("vhost-user-fs-pci", "vhost-user-fs"),
    ],
)
def test_nearest(asked: str, meant: str) -> None:
    with pytest.raises(UnknownModel) as caught:
        find(asked)
    assert caught.value.name == asked
    assert caught.value.nearest[0] == meant
    assert meant in str(caught.value)


def test_no_model_at_all() -> None:
    assert nearest("?") == ()
    assert str(UnknownModel("?")) == "'?' is not in the catalogue"


def test_excluded_say_why() -> None:
    with pytest.raises(
        KeyError, match=r"'pcie-root-port' is not in the catalogue: a controller, listed under controllers"
    ):
        find("pcie-root-port")
    assert set(CONTROLLERS) <= set(excluded())


def test_bars_that_nobody_knows() -> None:
    with pytest.raises(UnknownBars, match="the request must describe them"):
        find("vfio-pci").bars(None, {})


@pytest.mark.parametrize(("name", "mode"), [("virtio-gpu", LEGACY), ("virtio-net", None), ("e1000", MODERN)])
def test_impossible_modes(name: str, mode: VirtioMode | None) -> None:
    with pytest.raises(ValueError, match=f"{name} has no virtio mode"):
        find(name).bars(mode, {})


def test_like_takes_over_only_what_every_virtio_device_has() -> None:
    assert any("mq" in dict(rule.when.terms) for rule in find("virtio-net").bar_table.rules)
    for name, entry in load_unmeasured().items():
        if "like" in entry:
            names = {term for rule in find(name).bar_table.rules for term, _ in rule.when.terms}
            assert names
            assert names <= SHARED


def test_import_stays_fast() -> None:
    """Nothing of the data is read before it is asked for."""
    code = (
        "import sys, qslot.schema.catalog as c; sys.exit(c.models.cache_info().currsize or 'qemu.qmp' in sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)


def test_against_the_facts() -> None:
    """Each type measured by others, on every bus, is here with the same IO, or excluded with a reason."""
    if not FACTS.exists():
        pytest.skip(f"{FACTS.name}, measured by others, is not on this machine")
    facts = json.loads(FACTS.read_text(encoding="utf-8"))["devices"]
    for driver, fact in facts.items():
        base = driver.removesuffix("-transitional").removesuffix("-non")
        model = next((model for model in ALL if base in (model.name, model.driver)), None)
        if model is None:
            assert driver in excluded(), f"{driver} is neither known nor excluded"
            continue
        assert fact.get("hotpluggable_class") in (None, model.hotpluggable), driver
        for bus, seen in fact.get("by_bus", {}).items():
            if seen["accepted"]:
                assert seen["io_bytes"] == model.io_bytes(expected_mode(model, driver, bus), {}), (driver, bus)


def expected_mode(model: DeviceModel, driver: str, bus: str) -> VirtioMode | None:
    """QEMU's own choice, which is by bus, unless the type has made it."""
    if model.virtio is None:
        return None
    if TRANSITIONAL not in model.virtio.modes or driver.endswith("-non-transitional"):
        return MODERN
    if driver.endswith("-transitional"):
        return TRANSITIONAL
    return MODERN if bus in ("q35:pcie-root-port", "q35:xio3130-downstream") else TRANSITIONAL
