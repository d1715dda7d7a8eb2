"""RESULTS.md from a result file: `python -m benchmarks.report FILE [--machine TEXT] [--date DATE] > RESULTS.md`."""

import argparse
from collections.abc import Iterator, Sequence
from datetime import date
from pathlib import Path
from statistics import median
from typing import Any

from .families import FAMILIES
from .record import Record, read

HEAD = """# Results

Made by `python -m benchmarks.report {file}` from a run of {date} on {machine}; qslot {qslot}, OR-Tools {ortools}.
What is measured, and how: [README](README.md). Wall clock in milliseconds, medians; *x trivial* is the total over the
time of CP-SAT solves of one variable just before, here {trivial:.2f} ms in the median. The machine was shared:
differences below a factor of two are noise."""


ANSWERS = """Costs are preferences / IO windows of 4 KiB / controllers / depth, each the least there is where no bound
is shown; greedy's has no preferences. *Boolean* is a Boolean for each device and slot; (limit): the last term shown
and those after it were not proved in time.
"""


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser("benchmarks.report", description="Makes the tables of RESULTS.md.")
    parser.add_argument("file", type=Path)
    parser.add_argument("--machine", default="2 cores")
    parser.add_argument("--date", type=date.fromisoformat, default=date.today())
    options = parser.parse_args(arguments)
    records = read(options.file)
    print("\n".join(report(records, options.file.name, options.machine, options.date)))


def report(records: list[Record], file: str, machine: str, day: date) -> Iterator[str]:
    trivial = median(record.trivial_ms for record in records)
    yield HEAD.format(
        file=f"benchmarks/results/{file}", date=day, machine=machine, trivial=trivial, **records[0].versions
    )
    yield from _summary(records)
    done = {record.key for record in records}
    sizes = dict.fromkeys(record.size for record in records)
    missing = [f"{name} {size}" for name in FAMILIES for size in sizes if (name, size) not in done]
    if missing:
        yield f"\n**Without a result, the run raised there: {', '.join(missing)}.**"
    yield "\n![Time of solve by number of devices, a line a family](solve_by_size.svg)"
    yield "\n## Times\n"
    yield from _rows(
        ("guest", "answer", "kinds", "variables", "model", "solve", "decode", "verify", "total", "x trivial"),
        (_times(record) for record in records),
    )
    yield "\n## Answers beside the baselines\n"
    yield ANSWERS
    yield from _rows(("guest", "qslot", "greedy", "greedy ms", "Boolean", "Boolean ms"), map(_answers, records))
    yield "\n## Families\n"
    for family in FAMILIES.values():
        notes = "; ".join(f"{answer} at {size}" for size, answer in family.answers.items())
        yield f"- **{family.name}**: {family.about}{f' ({notes})' if notes else ''}"


def _summary(records: list[Record]) -> Iterator[str]:
    yield "\n## In short\n"
    rows = []
    for size in dict.fromkeys(record.size for record in records):
        here = [record for record in records if record.size == size]
        proved = [record for record in here if record.status != "undecided"]
        fails = sum("fails" in record.greedy or not record.greedy["fits"] for record in here)
        ratios = sorted(record.ratio["total"] for record in here)
        total = median(record.ms["total"] for record in here)
        proofs = f"{len(proved)} of {len(here)}"
        rows.append((str(size), proofs, f"{total:.1f}", f"{median(ratios):.0f}", f"{ratios[-1]:.0f}", f"{fails}"))
    heads = ("devices", "proved", "median ms", "median x trivial", "worst x trivial", "greedy fails or overflows")
    yield from _rows(heads, rows)


def _rows(heads: Sequence[str], rows: Any) -> Iterator[str]:
    yield f"| {' | '.join(heads)} |"
    yield f"|{'---|' * len(heads)}"
    for row in rows:
        yield f"| {' | '.join(row)} |"


def _times(record: Record) -> tuple[str, ...]:
    phases = [f"{record.ms[phase]:.1f}" for phase in ("model", "solve", "decode", "verify", "total")]
    counts = (str(record.kinds), str(record.variables))
    return (f"{record.family} {record.size}", _status(record), *counts, *phases, f"{record.ratio['total']:.0f}")


def _status(record: Record) -> str:
    overfull = FAMILIES[record.family].answer(record.size) == "overfull"
    return f"{record.status}, overfull" if overfull else record.status


def _answers(record: Record) -> tuple[str, ...]:
    greedy, boolean = record.greedy, record.boolean
    if "fails" in greedy:
        first_fit = greedy["fails"]
    else:
        first_fit = f"{greedy['windows']} / {greedy['controllers']} / {greedy['depth']}"
        first_fit += "" if greedy["fits"] else ", no IO room"
    columns = ("-", "-") if boolean is None else (_boolean(boolean), f"{boolean['ms']:.0f}")
    return (f"{record.family} {record.size}", _cost(record), first_fit, f"{greedy['ms']:.1f}", *columns)


def _cost(record: Record) -> str:
    if not record.cost:
        return ": ".join([record.status, *([", ".join(record.findings)] if record.findings else [])])
    return " / ".join(
        f"{_pages(term, value)}"
        + ("" if value == record.bound[term] else f" (bound {_pages(term, record.bound[term])})")
        for term, value in record.cost.items()
    )


def _pages(term: str, value: int) -> int:
    return value // 4096 if term == "io_windows" else value


def _boolean(answer: dict[str, Any]) -> str:
    if not answer["cost"]:
        return str(answer["status"])
    terms = ("preferences", "io_windows", "controllers", "depth")
    cost = " / ".join(str(_pages(term, value)) for term, value in zip(terms, answer["cost"], strict=False))
    return cost if answer["status"] == "optimal" else f"{cost} (limit)"


if __name__ == "__main__":
    main()
