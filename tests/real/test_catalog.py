"""The committed catalogue against the QEMU on this machine."""

import asyncio
import json
import shutil
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest

from qslot.schema.catalog import ModelBar, excluded, find, models
from qslot.schema.catalog.load import load_unmeasured
from qslot.schema.catalog.measure.ask import Qemu, Types
from qslot.schema.catalog.measure.generate import catalogue, dump
from qslot.schema.catalog.measure.questions import STAND_INS, VIRTIO_MODES
from qslot.schema.pci.controllers import Connector, VirtioMode

pytestmark = pytest.mark.real

COMMITTED = (files("qslot.schema.catalog") / "devices.json").read_text(encoding="utf-8")
BUSES = {"rp1": 0, "p2p1": 3}
"""A root port and a conventional bridge, each with the slot that a device takes there."""
TOPOLOGY = (
    *("-device", "pcie-root-port,id=rp1,bus=pcie.0,addr=0x3,chassis=1"),
    *("-device", "pcie-root-port,id=rp2,bus=pcie.0,addr=0x4,chassis=2"),
    *("-device", "pcie-pci-bridge,id=p2p1,bus=rp2,addr=0x0"),
)
BOOT_SECONDS = 60
CONNECTORS = {
    (True, False): Connector.CONVENTIONAL,
    (False, True): Connector.EXPRESS,
    (True, True): Connector.HYBRID,
}
"""By QEMU's marks: conventional-pci-device, pci-express-device."""


@pytest.fixture(scope="module")
def qemu() -> Qemu:
    binary = shutil.which("qemu-system-x86_64")
    if binary is None:
        pytest.skip("qemu-system-x86_64 is not installed")
    return Qemu(binary)


@pytest.fixture(scope="module")
def types(qemu: Qemu) -> Types:
    found = asyncio.run(qemu.types())
    committed = json.loads(COMMITTED)["qemu"]
    if found.version != committed:
        pytest.skip(f"this is QEMU {found.version}, the catalogue was measured on {committed}")
    return found


def test_generated_again_it_is_the_same(qemu: Qemu, types: Types, tmp_path: Path) -> None:
    again = tmp_path / "devices.json"
    again.write_text(dump(asyncio.run(catalogue(qemu.binary))), encoding="utf-8")
    assert again.read_text(encoding="utf-8").splitlines() == COMMITTED.splitlines()
    assert types.machine == json.loads(COMMITTED)["machine"]


def test_every_type_is_known_or_excluded(types: Types) -> None:
    known = {model.driver for model in models().values()} | set(excluded())
    plain = {name.removesuffix("-transitional").removesuffix("-non") for name in types.properties}
    assert plain - known == set()


def test_what_is_written_by_hand_agrees_where_qemu_can_tell(types: Types) -> None:
    """Nothing but the BARs of those models is out of QEMU's reach."""
    for name in load_unmeasured():
        model = find(name)
        if model.driver not in types.properties:
            continue
        both, express = types.conventional & types.express, types.express
        connector = Connector.HYBRID if model.driver in both else Connector.CONVENTIONAL
        assert model.connector is (
            connector if model.driver in both or model.driver not in express else Connector.EXPRESS
        )
        assert model.hotpluggable == (model.driver in types.pluggable), name
        assert (model.virtio is not None) == (model.driver in types.virtio), name
        if model.virtio is not None:
            own = {"transitional": "-transitional", "modern": "-non-transitional"}
            found = {mode for mode, suffix in own.items() if model.driver + suffix in types.properties}
            assert model.virtio.suffixed == found, name
            properties = types.properties[model.driver]
            # looking at a type that needs OpenGL ends a QEMU without it
            assert not properties or model.virtio.switches == ("disable-legacy" in properties), name


def suffixed() -> Iterator[tuple[str, VirtioMode, str]]:
    for model in models().values():
        if model.virtio is not None and model.name not in load_unmeasured():
            for mode in sorted(model.virtio.suffixed):
                yield model.name, VirtioMode(mode), {"transitional": "-transitional"}.get(mode, "-non-transitional")


@pytest.mark.parametrize(("name", "mode", "suffix"), list(suffixed()))
def test_a_mode_s_own_type_is_that_mode(qemu: Qemu, types: Types, name: str, mode: VirtioMode, suffix: str) -> None:
    backends, needed = STAND_INS.get(name, ((), {}))
    driver = find(name).driver + suffix
    assert driver in types.properties
    assert asyncio.run(qemu.measure(driver, needed, backends)).bars == find(name).bars(mode, {})


@pytest.mark.parametrize("bus", BUSES)
@pytest.mark.parametrize("name", ["virtio-net", "virtio-blk", "virtio-scsi", "virtio-gpu", "e1000e", "VGA", "vmxnet3"])
def test_bars_do_not_depend_on_the_bus(qemu: Qemu, types: Types, name: str, bus: str) -> None:
    """With the mode spelled out; seen after SeaBIOS has numbered the buses."""
    model = find(name)
    assert model.driver in types.properties
    for mode in (None,) if model.virtio is None else model.virtio.modes:
        seen = asyncio.run(behind(qemu, name, mode, bus))
        assert seen == model.bars(mode, {}), (mode, bus)


async def behind(qemu: Qemu, name: str, mode: VirtioMode | None, bus: str) -> tuple[ModelBar, ...]:
    backends, needed = STAND_INS.get(name, ((), {}))
    words = {"bus": bus, "addr": hex(BUSES[bus]), "id": "dut", **needed, **(VIRTIO_MODES[mode] if mode else {})}
    device = ",".join((find(name).driver, *(f"{key}={value}" for key, value in words.items())))
    async with qemu.session(*TOPOLOGY, *backends, "-device", device) as qmp:
        await qmp.execute("cont")
        for _ in range(BOOT_SECONDS * 10):
            tree: Any = await qmp.execute("query-pci")
            for row in rows(tree[0]["devices"]):
                if row["qdev_id"] == "dut":
                    return bars(row)
            await asyncio.sleep(0.1)
    raise AssertionError(f"SeaBIOS did not reach {bus} in {BOOT_SECONDS} seconds")


def rows(devices: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """Devices at any depth: query-pci shows those behind a bridge once the bridge has its bus number."""
    for device in devices:
        yield device
        yield from rows(device.get("pci_bridge", {}).get("devices", []))


def bars(row: dict[str, Any]) -> tuple[ModelBar, ...]:
    found = []
    for region in row["regions"]:
        if region["bar"] < 6:
            memory = "mem64" if region.get("mem_type_64") else "mem32"
            kind: Any = "io" if region["type"] == "io" else memory
            found.append(ModelBar(region["bar"], kind, region["size"], region.get("prefetch", False)))
    return tuple(sorted(found, key=lambda bar: bar.bar))
