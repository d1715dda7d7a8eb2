"""Our plans against libvirt's own, for the same domains without addresses: `python -m benchmarks.libvirt > LIBVIRT.md`.

Needs Debian's libvirt with its Python binding. For each domain libvirt chooses a layout, and ours has preset libvirt.
In plain use both get the domain as it is given, with its addresses and controllers. With the same needs both get it
without; then each device that is hot-pluggable in libvirt's layout must be in ours, and as many slots are kept free as
there are. Compared is what that takes; of libvirt's layouts those that keep all rules, the firmware's IO space among
them. Some of its own test domains libvirt refuses for other reasons than PCI: no TPM emulator here, no virtiofs without
a daemon.
"""

import sys
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal

from qslot.schema import Guest, Layout, Solved
from qslot.schema.host_devices import NO_HOST, with_host_devices
from qslot.schema.layout.layout import SpareSlot
from qslot.schema.libvirt import guest_data
from qslot.schema.libvirt.splice import Edits, Element, parse
from qslot.schema.pci.address import SLOTS
from qslot.schema.verify.context import Context, context_of
from qslot.schema.verify.needs import closed
from qslot.solver import Options, solve
from qslot.testing.libvirt import Libvirt

PATIENCE: Final = Options(time_limit=20)
CORPUS: Final = Path(__file__).parents[2] / "shared" / "corpus" / "libvirt" / "positive"


def stripped(text: str) -> str:
    """Without PCI addresses and controllers."""
    data = text.encode()
    root, edits = parse(data), Edits(data)
    devices = root.first("devices")
    for element in devices.children if devices is not None else ():
        if element.tag == "controller" and element.get("type") == "pci":
            cut(edits, element)
        elif (address := element.first("address")) is not None and address.get("type") == "pci":
            cut(edits, address)
    return edits.apply().decode()


def cut(edits: Edits, element: Element) -> None:
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


def request_of(text: str) -> dict[str, Any]:
    """What a domain asks for, of whose host nothing is known."""
    return with_host_devices(guest_data(text.encode()), NO_HOST, assume=True)


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


Comparison = tuple[str, Cost | None, Cost | None]
"""What came of it, in a word; libvirt's cost and ours, where both have a layout."""


def in_plain_use(libvirt: Libvirt, text: str) -> Comparison:
    """As a user has it from `qslot plan --preset libvirt`."""
    mine = request_of(text) | {"policy": {"preset": "libvirt"}}
    kept = libvirt.ask(text).get("xml")
    if kept is None:
        return ("planned, refused by libvirt" if _plan(mine) else "refused by both"), None, None
    theirs = _plan(request_of(kept))
    return ("libvirt's layout breaks a rule", None, None) if theirs is None else _verdict(theirs, _plan(mine))


def with_the_same_needs(libvirt: Libvirt, text: str) -> Comparison:
    """Without what the domain says of addresses and controllers; ours has the needs that libvirt's layout meets."""
    bare = stripped(text)
    kept = libvirt.ask(bare).get("xml")
    if kept is None:
        return ("planned, refused by libvirt" if _plan(request_of(bare)) else "refused by both"), None, None
    data = request_of(kept)
    theirs = _plan(data)
    if theirs is None:
        return "libvirt's layout breaks a rule", None, None
    return _verdict(theirs, _plan(same_needs(data, theirs)))


def _verdict(theirs: Layout, ours: Layout | None) -> Comparison:
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


Compare = Callable[[Libvirt, str], Comparison]


def nics(machine: str, number: int, model: str) -> str:
    """A domain of identical interfaces."""
    interfaces = f"<interface type='user'><model type='{model}'/></interface>" * number
    return (
        f"<domain type='qemu'><name>n</name><memory>524288</memory><os><type machine='{machine}'>hvm</type></os>"
        f"<features><acpi/></features><devices><emulator/>{interfaces}<memballoon model='none'/></devices></domain>"
    )


def families() -> Iterator[tuple[str, Compare, list[tuple[str, str]]]]:
    """Each with how it is compared, and its domains by name."""
    if CORPUS.is_dir():
        own = [(path.stem, path.read_text(encoding="utf-8")) for path in sorted(CORPUS.glob("*.xml"))]
        yield "libvirt's own test domains, in plain use", in_plain_use, own
        yield "libvirt's own test domains, with the same needs", with_the_same_needs, own
    for machine in ("pc", "q35"):
        for model in ("virtio", "virtio-transitional", "virtio-non-transitional"):
            sizes = range(1, 251)
            domains = [(str(number), nics(machine, number, model)) for number in sizes]
            yield f"1 to 250 {model} interfaces, {machine}, with the same needs", with_the_same_needs, domains


def row(libvirt: Libvirt, name: str, compare: Compare, domains: list[tuple[str, str]]) -> list[str]:
    """Prints a family's row; gives what is bad in it."""
    counts: Counter[str] = Counter()
    sums, bad = [0, 0, 0, 0], []
    for label, text in domains:
        verdict, there, here = compare(libvirt, text)
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
    with Libvirt() as libvirt:
        bad = [line for family in families() for line in row(libvirt, *family)]
    print("".join(f"\n- {line}" for line in bad))
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
