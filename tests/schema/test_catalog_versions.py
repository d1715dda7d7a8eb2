"""The catalogue by version: what follows the machine type, what follows QEMU, and which QEMU has a model."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from qslot.schema import Guest
from qslot.schema.catalog import find, measured_qemus, models
from qslot.schema.catalog.changes import changes, newest_bars
from qslot.schema.catalog.measure.history import CHANGED, MODEL_SINCE
from qslot.schema.catalog.versions import DEFAULTS, VIRTIO_DEFAULTS, assumed, machine_defaults
from qslot.schema.pci.controllers import VirtioMode
from qslot.schema.pci.machine_types import Version
from qslot.schema.pci.qemu_properties import unfit
from qslot.schema.pci.qemu_versions import MEASURED
from qslot.schema.request.bars import requested

MODERN = VirtioMode.MODERN
NEWEST = measured_qemus()[-1]
TODAY: dict[str, bool | int] = {
    "vectors": 2,
    "msix-exclusive-bar": False,
    "qemu-4-0-config-size": False,
    "page-per-vq": False,
    **dict.fromkeys(("page-poison", "discard", "write-zeroes", "emergency-write"), True),
}
"""Defaults of the newest machine type."""
TIMES = st.sampled_from([(2, 4), (2, 8), (4, 0), (5, 0), (6, 0), (7, 2), (9, 2), (10, 0), (11, 0), (11, 1)])


def sizes(name: str, properties: dict[str, object], version: Version | None, qemu: Version | None) -> dict[int, int]:
    model = find(name)
    mode = None if model.virtio is None else MODERN
    return {bar.bar: bar.size for bar in model.bars(mode, properties, version, qemu)}


@pytest.mark.parametrize("name", ["virtio-balloon", "virtio-mem"])
def test_msix_since_machine_type_10_whatever_qemu_runs_it(name: str) -> None:
    assert sizes(name, {}, (9, 2), (11, 1)) == {4: 16384}
    assert sizes(name, {}, (10, 0), (11, 1)) == {1: 4096, 4: 16384}
    assert sizes(name, {}, None, (10, 0)) == {1: 4096, 4: 16384}
    assert sizes(name, {"vectors": 0}, (10, 0), None) == {4: 16384}
    assert sizes(name, {"vectors": 300}, (9, 2), (10, 0)) == {1: 8192, 4: 16384}


def test_an_aperture_by_qemu_whatever_the_machine_type() -> None:
    assert sizes("ati-vga", {"vgamem_mb": 128}, (7, 2), (10, 0))[0] == 128 << 20
    assert sizes("ati-vga", {"vgamem_mb": 128}, (7, 2), (11, 1))[0] == 64 << 20
    assert sizes("ati-vga", {"model": "rv100"}, None, (11, 1))[0] == 128 << 20
    assert sizes("ati-vga", {"x-linear-aper-size": 16 << 20}, None, (11, 1))[0] == 16 << 20


@pytest.mark.parametrize(
    ("name", "properties", "expected"),
    [
        ("virtio-gpu", {"hostmem": "8G"}, {1: 4096, 2: 16384, 4: 8 << 30}),
        ("virtio-gpu", {"hostmem": 0}, {1: 4096, 4: 16384}),
        ("virtio-gpu-gl", {"hostmem": 1 << 20, "vectors": 0}, {2: 16384, 4: 1 << 20}),
        ("virtio-vga", {"hostmem": "1G"}, {0: 8 << 20, 1: 4096, 2: 16384, 4: 1 << 30}),
        ("virtio-vga", {"hostmem": "1G", "vectors": 300}, {0: 8 << 20, 1: 8192, 2: 16384, 4: 1 << 30}),
        ("virtio-vga-gl", {"hostmem": "1G", "page-per-vq": True}, {0: 8 << 20, 1: 4096, 2: 8 << 20, 4: 1 << 30}),
    ],
)
def test_memory_of_the_host_moves_the_other_bars(
    name: str, properties: dict[str, object], expected: dict[int, int]
) -> None:
    assert sizes(name, properties, None, (10, 0)) == expected


def test_qemu_dies_of_a_hostmem_that_is_no_power_of_two() -> None:
    assert unfit("hostmem", "8G") is None
    assert unfit("hostmem", "9M") is not None
    assert unfit("x-linear-aper-size", 48 << 20) is not None


@given(name=st.sampled_from(sorted(models())), version=TIMES, other=TIMES, qemu=TIMES, data=st.data())
def test_a_machine_type_is_no_more_than_defaults(
    name: str, version: Version, other: Version, qemu: Version, data: st.DataObject
) -> None:
    """A device that states all that its machine type sets is the same device on every other machine type."""
    model = find(name)
    if model.self_described:
        return
    mode = data.draw(st.sampled_from(model.virtio.modes)) if model.virtio else None
    rows = (*DEFAULTS.get(name, ()), *(VIRTIO_DEFAULTS if model.virtio else ()))
    today = {row.property: TODAY[row.property] for row in rows}
    stated = {**today, **machine_defaults(name, version, virtio=model.virtio is not None)}
    assert model.bars(mode, stated, other, qemu) == model.bars(mode, {}, version, qemu)


def test_what_nobody_names_is_assumed() -> None:
    newest = MEASURED[-1].version
    assert assumed(None, None) == (newest, newest)
    assert assumed((6, 2), None) == ((6, 2), newest)
    assert assumed((11, 1), None) == ((11, 1), (11, 1))
    assert assumed(None, (10, 0)) == ((10, 0), (10, 0))
    assert assumed((7, 2), (11, 1)) == ((7, 2), (11, 1))


def test_the_catalogue_covers_the_qemus_whose_firmware_was_booted() -> None:
    assert measured_qemus() == tuple(one.version for one in MEASURED)


def test_a_model_that_the_stated_qemu_lacks_is_refused() -> None:
    devices = [{"id": "snd0", "model": "virtio-sound"}]
    with pytest.raises(ValidationError, match=r"QEMU 7\.2 has no virtio-sound, which is there from QEMU 8\.2 on"):
        Guest.model_validate({"machine": "q35", "qemu": "7.2", "devices": devices})
    assert Guest.model_validate({"machine": "q35", "qemu": "8.2", "devices": devices})
    assert Guest.model_validate({"machine": "q35", "devices": devices})


def test_bars_follow_the_qemu_that_the_request_states() -> None:
    """`hostmem`'s and `ati-vga`'s way to the firmware, and virtio-balloon's by a bare machine name."""
    devices = [{"id": "ati", "model": "ati-vga"}, {"id": "b", "model": "virtio-balloon", "virtio": "modern"}]
    for qemu, aperture, numbers in (("7.2", 16, [4]), ("10.0", 16, [1, 4]), ("11.1", 64, [1, 4])):
        known = Guest.model_validate({"machine": "q35", "qemu": qemu, "devices": devices}).resolved
        assert requested(known["ati"], None)[0].size == aperture << 20
        assert [bar.number for bar in requested(known["b"], MODERN)] == numbers


def test_which_qemu_has_a_model() -> None:
    sound = find("virtio-sound")
    assert (sound.since, sound.until) == ((8, 2), None)
    assert [sound.in_qemu(one) for one in measured_qemus()] == [False, True, True]
    assert all(find("virtio-net").in_qemu(one) for one in measured_qemus())
    assert {name: find(name).since for name in MODEL_SINCE} == MODEL_SINCE


@pytest.mark.parametrize("name", sorted(models()))
def test_a_row_says_what_decides(name: str) -> None:
    """By QEMU only what history.py says, by machine type only what versions.py says, and each step another than the
    one after it."""
    model = find(name)
    if model.self_described:
        return
    assert {until for until, _ in model.earlier} == ({CHANGED[name]} if name in CHANGED else set())
    for mode in model.virtio.modes if model.virtio else (None,):
        after = newest_bars(model, mode)
        for step in changes(model, mode):
            assert step.bars != after
            assert step.by == "QEMU" or step.until <= NEWEST
            after = step.bars
