"""The benchmarks run: every family is built, solved and verified small; the tools read what the run writes."""

import inspect
import json
import sys
from itertools import pairwise
from pathlib import Path

import pytest

from qslot.schema import Guest
from qslot.schema.libvirt import read as read_domain
from qslot.solver import solve
from qslot.solver.aggregate.items import items_of
from qslot.solver.search import optimize

ROOT = Path(__file__).parents[1]
if str(ROOT) not in sys.path:  # benchmarks/ is no part of what is installed
    sys.path.append(str(ROOT))

from benchmarks import again, compare, drawn, families, growing, libvirt, paired, plot, report, run, start  # noqa: E402
from benchmarks.baselines import Plan, greedy  # noqa: E402
from benchmarks.boolean import boolean  # noqa: E402
from benchmarks.families import FAMILIES, SIZES  # noqa: E402
from benchmarks.measure import PHASES, trivial_solve  # noqa: E402
from benchmarks.ratio import domain  # noqa: E402
from benchmarks.record import Record, read  # noqa: E402


def test_every_family_is_registered_under_its_name() -> None:
    found = {
        name
        for module in (families, drawn)
        for name, function in inspect.getmembers(module, inspect.isfunction)
        if inspect.signature(function).return_annotation is Guest
        and [*inspect.signature(function).parameters] == ["size"]
    }
    assert set(FAMILIES) == found - {"six_kinds"}
    assert all(family.name == name and family.build.__name__ == name for name, family in FAMILIES.items())
    assert {size for family in FAMILIES.values() for size in family.answers} <= set(SIZES)


def test_the_domain_of_the_ratio_is_planned() -> None:
    """Found by running it: it had no type, which a domain must say."""
    text = domain(0)
    assert solve(read_domain(text.encode())).require().to_libvirt(text).count("<address") > 300


@pytest.mark.parametrize("name", FAMILIES)
@pytest.mark.parametrize("size", [10, 100])
def test_size_is_the_number_of_devices_and_names_the_guest(name: str, size: int) -> None:
    guest = FAMILIES[name].build(size)
    assert len(guest.devices) == size
    assert guest == FAMILIES[name].build(size)


def test_six_kinds() -> None:
    assert len(items_of(families.six_kinds(100)).free) == 6


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of every family at its smallest size; the run itself asserts that each is proved and verifies."""
    path = tmp_path_factory.mktemp("results") / "run.jsonl"
    run.main(["--sizes", "10", "--repeat", "1", "--boolean", "0", "-o", str(path)])
    return path


def test_every_family_is_proved(results: Path) -> None:
    records = read(results)
    assert [record.family for record in records] == list(FAMILIES)
    for record in records:
        assert record.status == "optimal"
        assert record.cost == record.bound
        assert set(PHASES.values()) < set(record.ms)
        assert all(record.ms[phase] > 0 for phase in PHASES.values())


def test_phases_are_functions_of_the_search() -> None:
    assert all(callable(getattr(optimize, name)) for name in PHASES)


def test_a_file_is_no_worse_than_itself(results: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert compare.main([str(results), str(results)]) == 0
    assert "worse" not in capsys.readouterr().out


def test_worse_answers_and_times_are_told(results: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    lines = [json.loads(line) for line in results.read_text(encoding="utf-8").splitlines()]
    for line in lines:
        line["ratio"]["total"] *= 2
    lines[0]["status"] = "undecided"
    lines[1]["cost"]["controllers"] += 1
    worse = tmp_path / "worse.jsonl"
    worse.write_text("".join(Record(**line).line() + "\n" for line in lines[:-1]), encoding="utf-8")
    assert compare.main([str(results), str(worse)]) == 1
    told = [line for line in capsys.readouterr().out.splitlines() if line.startswith("worse")]
    assert [line.split()[1] for line in told] == [*list(FAMILIES)[:2], list(FAMILIES)[-1], "median"]
    assert compare.main([str(worse), str(worse)]) == 0


def test_checkouts_take_turns() -> None:
    done: list[str] = []

    def does(name: str, milliseconds: float) -> paired.Timed:
        def once() -> float:
            done.append(name)
            return milliseconds

        return once

    pairs = paired.in_turn("cloud 30", does("old", 4.0), does("new", 3.0), rounds=3)
    assert done == ["old", "new", "old", "new", "new", "old", "old", "new"]
    assert (pairs.old, pairs.new) == ([4.0] * 3, [3.0] * 3)
    assert str(pairs).split() == ["cloud", "30", "4.00", "3.00", "0.750", "(0.750", "to", "0.750)"]


def test_two_checkouts_are_paired(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Both are this one; the margin is what one of two equal ones may seem slower by."""
    python = tmp_path / ".venv" / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.write_text(f'#!/bin/sh\nPYTHONPATH={ROOT} exec {sys.executable} "$@"\n', encoding="utf-8")
    python.chmod(0o755)
    rows = ["--rounds", "2", "--sizes", "10", "--families", "dense,i440fx"]
    assert paired.main([str(tmp_path), str(tmp_path), *rows, "--margin", "10"]) == 0
    told = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in told[1:]] == ["--help", "show", "plan", "dense", "i440fx", "median"]


def test_starts_are_told_beside_their_libraries(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PYTHONDONTWRITEBYTECODE", "")  # taken away meanwhile
    assert start.main(["--rounds", "1"]) == 0
    table = [line.strip("| ").split(" | ") for line in capsys.readouterr().out.splitlines() if line.startswith("| `")]
    assert [row[0] for row in table[1:]] == [f"`{name}`" for name in start.STARTS]
    assert all(float(row[2]) > 1 and float(row[3]) > 1 for row in table[1:])


def test_the_picture_is_of_the_results_that_are_kept() -> None:
    kept = sorted((ROOT / "benchmarks" / "results").glob("*.jsonl"))[-1]
    drawn_now = "\n".join(plot.picture(read(kept))) + "\n"
    assert (ROOT / "benchmarks" / "solve_by_size.svg").read_text(encoding="utf-8") == drawn_now
    assert all(f">{name}</text>" in drawn_now for name in FAMILIES)
    assert drawn_now.count("<circle") == len(read(kept))


def test_names_of_lines_do_not_cover_each_other() -> None:
    placed = plot.apart({"a": 100.0, "b": 101.0, "c": 90.0, "d": 300.0})
    heights = sorted(placed.values())
    assert all(below - above >= plot.LABEL_HEIGHT for above, below in pairwise(heights))
    assert placed["c"] == 90.0
    assert placed["d"] == 300.0


def test_report_shows_every_family(results: Path, capsys: pytest.CaptureFixture[str]) -> None:
    report.main([str(results), "--date", "2026-11-23"])
    text = capsys.readouterr().out
    assert all(f"| {name} 10 | optimal |" in text for name in FAMILIES)
    assert str(results.parent) not in text


@pytest.mark.parametrize("name", ["hotplug", "dense", "i440fx"])
def test_baselines_agree_with_the_optimum(name: str, results: Path) -> None:
    """These three the Boolean model proves in tenths of a second."""
    record = next(record for record in read(results) if record.family == name)
    guest = FAMILIES[name].build(10)
    answer = boolean(guest, seconds=60)
    assert (answer.status, answer.cost) == ("optimal", tuple(record.cost.values()))
    plan = greedy(guest)
    assert isinstance(plan, Plan)
    assert plan.controllers >= record.cost["controllers"]


def test_trivial_solve_takes_time() -> None:
    wall, cpu = trivial_solve()
    assert wall > 0
    assert cpu >= 0


def test_a_wrong_answer_raises() -> None:
    guest = FAMILIES["i440fx"].build(10)
    outcome = solve(guest)
    with pytest.raises(run.BenchmarkError, match="solved, expected infeasible"):
        run.judged("i440fx 10", guest, outcome, "infeasible")
    other = FAMILIES["cloud"].build(10)
    with pytest.raises(run.BenchmarkError, match="broken"):
        run.judged("cloud 10", other, outcome, "optimal")


def test_domains_that_grow(tmp_path: Path) -> None:
    (tmp_path / "one.xml").write_text(libvirt.nics("q35", 3, "virtio"))
    ((name, guest, layout),) = growing.planned_domains(tmp_path)
    assert (name, len(guest.devices)) == ("one", 4)
    assert growing.answer(growing.grown(guest, 6), layout) == growing.NONE_MOVES
    assert [growing.answer(one, layout) for one in growing.exchanged(guest)] == [growing.NONE_MOVES] * 4


def test_again_tells_a_limit_that_is_missed(capsys: pytest.CaptureFixture[str]) -> None:
    words = ["--rounds", "2", "--sizes", "10", "--families", "cloud,i440fx", "--limit"]
    assert [again.main([*words, limit]) for limit in ("1000", "0")] == [0, 1]
    told = capsys.readouterr().out
    assert told.count("plans in the median") == 2 * len(again.ASKED)
    assert "  cloud      10 one more: planned in" in told
