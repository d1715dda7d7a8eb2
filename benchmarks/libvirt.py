"""Our plans against libvirt's own, for the same domains without addresses: `python -m benchmarks.libvirt > LIBVIRT.md`.

Needs Debian's libvirt with its Python binding. For each domain libvirt chooses a layout. Ours has preset libvirt and
the same needs: each device that is hot-pluggable there must be, and as many slots are kept free as there are. Compared
is what that takes; of libvirt's layouts those that keep all rules, the firmware's IO space among them. Some of its own
test domains libvirt refuses for other reasons than PCI: no TPM emulator here, no virtiofs without a daemon.
"""

import json
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal, Self

from qslot.schema import Guest, Layout, Solved
from qslot.schema.layout.layout import SpareSlot
from qslot.schema.libvirt import guest_data
from qslot.schema.libvirt.splice import Edits, Element, parse
from qslot.schema.pci.address import SLOTS
from qslot.schema.verify.context import Context, context_of
from qslot.schema.verify.needs import closed
from qslot.solver import Options, solve

PATIENCE: Final = Options(time_limit=20)
PYTHON: Final = "/usr/bin/python3"
ORACLE: Final = Path(__file__).parents[1] / "tests" / "real" / "libvirt" / "define.py"
CORPUS: Final = Path(__file__).parents[2] / "shared" / "corpus" / "libvirt" / "positive"


class Oracle:
    """The real libvirt, embedded driver, no daemon. Ends with the `with` block."""

    def __init__(self) -> None:
        # as text, not by its name: it gives up root, and with it access to our folder
        command = [PYTHON, "-c", ORACLE.read_text()]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd="/")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.process.communicate()

    def capabilities(self, machine: str = "") -> str:
        """Domain capabilities for that machine; without one, the host's."""
        return self._answer([machine])["xml"]

    def ask(self, text: str) -> dict[str, str]:
        """The domain as libvirt keeps it under `xml`, or why it refuses under `error`."""
        return self._answer(text)

    def _answer(self, question: str | list[str]) -> dict[str, str]:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(json.dumps(question) + "\n")
        self.process.stdin.flush()
        answer: dict[str, str] = json.loads(self.process.stdout.readline())
        return answer


def stripped(text: str) -> str:
    """Without PCI addresses and controllers."""
    data = text.encode()
    root, edits = parse(data), Edits(data)
    devices = root.first("devices")
    for element in devices.children if devices is not None else ():
        if element.tag == "controller" and element.get("type") == "pci":
            _cut(edits, element)
        elif (address := element.first("address")) is not None and address.get("type") == "pci":
            _cut(edits, address)
    return edits.apply().decode()


def _cut(edits: Edits, element: Element) -> None:
    edits.splices.append((element.start, element.end, ""))


@dataclass(frozen=True)
class Cost:
    controllers: int
    windows: int
    preferences: int

    @classmethod
    def of(cls, layout: Layout) -> "Cost":
        values = {term.term: term.value for term in layout.objective}
        return cls(values["controllers"], values["io_windows"] // 4096, values["preferences"])


def same_needs(data: dict[str, Any], layout: Layout) -> dict[str, Any]:
    """The request that libvirt's layout answers: its devices free to move, what it offers asked for."""
    known = context_of(Guest.model_validate(data), layout)
    devices = []
    for one in data["devices"]:
        place, device = known.places[one["id"]], dict(one)
        device.pop("address", None)
        if "group" in device:
            device["address"] = f".{place.seat.function}"
        hot = place.takes_hotplug and place.resolved.model.hotpluggable and "group" not in device
        devices.append(device | {"hotplug": "required" if hot else "never"})
    spare = [{"kind": kind, "count": count} for kind, count in _free(known).items()]
    return {**data, "controllers": [], "devices": devices, "spare": spare, "policy": {"preset": "libvirt"}}


def _free(known: Context) -> Counter[str]:
    """Empty slots that take hot-plug."""
    free: Counter[str] = Counter()
    for bus in known.topology.buses.values():
        kind: Literal["pcie", "pci"] = "pcie" if bus.is_port else "pci"
        free[kind] += sum(not closed(known, SpareSlot(kind=kind, bus=bus.id, slot=slot)) for slot in range(SLOTS))
    return free


def compare(oracle: Oracle, text: str) -> tuple[str, Cost | None, Cost | None]:
    """What came of it, in a word; libvirt's cost and ours, where both have a layout."""
    bare = stripped(text)
    kept = oracle.ask(bare).get("xml")
    if kept is None:
        return ("planned, refused by libvirt" if _plan(guest_data(bare.encode())) else "refused by both"), None, None
    data = guest_data(kept.encode())
    theirs = _plan(data)
    if theirs is None:
        return "libvirt's layout breaks a rule", None, None
    ours = _plan(same_needs(data, theirs))
    if ours is None:
        return "NOT PLANNED", Cost.of(theirs), None
    there, here = Cost.of(theirs), Cost.of(ours)
    if here.controllers > there.controllers or here.windows > there.windows:
        return "MORE", there, here
    fewer = here.controllers < there.controllers or here.windows < there.windows
    return "fewer" if fewer else "the same", there, here


def _plan(data: dict[str, Any]) -> Layout | None:
    try:
        outcome = solve(Guest.model_validate(data), PATIENCE)
    except ValueError:
        return None
    return outcome.layout if isinstance(outcome, Solved) else None


def nics(machine: str, number: int, model: str) -> str:
    """A domain of identical interfaces."""
    interfaces = f"<interface type='user'><model type='{model}'/></interface>" * number
    return (
        f"<domain type='qemu'><name>n</name><memory>524288</memory><os><type machine='{machine}'>hvm</type></os>"
        f"<features><acpi/></features><devices><emulator/>{interfaces}<memballoon model='none'/></devices></domain>"
    )


def families() -> Iterator[tuple[str, list[tuple[str, str]]]]:
    """Each with its domains, by name."""
    if CORPUS.is_dir():
        paths = sorted(CORPUS.glob("*.xml"))
        yield "libvirt's own test domains", [(path.stem, path.read_text(encoding="utf-8")) for path in paths]
    for machine in ("pc", "q35"):
        for model in ("virtio", "virtio-transitional", "virtio-non-transitional"):
            sizes = range(1, 251)
            yield f"1 to 250 {model} interfaces, {machine}", [(str(n), nics(machine, n, model)) for n in sizes]


def row(oracle: Oracle, name: str, domains: list[tuple[str, str]]) -> list[str]:
    """Prints a family's row; gives what is bad in it."""
    counts: Counter[str] = Counter()
    sums, bad = [0, 0, 0, 0], []
    for label, text in domains:
        verdict, there, here = compare(oracle, text)
        counts[verdict] += 1
        if verdict.isupper():
            bad.append(f"{name}, {label}: {verdict}, libvirt {there}, ours {here}")
        if there is not None and here is not None:
            values = (there.controllers, here.controllers, there.windows, here.windows)
            sums = [total + value for total, value in zip(sums, values, strict=True)]
    told = ", ".join(f"{count} {verdict}" for verdict, count in sorted(counts.items()))
    print(f"| {len(domains)} {name} | {told} | {sums[0]}, {sums[1]} | {sums[2]}, {sums[3]} |", flush=True)
    return bad


def main() -> int:
    print("# Plans against libvirt 9.0's\n\nMade by `python -m benchmarks.libvirt`; see there for what is compared.\n")
    print("| domains | verdicts | controllers, libvirt's and ours | IO windows |\n|---|---|---|---|")
    with Oracle() as oracle:
        bad = [line for name, domains in families() for line in row(oracle, name, domains)]
    print("".join(f"\n- {line}" for line in bad))
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
