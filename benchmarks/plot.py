"""Time by number of devices, as a picture: `python -m benchmarks.plot FILE > solve_by_size.svg`.

A line a family, both axes logarithmic: what grows in proportion rises at 45 degrees. The time is the total over the
trivial solve of the same run, as in RESULTS.md; what was not proved in time ends its line with a hollow dot.
"""

import argparse
import sys
from collections.abc import Iterator, Sequence
from math import ceil, floor, log10
from pathlib import Path
from typing import Final

from .record import Record, one_a_key, read

WIDTH, HEIGHT = 760, 520
LEFT, RIGHT, TOP, BOTTOM = 84, 80, 24, 48
COLOURS: Final = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#56b4e9", "#8c6d1f", "#000000", "#7f3fbf", "#999999")
"""Okabe and Ito's, which the colour-blind tell apart, darkened where they would be faint; then more."""
LABEL_HEIGHT: Final = 14
"""Least distance of two names, in pixels."""


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser("benchmarks.plot", description="Draws time by size from a result file.")
    parser.add_argument("file", type=Path)
    options = parser.parse_args(arguments)
    print("\n".join(picture(list(one_a_key(read(options.file)).values()))))
    return 0


class Scale:
    """Powers of ten on a line of pixels, from the last below what is shown to the first above it."""

    def __init__(self, values: Sequence[float], start: float, end: float) -> None:
        self.first, self.last = floor(log10(min(values))), ceil(log10(max(values)))
        self._start, self._end = start, end

    def __call__(self, value: float) -> float:
        """Where the value is, in pixels."""
        share = (log10(value) - self.first) / (self.last - self.first)
        return round(self._start + share * (self._end - self._start), 1)

    @property
    def ticks(self) -> list[int]:
        return [10**power for power in range(self.first, self.last + 1)]


def picture(records: Sequence[Record]) -> Iterator[str]:
    """The lines of an SVG file."""
    across = Scale([record.size for record in records], LEFT, WIDTH - RIGHT)
    up = Scale([record.ratio["total"] for record in records], HEIGHT - BOTTOM, TOP)
    size = f'viewBox="0 0 {WIDTH} {HEIGHT}" font-family="sans-serif" font-size="12"'
    yield f'<svg xmlns="http://www.w3.org/2000/svg" {size}>'
    yield "<title>Time of solve by number of devices</title>"
    yield f'<rect width="{WIDTH}" height="{HEIGHT}" fill="#fff"/>'
    yield from _axes(across, up)
    lines: dict[str, list[Record]] = {}
    for record in records:
        lines.setdefault(record.family, []).append(record)
    labels = apart({family: up(max(line, key=_size).ratio["total"]) for family, line in lines.items()})
    for (family, line), colour in zip(lines.items(), COLOURS, strict=False):
        yield from _line(sorted(line, key=_size), across, up, colour)
        end = across(max(record.size for record in line))
        yield f'<text x="{end + 10}" y="{labels[family] + 4:g}" fill="{colour}">{family}</text>'
    yield "</svg>"


def _size(record: Record) -> int:
    return record.size


def _axes(across: Scale, up: Scale) -> Iterator[str]:
    for value in across.ticks:
        x = across(value)
        yield f'<path d="M{x} {TOP}V{HEIGHT - BOTTOM}" stroke="#ddd"/>'
        yield f'<text x="{x}" y="{HEIGHT - BOTTOM + 18}" text-anchor="middle">{value}</text>'
    for value in up.ticks:
        y = up(value)
        yield f'<path d="M{LEFT} {y}H{WIDTH - RIGHT}" stroke="#ddd"/>'
        yield f'<text x="{LEFT - 8}" y="{y + 4:g}" text-anchor="end">{value:,}</text>'
    yield f'<text x="{(LEFT + WIDTH - RIGHT) / 2:g}" y="{HEIGHT - 10}" text-anchor="middle">devices</text>'
    yield (
        f'<text transform="translate(16 {HEIGHT / 2:g}) rotate(-90)" text-anchor="middle">'
        "solve, as a multiple of a trivial solve</text>"
    )


def _line(line: Sequence[Record], across: Scale, up: Scale, colour: str) -> Iterator[str]:
    points = [(across(record.size), up(record.ratio["total"])) for record in line]
    way = " ".join(f"{x},{y}" for x, y in points)
    yield f'<polyline points="{way}" fill="none" stroke="{colour}" stroke-width="1.5"/>'
    for record, (x, y) in zip(line, points, strict=True):
        fill = "#fff" if record.status == "undecided" else colour
        what = f"{record.family} {record.size}: {record.ratio['total']:g} x trivial, {record.status}"
        yield f'<circle cx="{x}" cy="{y}" r="3.5" fill="{fill}" stroke="{colour}"><title>{what}</title></circle>'


def apart(wanted: dict[str, float]) -> dict[str, float]:
    """Heights near those wanted, none of which covers another: each is pushed down by those above it."""
    placed: dict[str, float] = {}
    last = -float(LABEL_HEIGHT)
    for family, height in sorted(wanted.items(), key=lambda item: item[1]):
        placed[family] = last = max(height, last + LABEL_HEIGHT)
    overhang = max(0.0, last - (HEIGHT - BOTTOM))
    return {family: round(height - overhang, 1) for family, height in placed.items()}


if __name__ == "__main__":
    sys.exit(main())
