"""Domain XML made of layouts: libvirt defines it, and keeps every address."""

from collections import Counter
from pathlib import Path

import pytest

import qslot
from benchmarks.kept import picture
from qslot.schema import Layout
from qslot.schema.formats.convert import convert
from qslot.schema.formats.written import to_json
from qslot.schema.layout.outcome import known_layout
from qslot.schema.libvirt.controllers import RANGES
from qslot.schema.pci.controllers import CONTROLLERS
from qslot.testing.generator import SeededDraw, any_size, draw_request, valid

from .test_libvirt import Define
from .this_qemu import machines, said_here

pytestmark = pytest.mark.real

ROOT_PORT = "pcie-root-port"
TARGETS_OF = {"busNr": "pcie-expander-bus", "chassisNr": "pci-bridge", "chassis": ROOT_PORT, "port": ROOT_PORT}
NOT_COMPOSED = ("vfio-pci", "amd-iommu")
"""Models that need a host, or properties that domain XML has no words for."""
DOMAIN = (
    "<domain type='qemu'><name>x</name><memory>262144</memory><os><type arch='x86_64' machine='{}'>hvm</type></os>"
    "<devices><controller type='pci' index='1' model='{}'><target {}='{}'/></controller></devices></domain>"
)

NOT_LIBVIRTS = ("machine_as", "cpu", "numa_nodes", "max_memory", "memory", "phys_bits", "pci_hole64", "needs")
"""Fields of random guests that ask for a host, or for RAM, that may not be here."""


def assert_kept(define: Define, text: str) -> None:
    """But for ids: libvirt gives its own."""
    answer = define(text)
    assert "error" not in answer, answer
    assert without_ids(answer["xml"]) == without_ids(text)


def without_ids(text: str) -> Counter[tuple[object, ...]]:
    found = picture(text).items()
    return Counter((*(key[1:] if isinstance(key[0], str) else key), place) for key, place in found)


def domain_of(layout: Layout, folder: Path) -> str:
    (folder / "layout.json").write_text(to_json(layout), encoding="utf-8")
    return convert(folder / "layout.json", "libvirt").text


def test_the_first_example(define: Define, tmp_path: Path) -> None:
    layout = qslot.solve(qslot.read_guest("examples/rhel6-q35.yaml")).require()
    assert_kept(define, domain_of(layout, tmp_path))


@pytest.mark.parametrize("attribute", RANGES)
def test_the_numbers_of_a_target_that_it_takes(define: Define, attribute: str) -> None:
    machine = "pc" if attribute == "chassisNr" else "q35"
    least, most = RANGES[attribute]
    taken = {
        number: "error" not in define(DOMAIN.format(machine, TARGETS_OF[attribute], attribute, number))
        for number in (least - 1, least, most, most + 1)
    }
    assert taken == {least - 1: False, least: True, most: True, most + 1: False}


@pytest.mark.parametrize("model", ["vhost-vsock", "i6300esb"])
def test_what_it_has_once(define: Define, tmp_path: Path, model: str) -> None:
    two = [{"id": name, "model": model} for name in ("a", "b")]
    text = domain_of(qslot.solve(qslot.Guest.model_validate({"machine": "q35", "devices": two})).require(), tmp_path)
    assert_kept(define, text)


@pytest.mark.parametrize("seed", range(12))
def test_random_guests(define: Define, tmp_path: Path, seed: int) -> None:
    draw = SeededDraw(seed)
    layout = None
    while layout is None:
        data = draw_request(draw, any_size(draw))
        # without ACPI libvirt keeps 01.3 of pc free all the same
        plain = {name: value for name, value in data.items() if name not in (*NOT_LIBVIRTS, "chipset")}
        guest = valid(said_here(plain)) if data["machine"] in machines() else None
        if guest is not None and guest.machine_model.family == "pc":  # libvirt takes no ports there
            guest = None if any(CONTROLLERS[one.model].bus.express for one in guest.controllers) else guest
        if guest is not None and all(one.model not in NOT_COMPOSED and one.bars is None for one in guest.devices):
            layout = known_layout(qslot.solve(guest, qslot.Options(time_limit=60)))
            if layout is not None and any(one.properties.get("bus_nr") == 255 for one in layout.controllers):
                layout = None  # libvirt takes 254 at most, and no lower number is free
    assert_kept(define, domain_of(layout, tmp_path))
