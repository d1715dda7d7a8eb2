"""The committed catalogue against real QEMUs: the one on this machine, or another (`make real QEMU=sid`)."""

import asyncio
import json
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest

from qslot.schema.catalog import ModelBar, excluded, find, measured_qemus, models
from qslot.schema.catalog.load import load_unmeasured, version_of
from qslot.schema.catalog.measure.ask import Qemu, Types, device_text
from qslot.schema.catalog.measure.generate import catalogue, dump
from qslot.schema.catalog.measure.merge import contradictions, differences
from qslot.schema.catalog.measure.questions import STAND_INS, VHOST_USER, VIRTIO_MODES
from qslot.schema.catalog.measure.survey import Surveyed, survey
from qslot.schema.pci.controllers import Connector, VirtioMode
from qslot.schema.pci.machine_types import Version
from qslot.schema.pci.qemu_versions import version_text
from qslot.schema.probe.enumeration import QEMU
from qslot.schema.qemu.version import version_of_binary

from .conftest import BESIDE
from .query_pci import rows

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


IN_MODULES = frozenset({"qxl", "qxl-vga"})
"""Models that Debian's QEMU has in packages of their own."""
UNPACKED = Path(__file__).parents[2] / ".qemu"
"""Where `make real QEMU=...` unpacks others."""


def release_of(binary: str) -> Version:
    return version_of(version_of_binary(binary))


@pytest.fixture(scope="module")
def surveyed(qemu: Qemu) -> Surveyed:
    release = release_of(qemu.binary)
    if release not in measured_qemus():
        pytest.skip(f"the catalogue was not measured on QEMU {release}")
    return asyncio.run(survey(qemu.binary))


@pytest.fixture(scope="module")
def types(surveyed: Surveyed) -> Types:
    return surveyed.types


def test_measured_again_it_is_the_same(surveyed: Surveyed) -> None:
    """Each model of this QEMU is as the catalogue says for this QEMU: BARs in each mode with each property."""
    committed = json.loads(COMMITTED)["devices"]
    there = {name for name in committed if find(name).in_qemu(surveyed.types.release)}
    assert surveyed.entries.keys() - there == set()
    assert there - surveyed.entries.keys() <= IN_MODULES
    wrong = [
        line
        for name in surveyed.entries
        for line in (*differences(name, committed[name], surveyed), *contradictions(name, committed[name], surveyed))
    ]
    assert wrong == []


def test_all_of_them_make_the_file_anew(qemu: Qemu) -> None:
    others = {release_of(str(binary)): str(binary) for binary in UNPACKED.glob(f"*/bin/{QEMU}")}
    binaries = {**others, release_of(qemu.binary): qemu.binary}
    missing = [version_text(one) for one in measured_qemus() if one not in binaries]
    if missing or release_of(qemu.binary) != measured_qemus()[0]:
        pytest.skip(f"QEMU {', '.join(missing) or 'that is the oldest'} is not unpacked {BESIDE}")
    again = dump(asyncio.run(catalogue([binaries[release] for release in measured_qemus()])))
    assert again.splitlines() == COMMITTED.splitlines()


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
    seen = asyncio.run(qemu.measure(driver, needed, backends, vhost_user=name.startswith(VHOST_USER)))
    assert seen.bars == find(name).bars(mode, {}, types.release, types.release)


@pytest.mark.parametrize("bus", BUSES)
@pytest.mark.parametrize("name", ["virtio-net", "virtio-blk", "virtio-scsi", "virtio-gpu", "e1000e", "VGA", "vmxnet3"])
def test_bars_do_not_depend_on_the_bus(qemu: Qemu, types: Types, name: str, bus: str) -> None:
    """With the mode spelled out; seen after SeaBIOS has numbered the buses."""
    model = find(name)
    assert model.driver in types.properties
    for mode in (None,) if model.virtio is None else model.virtio.modes:
        seen = asyncio.run(behind(qemu, name, mode, bus))
        assert seen == model.bars(mode, {}, types.release, types.release), (mode, bus)


async def behind(qemu: Qemu, name: str, mode: VirtioMode | None, bus: str) -> tuple[ModelBar, ...]:
    backends, needed = STAND_INS.get(name, ((), {}))
    words = {"bus": bus, "addr": hex(BUSES[bus]), "id": "dut", **needed, **(VIRTIO_MODES[mode] if mode else {})}
    async with qemu.session(*TOPOLOGY, *backends, "-device", device_text(find(name).driver, words)) as qmp:
        await qmp.execute("cont")
        for _ in range(BOOT_SECONDS * 10):
            tree: Any = await qmp.execute("query-pci")
            for row in rows(tree[:1]):
                if row["qdev_id"] == "dut":
                    return bars(row)
            await asyncio.sleep(0.1)
    raise AssertionError(f"SeaBIOS did not reach {bus} in {BOOT_SECONDS} seconds")


def bars(row: dict[str, Any]) -> tuple[ModelBar, ...]:
    found = []
    for region in row["regions"]:
        if region["bar"] < 6:
            memory = "mem64" if region.get("mem_type_64") else "mem32"
            kind: Any = "io" if region["type"] == "io" else memory
            found.append(ModelBar(region["bar"], kind, region["size"], region.get("prefetch", False)))
    return tuple(sorted(found, key=lambda bar: bar.bar))
