"""Every element, attribute and value of libvirt's schema for devices, alone in a small domain: libvirt against us.

Whatever the real libvirt defines is read as the PCI devices that it then has, and no others; it keeps the plan.
"""

import json
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Final
from xml.etree import ElementTree

import pytest

from benchmarks.kept import picture
from qslot.schema import Solved
from qslot.schema.libvirt import read
from qslot.schema.libvirt.domain import Domain, read_domain
from qslot.schema.libvirt.vocabulary.relax_ng import SCHEMAS, Grammar
from qslot.solver import solve
from qslot.testing.libvirt import PYTHON, Libvirt

from .device_schema import Sampler

pytestmark = pytest.mark.real

EXCEPTIONS: Final[dict[str, str]] = json.loads(
    (Path(__file__).parents[1] / "libvirt_schema_exceptions.json").read_text()
)
"""By a piece of the sample: what libvirt defines and we refuse or read otherwise, and why."""
REFUSED_FROM: Final = {'model="vt82c686b-uhci"': (12, 8)}
"""Of them, what libvirt itself refuses, and since which of those measured (11.3 defines it)."""
WITH_USB: Final = ("controller", "hub", "redirdev", "input", "hostdev", "smartcard", "sound", "disk", "redirfilter")
"""Elements that may ask for a USB controller, so that none may say that there is none."""
UNPACKED: Final = Path(PYTHON).parents[1] / "root" / SCHEMAS.relative_to("/")
"""Of a libvirt that tests/real/debian/fetch.sh unpacked."""
SCHEMA: Final = (UNPACKED if UNPACKED.is_dir() else SCHEMAS) / "domain.rng"
LEAST: Final = 400
"""Samples that libvirt defines on either machine, at least: more than enough of all kinds."""


def completed(sample: str) -> str:
    """With what the schema does not ask for, and libvirt does."""
    device = ElementTree.fromstring(sample)
    if device.tag == "disk" and device.find("source") is None and device.get("type", "file") == "file":
        ElementTree.SubElement(device, "source", file="/x")
    if device.tag == "shmem" and device.find("model") is None:
        ElementTree.SubElement(device, "model", type="ivshmem-plain")
    return ElementTree.tostring(device, encoding="unicode")


def domain(elements: str, machine: str, tag: str = "") -> str:
    """A small domain with these elements, which may depend on others where they are of that tag."""
    usb = "" if tag in WITH_USB else "<controller type='usb' index='0' model='none'/>"
    balloon = "" if tag == "memballoon" else "<memballoon model='none'/>"
    slots = "<maxMemory slots='4' unit='KiB'>2097152</maxMemory>" if tag == "memory" else ""
    cells = "<cpu><numa><cell id='0' cpus='0' memory='524288' unit='KiB'/></numa></cpu>" if slots else ""
    return (
        f"<domain type='qemu'><name>n</name>{slots}<memory>524288</memory><vcpu>1</vcpu>"
        f"<os><type arch='x86_64' machine='{machine}'>hvm</type></os><features><acpi/></features>{cells}"
        f"<devices><emulator/>{usb}{balloon}{elements}</devices></domain>"
    )


@pytest.fixture(scope="module")
def samples(libvirt: Libvirt) -> list[str]:  # noqa: ARG001 (skipped without libvirt)
    if not SCHEMA.is_file():
        pytest.skip(f"libvirt has no {SCHEMA}")
    return list(dict.fromkeys(map(completed, Sampler(Grammar(SCHEMA)).devices())))


def addresses(xml: str) -> int:
    """How many PCI addresses devices have, but for bridges; counted by itself. A console may repeat one."""
    devices = ElementTree.fromstring(xml).find("devices")
    assert devices is not None
    found = (one.find("address") for one in devices if (one.tag, one.get("type")) != ("controller", "pci"))
    names = ("bus", "slot", "function")
    stated = (one for one in found if one is not None and one.get("type") == "pci" and one.get("slot") is not None)
    return len({tuple(int(one.get(name, "0"), 0) for name in names) for one in stated})


def ours(parsed: Domain) -> list[tuple[str, str, str | None]]:
    return sorted((part.id, part.kind.model, part.kind.mode) for part in parsed.parts)


def differences(text: str, kept: str) -> str:
    """What we read otherwise than libvirt, which made `kept` of the text."""
    try:
        read(text.encode())
        mine, theirs = read_domain(text.encode()), read_domain(kept.encode())
    except ValueError as error:
        return f"refused: {error}"
    if ours(mine) != ours(theirs):
        return f"other devices: {ours(mine)}, {ours(theirs)}"
    if not {*theirs.reserved} <= {*mine.reserved}:
        return "an address that libvirt keeps free is not reserved"
    read_there = len(theirs.parts) + len(theirs.fixed) + len(theirs.reserved)
    return "" if addresses(kept) == read_there else f"{addresses(kept)} addresses, but {read_there} are read"


@pytest.mark.parametrize("machine", ["pc", "q35"])
def test_what_libvirt_defines_has_the_devices_that_are_read(
    libvirt: Libvirt, samples: list[str], machine: str, record_property: Callable[[str, object], None]
) -> None:
    wrong: dict[str, str] = {}
    used: set[str] = set()
    defined: dict[str, str] = {}
    for sample in samples:
        text = domain(sample, machine, ElementTree.fromstring(sample).tag)
        kept = libvirt.ask(text).get("xml")
        if kept is not None:
            told, excuses = differences(text, kept), {piece for piece in EXCEPTIONS if piece in sample}
            used |= excuses if told else set()
            if told and not excuses:
                wrong[sample] = told
            elif not told:
                defined[sample] = text
    record_property("defined", len(defined))
    record_property("samples", len(samples))
    assert wrong == {}
    assert used == {piece for piece in EXCEPTIONS if libvirt.version < REFUSED_FROM.get(piece, (99, 0))}
    assert len(defined) >= LEAST
    assert changed(libvirt, defined.values()) == {}


def changed(libvirt: Libvirt, texts: Iterable[str]) -> dict[str, str]:
    """Of domains whose plan libvirt does not keep as it is, what it says; of equal requests one is planned."""
    wrong = {}
    asked = set()
    for text in texts:
        guest = read(text.encode())
        devices = guest.model_copy(update={"unread": ()}).sha256
        if devices in asked:
            continue
        asked.add(devices)
        outcome = solve(guest)
        if not isinstance(outcome, Solved):
            wrong[text] = str(outcome)
            continue
        written = outcome.layout.to_libvirt(text)
        answer = libvirt.ask(written)
        if "error" in answer or picture(answer["xml"]) != picture(written):
            wrong[text] = answer.get("error", "other addresses")
    return wrong
