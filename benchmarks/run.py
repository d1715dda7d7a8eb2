"""Runs families x sizes and writes one JSON line each: `python -m benchmarks.run --help`.

A run asserts what it measures: the layout verifies once more, each term meets its proved bound, and the Boolean model
finds nothing better. Anything else raises, except where the table of families says what to expect.
"""

import argparse
import sys
import time
import traceback
from collections.abc import Sequence
from contextlib import ExitStack
from importlib.metadata import version
from pathlib import Path
from statistics import median
from typing import Any, TextIO

from qslot.schema import Guest, Infeasible, Layout, Outcome, Solved
from qslot.schema.layout.layout import ObjectiveTerm
from qslot.schema.verify import verify
from qslot.solver import Options
from qslot.solver.aggregate.items import items_of

from .baselines import Plan, greedy
from .families import FAMILIES, SIZES, Answer, Family
from .measure import NAMES, Run, measured
from .record import Record

OMITTED = ("moved", "guest_visible")  # 0 without a previous layout


class BenchmarkError(Exception):
    """A run whose answer is wrong; its times would mean nothing."""


def main(arguments: Sequence[str] | None = None) -> None:
    options = _parser().parse_args(arguments)
    families = [FAMILIES[name] for name in options.families or FAMILIES]
    with ExitStack() as stack:
        file = sys.stdout if options.output is None else stack.enter_context(options.output.open("w", encoding="utf-8"))
        run(families, options.sizes, file, options)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("benchmarks.run", description="Measures qslot on families of guests.")
    parser.add_argument("--sizes", type=_numbers, default=SIZES, help="devices, with commas (default: %(default)s)")
    parser.add_argument("--families", type=_names, help="with commas (default: all)")
    parser.add_argument("--repeat", type=int, default=7, help="solves of each guest; times are medians (%(default)s)")
    parser.add_argument("--time-limit", type=float, default=20.0, help="seconds for one solve (%(default)s)")
    parser.add_argument("--boolean", type=int, default=30, help="largest size for the Boolean model (%(default)s)")
    parser.add_argument("--boolean-limit", type=float, default=5.0, help="its seconds (%(default)s)")
    parser.add_argument("-o", "--output", type=Path, help="file for the JSON lines (default: standard output)")
    return parser


def _numbers(text: str) -> tuple[int, ...]:
    return tuple(int(number) for number in text.split(","))


def _names(text: str) -> tuple[str, ...]:
    names = tuple(text.split(","))
    for name in names:
        if name not in FAMILIES:
            raise argparse.ArgumentTypeError(f"no family {name!r}: there are {', '.join(FAMILIES)}")
    return names


def run(families: Sequence[Family], sizes: Sequence[int], file: TextIO, options: argparse.Namespace) -> None:
    """One bad guest does not lose the others: raises BenchmarkError for all of them at the end."""
    bad = []
    for family in families:
        for size in sizes:
            try:
                record = one(family, size, options)
            except Exception as error:
                bad.append(f"{family.name} {size}: {error}")
                traceback.print_exc()
                continue
            print(record.line(), file=file, flush=True)
            if file is not sys.stdout:
                total, ratio = record.ms["total"], record.ratio["total"]
                print(f"{family.name} {size}: {record.status}, {total:.1f} ms, {ratio:.0f} x trivial", file=sys.stderr)
    if bad:
        raise BenchmarkError("\n".join([f"{len(bad)} guests without a result", *bad]))


def one(family: Family, size: int, options: argparse.Namespace) -> Record:
    """Raises BenchmarkError where the answer is not what it must be."""
    guest = family.build(size)
    measurement = measured(family.build, size, Options(time_limit=options.time_limit), options.repeat)
    status = judged(f"{family.name} {size}", guest, measurement.outcome, family.answer(size))
    terms = _terms(measurement.outcome)
    cost: dict[str, int] = {term.term: term.value for term in terms if _layout(measurement.outcome) is not None}
    within = options.boolean_limit if size <= options.boolean else 0
    return record_of(
        measurement,
        family=family.name,
        size=size,
        status=status,
        cost=cost,
        bound={term.term: term.bound for term in terms},
        findings=[f.rule for f in measurement.outcome.findings] if isinstance(measurement.outcome, Infeasible) else [],
        kinds=len(items_of(guest).free),
        greedy=_greedy(guest),
        boolean=_boolean(guest, within, cost, status) if within else None,
    )


def record_of(measurement: Run, **rest: Any) -> Record:
    trivial = median(measurement.trivial)
    wall = {name: measurement.wall(name) for name in NAMES}
    last = measurement.clocks[-1]
    return Record(
        variables=last.variables,
        rows=last.rows,
        stages=last.stages,
        ms=_rounded(wall),
        cpu_ms=round(measurement.cpu, 3),
        guest_ms=round(median(measurement.built), 3),
        trivial_ms=round(trivial, 4),
        trivial_cpu_ms=round(median(measurement.trivial_cpu), 4),
        ratio={name: round(measurement.ratio(name), 2) for name in NAMES},
        repeat=len(measurement.clocks),
        versions={"qslot": version("qslot"), "ortools": version("ortools")},
        **rest,
    )


def _rounded(times: dict[str, float]) -> dict[str, float]:
    return {name: round(value, 3) for name, value in times.items()}


def judged(name: str, guest: Guest, outcome: Outcome, answer: Answer) -> str:
    """The status of an outcome that is as it must be."""
    layout = _layout(outcome)
    if layout is not None:
        errors = [finding for finding in verify(guest, layout) if finding.severity == "error"]
        if errors:
            raise BenchmarkError(f"{name}: {errors[0].rule} broken by {errors[0].subjects}")
    if isinstance(outcome, Solved):
        _optimal(name, outcome.layout, answer)
        return "optimal"
    if isinstance(outcome, Infeasible):
        if answer not in ("infeasible", "open"):
            raise BenchmarkError(f"{name}: proved infeasible, expected {answer}")
        return "infeasible"
    if answer != "open":
        raise BenchmarkError(f"{name}: not proved, expected {answer}")
    return "undecided"


def _optimal(name: str, layout: Layout, answer: Answer) -> None:
    if layout.status != "optimal" or any(term.value != term.bound for term in layout.objective):
        raise BenchmarkError(f"{name}: {layout.status}, {layout.objective}")
    if answer == "infeasible":
        raise BenchmarkError(f"{name}: solved, expected {answer}")


def _layout(outcome: Outcome) -> Layout | None:
    return None if isinstance(outcome, Infeasible) else outcome.layout


def _terms(outcome: Outcome) -> tuple[ObjectiveTerm, ...]:
    if isinstance(outcome, Infeasible):
        return ()
    terms = outcome.layout.objective if isinstance(outcome, Solved) else outcome.bound
    return tuple(term for term in terms if term.term not in OMITTED)


def _greedy(guest: Guest) -> dict[str, Any]:
    times = []
    for _ in range(3):
        start = time.perf_counter()
        plan = greedy(guest)
        times.append(1000 * (time.perf_counter() - start))
    result: dict[str, Any] = {"ms": round(median(times), 3)}
    if isinstance(plan, Plan):
        return result | {
            "controllers": plan.controllers,
            "windows": plan.windows,
            "depth": plan.depth,
            "fits": plan.fits,
        }
    return result | {"fails": plan}


def _boolean(guest: Guest, seconds: float, cost: dict[str, int], status: str) -> dict[str, Any]:
    """Its answer may be dearer than ours, for it knows fewer places; a cheaper one would prove ours wrong."""
    from .boolean import TERMS, boolean  # late: cp_model brings pandas

    answer = boolean(guest, seconds)
    ours = tuple(cost.get(term, 0) for term in TERMS)
    if status == "optimal" and answer.cost and answer.cost < ours[: len(answer.cost)]:
        raise BenchmarkError(f"the Boolean model finds {answer.cost}, better than {ours}")
    return {
        "status": answer.status,
        "ms": round(answer.ms, 1),
        "cost": list(answer.cost),
        "variables": answer.variables,
    }


if __name__ == "__main__":
    main()
