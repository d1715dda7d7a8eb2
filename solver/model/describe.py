"""A model as text: who is k0 and c0, every variable with its range, the objective, every row below what it is about.

For whoever wants to see what CP-SAT is given; nothing reads it back. Costs nothing where nobody asks: names of
variables are kept as tuples of objects and become words here.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import pairwise
from pathlib import Path

from ..aggregate.bus_classes import BusClass, SlotKind
from ..aggregate.item_kinds import ItemKind
from ..aggregate.items import Item
from .build import Model
from .linear import LinearExpr, LinearModel
from .patterns import Pattern
from .variables import Variables

Labels = Callable[[object], str]


def describe(model: Model) -> str:
    """The whole model, one variable or row a line."""
    v = model.variables
    labels = _labels(v)
    names = variable_names(v.linear, labels)
    sections = {
        "model": [f"{model.formulation}", *(["incomplete: layouts are left out"] if model.incomplete else [])],
        "kinds of items": (_kind(kind, items, labels) for kind, items in v.items.free.items()),
        "bus classes": (_bus_class(bus, v, labels) for bus in v.classes),
        "variables": (f"{name}: {low}..{high}" for name, (low, high) in zip(names, v.linear.ranges, strict=True)),
        "objective, each term minimised and fixed before the next": (
            f"{term} = {expression(what.terms, names, what.constant)}" for term, what in model.terms.items()
        ),
        "rows": _rows(v.linear, names),
    }
    return "\n".join(line for title, lines in sections.items() for line in (f"# {title}", *lines, ""))


def append_to(path: Path, model: Model) -> None:
    """Writes the model below what the file has. Raises OSError."""
    with path.open("a", encoding="utf-8") as file:
        file.write(describe(model))


def variable_names(linear: LinearModel, labels: Labels = str) -> list[str]:
    """Of each variable, in order of creation; what has been named before gets a number."""
    seen: Counter[str] = Counter()
    result = []
    for what, *of_whom in (name or (f"x{index}",) for index, name in enumerate(linear.names)):
        text = f"{what}({', '.join(map(labels, of_whom))})" if of_whom else f"{what}"
        seen[text] += 1
        result.append(text if seen[text] == 1 else f"{text}#{seen[text]}")
    return result


def expression(terms: Mapping[int, int], names: Sequence[str], constant: int = 0) -> str:
    """A sum as one writes it.

    >>> expression({0: 1, 1: -2}, ["x", "y"], 3)
    'x - 2 y + 3'
    """
    text = " ".join(
        f"{'-' if factor < 0 else '+'} {'' if abs(factor) == 1 else f'{abs(factor)} '}{names[variable]}"
        for variable, factor in terms.items()
        if factor
    )
    if constant or not text:
        text += f" {'-' if constant < 0 else '+'} {abs(constant)}"
    return text.strip().removeprefix("+ ")


def _rows(linear: LinearModel, names: Sequence[str]) -> Iterator[str]:
    for (part, _, first), (_, _, end) in pairwise([*linear.parts, ("", 0, len(linear.rows))]):
        if first < end:
            yield f"## {part}"
        for variables, factors, low, high in linear.rows[first:end]:
            yield _row(linear, names, LinearExpr(dict(zip(variables, factors, strict=True))), low, high)


def _row(linear: LinearModel, names: Sequence[str], what: LinearExpr, low: int, high: int) -> str:
    """Only the sides that the ranges do not give anyway."""
    text = expression(what.terms, names)
    if low == high:
        return f"{text} = {low}"
    at_least = f"{low} <= " if low > linear.lower_bound(what) else ""
    return at_least + text + (f" <= {high}" if high < linear.upper_bound(what) else "")


def _labels(v: Variables) -> Labels:
    """Short names of what variables are of: k for a kind, c for a class, the numbers of slots, sets of functions."""
    numbered: dict[object, str] = {bus: f"c{number}" for number, bus in enumerate(v.classes)}
    numbered |= {kind: f"k{number}" for number, kind in enumerate(v.items.free)}

    def label(one: object) -> str:
        if isinstance(one, BusClass | ItemKind):
            return numbered[one]
        if isinstance(one, SlotKind):
            return f"slots {ranges(one.numbers)}"
        if isinstance(one, Pattern):
            return " and ".join(f"functions {ranges(sorted(group))}" for group in one.sets) or "lone devices"
        return str(one)

    return label


def ranges(numbers: Sequence[int]) -> str:
    """Rising numbers, neighbours joined.

    >>> ranges((1, 2, 3, 7))
    '1-3,7'
    """
    starts = [n for n in numbers if n - 1 not in numbers]
    ends = [n for n in numbers if n + 1 not in numbers]
    return ",".join(f"{a}" if a == b else f"{a}-{b}" for a, b in zip(starts, ends, strict=True))


def _kind(kind: ItemKind, items: Sequence[Item], labels: Labels) -> str:
    ids = " ".join("+".join(item.ids) for item in items) if kind.spare is None else f"spare {kind.spare.kind} slots"
    return f"{labels(kind)}: {len(items)} of {kind.size} functions, hotplug {kind.hotplug}: {ids}"


def _bus_class(bus: BusClass, v: Variables, labels: Labels) -> str:
    who = " ".join(bus.listed_ids) or ("created" if bus.created else "root bus")
    above = " ".join(map(labels, bus.above))
    return (
        f"{labels(bus)}: {who}, {bus.model or v.guest.machine_model.root}, {bus.kind}, depth {bus.level.depth}, "
        f"at most {bus.max_count}" + (f", on {above}" if above else "")
    )
