"""An address space cut into ranges: what is not given out, windows with their owners, BARs, free room."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Final, Literal, NamedTuple

from ..firmware.apertures import Aperture
from ..words import named

RangeKind = Literal["kept", "window", "reserve", "bars", "free"]

MANY: Final = 3
"""Windows of equal size in a row from which on they are told together."""


class Claim(NamedTuple):
    """Addresses that something has: in bytes. Windows stand before what is in them."""

    start: int
    size: int
    owner: str
    """The bridge whose window it is, or whose BAR."""
    kind: RangeKind
    text: str = ""
    """What to call it inside a window, where its owner's name is not enough."""

    @property
    def end(self) -> int:
        """The first address behind it."""
        return self.start + self.size


@dataclass(frozen=True, slots=True)
class AddressRange:
    """A part of an address space, with words for people."""

    start: int
    end: int
    kind: RangeKind
    title: str
    details: tuple[str, ...] = ()

    @property
    def size(self) -> int:
        """How many bytes."""
        return self.end - self.start


@dataclass(slots=True)
class _Outer:
    """A claim of the root level, and the claims inside it."""

    claim: Claim
    inside: list[Claim] = field(default_factory=list)


def ranges_of(
    whole: Aperture, given: Sequence[Aperture], claims: Iterable[Claim], *, kept: str, unit: int
) -> list[AddressRange]:
    """All of `whole`, without a gap: what lies outside `given` is called `kept`; BARs of the root level take whole
    units, so that many small ones are one range."""
    parts = [AddressRange(a, b, "kept", kept) for a, b in _gaps(whole, given)]
    outers = _outers(claims)
    taken = _together([*_windows(outers), *_root_bars(outers, unit)])
    parts += taken
    for space in given:
        held = sorted((max(one.start, space.start), min(one.end, space.end)) for one in taken if _meet(one, space))
        parts += [AddressRange(a, b, "free", "free") for a, b in _gaps(space, [Aperture(*pair) for pair in held])]
    return sorted(parts, key=lambda one: (one.start, one.end))


def _outers(claims: Iterable[Claim]) -> list[_Outer]:
    """Those that lie in no other, each with all that lies in it."""
    found: list[_Outer] = []
    for claim in sorted(claims, key=lambda one: (one.start, -one.size)):
        above = found[-1].claim if found else None
        if above is not None and above.kind in ("window", "reserve") and claim.end <= above.end:
            found[-1].inside.append(claim)
        else:
            found.append(_Outer(claim))
    return found


def size_text(size: int) -> str:
    """Bytes in the unit in which they are a whole number, or at least ten.

    >>> size_text(4096), size_text(2 << 20), size_text(3 << 40), size_text(100)
    ('4 KiB', '2 MiB', '3 TiB', '100 bytes')
    """
    for shift, unit in ((40, "TiB"), (30, "GiB"), (20, "MiB"), (10, "KiB")):
        if size >= 1 << shift and size % (1 << shift) == 0:
            return f"{size >> shift} {unit}"
        if size >= 10 << shift:
            return f"{size / (1 << shift):.1f} {unit}"
    return f"{size} bytes"


def _windows(outers: Iterable[_Outer]) -> Iterator[AddressRange]:
    for outer in outers:
        if outer.claim.kind in ("window", "reserve"):
            yield _window(outer)


def _window(outer: _Outer) -> AddressRange:
    """Bridges with the very same window are a chain; others in it, and BARs, are details."""
    claim = outer.claim
    same = [one.owner for one in outer.inside if one.kind == "window" and one[:2] == claim[:2]]
    nested = [one for one in outer.inside if one.kind in ("window", "reserve") and one[:2] != claim[:2]]
    bars = [one for one in outer.inside if one.kind == "bars"]
    details = [f"{one.owner}: {one.start:x}-{one.end - 1:x}" for one in nested]
    return AddressRange(
        claim.start, claim.end, claim.kind, " → ".join([claim.owner, *same]), (*details, *_bar_lines(bars))
    )


def _bar_lines(bars: Sequence[Claim]) -> Iterator[str]:
    """Those that have words of their own, then who else has one."""
    yield from (f"{one.owner} {one.text}" for one in bars if one.text)
    told = {one.owner for one in bars if one.text}
    rest = _names(list(dict.fromkeys(one.owner for one in bars if one.owner not in told)))
    yield from [rest] if rest else []


def _root_bars(outers: Iterable[_Outer], unit: int) -> Iterator[AddressRange]:
    """BARs on root buses, those of neighbouring units in one range."""
    group: list[Claim] = []
    for claim in [*(one.claim for one in outers if one.claim.kind == "bars"), None]:
        if group and (claim is None or claim.start // unit > (group[-1].end - 1) // unit + 1):
            yield _bars(group, unit)
            group = []
        group += [claim] if claim is not None else []


def _bars(group: list[Claim], unit: int) -> AddressRange:
    start, end = group[0].start // unit * unit, -(-max(one.end for one in group) // unit) * unit
    return AddressRange(start, end, "bars", "on root buses", tuple(_bar_lines(group)))


def _together(ranges: list[AddressRange]) -> list[AddressRange]:
    """Many windows alike in a row, as of ports that wait for a device, are one range."""
    found: list[AddressRange] = []
    run: list[AddressRange] = []
    for one in [*sorted(ranges, key=lambda one: one.start), None]:
        last = run[-1] if run else None
        if one is None or last is None or not _alike(last, one):
            found += [_run(run)] if len(run) > MANY else run
            run = []
        run += [one] if one is not None else []
    return found


def _alike(last: AddressRange, one: AddressRange) -> bool:
    large = any(" BAR " in detail for detail in (*last.details, *one.details))
    return last.end == one.start and last.size == one.size and last.kind == one.kind != "bars" and not large


def _run(run: list[AddressRange]) -> AddressRange:
    title = _names([one.title for one in run])
    each = f"{len(run)} windows of {size_text(run[0].size)}"
    return AddressRange(run[0].start, run[-1].end, run[0].kind, title, (each,))


def _names(owners: list[str]) -> str:
    """Addresses often fall where numbers rise: the shorter way to tell them."""
    return min(named(owners), named(owners[::-1]), key=len)


def _gaps(whole: Aperture, held: Sequence[Aperture]) -> Iterator[tuple[int, int]]:
    edges = [whole.start]
    for one in sorted(held):
        edges += [one.start, max(one.end, edges[-1])]
    edges.append(whole.end)
    for number, (low, high) in enumerate(pairwise(edges)):
        if number % 2 == 0 and high > low:
            yield low, high


def _meet(one: AddressRange, space: Aperture) -> bool:
    return one.start < space.end and one.end > space.start
