"""Domains that grow: `python -m benchmarks.growing [FOLDER] > GROWING.md`. Those of libvirt's corpus, or of a folder,
are planned, then again with more devices.

Each domain is planned without the addresses and controllers that it states. Then come 1, 2, 5, 10 and 20 devices more,
listed before all others, and it is planned beside the first plan; and each of its devices in turn is exchanged for
another of its kind. Where all that were there can stay, none may move, and that must be proved; where one moves, it
must be proved that so many have to.
"""

import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from qslot.schema import Guest, Infeasible, Layout, Solved
from qslot.schema.verify import verify
from qslot.solver import Options, solve

from .libvirt import CORPUS, request_of, stripped

PATIENCE: Final = Options(time_limit=60)
MORE: Final = (1, 2, 5, 10, 20)
KINDS: Final = ("virtio-net", "virtio-blk", "e1000", "nvme", "virtio-rng")
"""What is added, in turn."""

NONE_MOVES, MUST_MOVE, NO_LAYOUT = "none moves, proved", "some move, proved to be the fewest", "no layout, proved"
WORDS: Final = (NONE_MOVES, MUST_MOVE, NO_LAYOUT, "NOT PROVED", "BREAKS A RULE")


def planned_domains(folder: Path) -> Iterator[tuple[str, Guest, Layout]]:
    """Each domain with devices that has a plan, by its name."""
    for path in sorted(folder.glob("*.xml")):
        try:
            guest = Guest.model_validate(request_of(stripped(path.read_text())))
        except ValueError:
            continue
        outcome = solve(guest, PATIENCE)
        if guest.devices and isinstance(outcome, Solved):
            yield path.stem, guest, outcome.layout


def grown(guest: Guest, number: int) -> Guest:
    """With so many devices more, before all others."""
    more: list[dict[str, Any]] = [{"id": f"more{n}", "model": KINDS[n % len(KINDS)]} for n in range(number)]
    data = guest.model_dump(mode="json", exclude_defaults=True)
    return Guest.model_validate({**data, "devices": [*more, *data["devices"]]})


def exchanged(guest: Guest) -> Iterator[Guest]:
    """Each device in turn is another of its kind; not where others name it."""
    named = {name for one in guest.devices for name in (*one.near, *one.near_switch)}
    for one in guest.devices:
        if one.group is None and one.id not in named:
            devices = (other.model_copy(update={"id": "another"}) if other is one else other for other in guest.devices)
            yield guest.model_copy(update={"devices": tuple(devices)}).validated()


def answer(guest: Guest, previous: Layout) -> str:
    """One of WORDS."""
    outcome = solve(guest, PATIENCE, previous)
    if isinstance(outcome, Infeasible):
        return NO_LAYOUT
    if outcome.layout is None:
        return "NOT PROVED"
    if any(one.severity == "error" for one in verify(guest, outcome.layout, previous)):
        return "BREAKS A RULE"
    moved = next(term for term in outcome.layout.objective if term.term == "moved")
    return "NOT PROVED" if moved.gap else MUST_MOVE if moved.value else NONE_MOVES


def main(folder: Path) -> None:
    added: dict[int, Counter[str]] = {number: Counter() for number in MORE}
    swapped: Counter[str] = Counter()
    told = 0
    for name, guest, layout in planned_domains(folder):
        told += 1
        for number in MORE:
            found = answer(grown(guest, number), layout)
            added[number][found] += 1
            if found != NONE_MOVES:
                print(f"{name} and {number}: {found}", file=sys.stderr)
        if len(guest.devices) > 1:
            swapped.update(answer(one, layout) for one in exchanged(guest))
    print("# Domains that grow\n\nMade by `python -m benchmarks.growing`; see there for what is asked.\n")
    print(f"{told} domains of libvirt's corpus.\n\n| asked | {' | '.join(WORDS)} |\n|---{'|---' * len(WORDS)}|")
    rows = {f"{number} more": counts for number, counts in added.items()} | {"another of the same kind": swapped}
    for asked, counts in rows.items():
        print(f"| {asked} | {' | '.join(str(counts[word]) for word in WORDS)} |")


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else CORPUS)
