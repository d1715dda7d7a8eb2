"""What libvirt makes of the domains that we write: `python -m benchmarks.kept > LIBVIRT_KEPT.md`.

Each domain is planned and given to the real libvirt: the installed one, and those of other Debians that
tests/real/debian/fetch.sh unpacked beside the sources. It is to keep every address and controller; what it refuses it
must refuse without us, too, in the same words, be it as it stands or without its addresses, and what we refuse has a
reason. Domains are of libvirt's own tests: a part of 9.0's beside the project, and those that
tests/real/debian/fetch_domains.py unpacked.
"""

import json
import re
import sys
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from pathlib import Path
from typing import Final

from qslot.schema import Guest, Solved
from qslot.schema.libvirt.addresses import PciAddress
from qslot.schema.libvirt.domain import read_domain
from qslot.schema.libvirt.splice import ATTRIBUTE, Edits, Element, parse
from qslot.solver import solve
from qslot.testing.libvirt import Libvirt

from .libvirt import CORPUS, PATIENCE, cut, request_of, stripped

ROOT: Final = Path(__file__).parents[1]
SUITES: Final = ("trixie", "sid")
"""Debians whose libvirt, and whose libvirt's tests, may be beside the sources."""
EXCEPTIONS: Final[dict[str, str]] = json.loads((ROOT / "tests" / "libvirt_exceptions.json").read_text())
"""Domains without a plan that libvirt accepts, and why."""
NEWER: Final = {"crypto": (9, 1), "pstore": (10, 6)}
"""Elements that libvirt overlooks before that version."""
NEWER_ATTRIBUTES: Final = {("video", "model", "device"): (12, 5), ("controller", "target", "memReserve"): (10, 3)}
"""Attributes that it overlooks."""


class Fate(StrEnum):
    """What came of a domain."""

    KEPT = "kept as planned"
    KEPT_WITH_A_MACHINE = "kept as planned, on a machine type that its QEMU still has"
    KEPT_ALONE = "kept as planned, refused as it stood"
    REFUSED_BY_BOTH = "refused with and without us, in the same words"
    UNPLANNED = "refused by us and by libvirt"
    EXCEPTION = "refused by us alone, with a cause"
    CHANGED = "CHANGED"
    REFUSED = "REFUSED ONLY OURS"
    MISSED = "REFUSED ONLY BY US"

    @property
    def is_bad(self) -> bool:
        """Whether we are at fault."""
        return self.value.isupper()


@dataclass(frozen=True, slots=True)
class Judged:
    fate: Fate
    why: str = ""
    """The words of who refuses, or what is other than planned."""


Picture = dict[tuple[object, ...], PciAddress | None]


def picture(text: str) -> Picture:
    """Every device and controller with its address; controllers with all that is said of them."""
    domain = read_domain(text.encode())
    devices: Picture = {(part.id, part.kind.model, part.kind.mode): part.address for part in domain.parts}
    return devices | {
        (one.index, one.model, one.node, one.hotplug, *sorted(one.properties.items())): one.address
        for one in domain.bridges
    }


def addresses(text: str) -> Counter[tuple[str, tuple[int, ...]]]:
    """Every PCI address of the domain as it stands there, by element, whatever the element is: our reading of what the
    devices are has no part in it. Functions of the chipset, and a console's copy of a serial port's, are left out."""
    devices = parse(text.encode()).first("devices")
    found: Counter[tuple[str, tuple[int, ...]]] = Counter()
    for one in devices.children if devices is not None else ():
        address = one.first("address")
        if address is not None and address.get("type") == "pci" and one.tag != "console":
            place = tuple(int(address.get(name, "0"), 0) for name in ("bus", "slot", "function"))
            if not (one.tag == "controller" and one.get("type") in ("sata", "ide", "usb")) and place[:2] != (0, 0):
                found[one.tag, place] += 1
    return found


def known_to(version: tuple[int, int], text: str) -> str:
    """The domain without what a libvirt of that version overlooks."""
    data = text.encode()
    edits, devices = Edits(data), parse(data).first("devices")
    for one in devices.children if devices is not None else ():
        if version < NEWER.get(one.tag, version):
            cut(edits, one)
            continue
        for (tag, child, attribute), since in NEWER_ATTRIBUTES.items():
            inside = one.first(child) if one.tag == tag and version < since else None
            if inside is not None and attribute in inside.attributes:
                _cut_attribute(edits, inside, attribute)
    return edits.apply().decode()


def _cut_attribute(edits: Edits, element: Element, name: str) -> None:
    written = ATTRIBUTE.finditer(edits.data, element.start, element.open_end)
    edits.splices += [(*found.span(), "") for found in written if found[1].decode() == name]


@dataclass(frozen=True, slots=True)
class Planned:
    """The domain as we write it, or why there is none."""

    xml: str = ""
    why_not: str = ""


@cache
def planned(text: str, preset: str) -> Planned:
    """The answer of `qslot plan --preset PRESET --to libvirt`."""
    try:
        outcome = solve(Guest.model_validate(request_of(text) | {"policy": {"preset": preset}}), PATIENCE)
        return Planned(outcome.layout.to_libvirt(text)) if isinstance(outcome, Solved) else Planned("", str(outcome))
    except ValueError as error:
        return Planned("", str(error))


def judge(libvirt: Libvirt, name: str, text: str, preset: str = "default") -> Judged:
    """What came of a domain. Whoever refuses it has a reason."""
    alone = libvirt.ask(text)
    if "does not support machine type" in alone.get("error", ""):
        judged = judge(libvirt, name, on_any_machine(text), preset)
        if judged.fate in (Fate.CHANGED, Fate.REFUSED):
            return judged
        if judged.fate is Fate.KEPT:
            return Judged(Fate.KEPT_WITH_A_MACHINE)
    plan = planned(text, preset)
    if plan.why_not:
        if "error" in alone:
            return Judged(Fate.UNPLANNED, alone["error"])
        cause = EXCEPTIONS.get(name.partition(".x86_64-")[0])
        return Judged(Fate.MISSED, plan.why_not) if cause is None else Judged(Fate.EXCEPTION, cause)
    answer = libvirt.ask(plan.xml)
    if "error" in answer:
        # of several reasons libvirt says the first alone, and it may be of addresses that we have mended
        without_us = answer in (alone, libvirt.ask(stripped(text)))
        return Judged(Fate.REFUSED_BY_BOTH if without_us else Fate.REFUSED, answer["error"])
    expected = known_to(libvirt.version, plan.xml)
    if (found := picture(answer["xml"])) != (ours := picture(expected)):
        return Judged(Fate.CHANGED, f"{found.items() - ours.items()}, not {ours.items() - found.items()}")
    if (theirs := addresses(answer["xml"])) != (stated := addresses(expected)):
        return Judged(Fate.CHANGED, f"{theirs - stated}, not {stated - theirs}")
    return Judged(Fate.KEPT_ALONE, alone["error"]) if "error" in alone else Judged(Fate.KEPT)


def on_any_machine(text: str) -> str:
    """On the newest version of the machine's family."""
    data = text.encode()
    root, edits = parse(data), Edits(data)
    kind = root.first("os", "type")
    assert kind is not None
    edits.set(kind, machine=read_domain(data).family)
    return edits.apply().decode()


def corpora() -> dict[str, dict[str, str]]:
    """Domains by name, by whose they are; those that are there."""
    folders = {"9.0": CORPUS} | {suite: ROOT / ".libvirt" / suite for suite in SUITES}
    return {whose: _domains(folder) for whose, folder in folders.items() if folder.is_dir()}


def _domains(folder: Path) -> dict[str, str]:
    return {path.stem: path.read_text(encoding="utf-8") for path in sorted(folder.glob("*.xml"))}


def pythons() -> Iterator[str]:
    """Those that have libvirt's binding: the installed one, and those of other Debians."""
    yield "/usr/bin/python3"
    for suite in SUITES:
        python = ROOT / ".qemu" / suite / "bin" / "python3-libvirt"
        if python.exists():
            yield str(python)


GENERAL: Final = re.compile(r"'[^']*'|\"[^\"]*\"|/\S+|0x[0-9a-f]+|\d+")


def reasons(judged: Mapping[str, Judged], fate: Fate) -> Counter[str]:
    """How often each is given, without names and numbers."""
    return Counter(GENERAL.sub("..", one.why)[:150] for one in judged.values() if one.fate is fate)


def main() -> int:
    """Prints the tables. 1 where we are at fault."""
    told: dict[str, Counter[str]] = defaultdict(Counter)
    bad = []
    print("# What libvirt keeps of our plans\n\nMade by `python -m benchmarks.kept`; see there for what is compared.\n")
    print("| domains | libvirt | preset | " + " | ".join(Fate) + " |\n|---|---|---|" + "---|" * len(Fate))
    for python in pythons():
        with Libvirt(python) as libvirt:
            version = ".".join(map(str, libvirt.version))
            for whose, domains in corpora().items():
                for preset in ("default", "libvirt"):
                    judged = {name: judge(libvirt, name, text, preset) for name, text in domains.items()}
                    counts = Counter(one.fate for one in judged.values())
                    row = [f"{len(domains)} of {whose}", version, preset, *(str(counts[fate]) for fate in Fate)]
                    print(f"| {' | '.join(row)} |", flush=True)
                    bad += [f"{version}, {preset}, {name}: {one}" for name, one in judged.items() if one.fate.is_bad]
                    for fate in (Fate.REFUSED_BY_BOTH, Fate.UNPLANNED, Fate.EXCEPTION, Fate.KEPT_ALONE):
                        told[fate] |= reasons(judged, fate)
    for heading, counted in ((fate, counted) for fate, counted in told.items() if counted):
        print(f"\n## {heading.capitalize()}\n\nThe most domains of one table row.\n\n| reason | domains |\n|---|---|")
        print("\n".join(f"| {reason} | {number} |" for reason, number in sorted(counted.items())))
    print("".join(f"\n- {line}" for line in bad))
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
