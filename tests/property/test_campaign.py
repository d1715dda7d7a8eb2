"""The campaign: a small part of it, and that it sees what is wrong, whatever that is."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from qslot.schema import Infeasible, Outcome, Undecided
from qslot.testing.generator import request, valid

from ..campaign import judge as judging
from ..campaign.judge import Record, is_bad, judge
from ..campaign.summary import read, table
from ..profile import sample

SEEDS = range(sample(100, ci=1_000))
CHUNK = 25


def judged(seed: int, *opinions: str, seconds: int = 60) -> Record:
    told: list[Record] = []
    judge(seed, opinions, seconds, told.append)
    return told[-1]


@pytest.mark.parametrize("first", range(0, len(SEEDS), CHUNK))
def test_nothing_is_wrong(first: int) -> None:
    bad = [record for seed in SEEDS[first : first + CHUNK] if is_bad(record := judged(seed, "oracle"))]
    assert [(record["seed"], record["status"], record["opinions"]) for record in bad] == []


def test_a_crash_is_recorded_with_its_request(monkeypatch: pytest.MonkeyPatch) -> None:
    def crash(*_: object) -> Outcome:
        raise RuntimeError("as an example")

    monkeypatch.setattr(judging, "solve", crash)
    record = judged(0)
    assert record["status"] == "crash"
    assert "as an example" in record["error"]
    assert record["request"] == request(0)


def test_a_layout_that_breaks_a_rule_is_invalid(monkeypatch: pytest.MonkeyPatch) -> None:
    feasible = next(seed for seed in range(100) if judged(seed)["status"] == "solved")
    solve = judging.solve

    def lame(*asked: object) -> Outcome:
        outcome = solve(*asked)  # type: ignore[arg-type]
        assert not isinstance(outcome, Infeasible)
        assert outcome.layout is not None
        return outcome.model_copy(update={"layout": outcome.layout.model_copy(update={"devices": ()})})

    monkeypatch.setattr(judging, "solve", lame)
    record = judged(feasible)
    assert record["status"] == "invalid"
    assert record["invalid"]


def test_a_disagreement_and_no_answer_are_bad(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(judging, "ask", lambda *_: "DISAGREE: as an example")
    assert is_bad(judged(0, "oracle"))
    monkeypatch.setattr(judging, "solve", lambda *_: Undecided())
    assert is_bad(judged(0))


def command(*arguments: str, patched: str = "") -> subprocess.CompletedProcess[str]:
    code = f"{patched}\nimport sys\nfrom tests.campaign.__main__ import main\nsys.exit(main(sys.argv[1:]))"
    root = Path(__file__).parents[2]
    return subprocess.run(
        [sys.executable, "-c", code, *arguments], cwd=root, capture_output=True, text=True, check=False
    )


def test_a_campaign_goes_on_where_it_was(tmp_path: Path) -> None:
    """A missing opinion is told; a line that was cut off is done again."""
    out = tmp_path / "campaign.jsonl"
    arguments = ("--out", str(out), "--opinions", "oracle,nobody", "--workers", "2")
    first = command("--first", "1", "--last", "4", *arguments)
    assert "no opinion of nobody" in first.stderr
    lines = out.read_text().splitlines()
    assert sorted(json.loads(line)["seed"] for line in lines) == [1, 2, 3]
    out.write_text("\n".join((*lines[:2], lines[2][:20])) + "\n")
    command("--first", "1", "--last", "5", *arguments)
    assert out.read_text().splitlines()[:2] == lines[:2]
    assert {*read(out)} == {1, 2, 3, 4}
    assert next(table(read(out).values())) == "4 guests, seeds 1 to 4"
    assert command("--summary", str(out)).stdout.startswith("4 guests, seeds 1 to 4\nstatus: ")


def test_what_does_not_end_is_killed(tmp_path: Path) -> None:
    out = tmp_path / "campaign.jsonl"
    endless = "import itertools, tests.campaign.judge as judge, tests.campaign.pool as pool\npool.GRACE = 0\n"
    endless += "judge.solve = lambda *_: list(filter(None, itertools.repeat(0)))\n"
    result = command("--last", "1", "--out", str(out), "--seconds", "1", "--opinions", "", patched=endless)
    assert result.returncode == 1
    assert read(out)[0]["status"] == "killed"
    assert valid(read(out)[0]["request"]) is not None


def test_what_is_wrong_shrinks() -> None:
    """Of any request with spare slots, if that were wrong, one of them is left, and nothing else."""
    spare = next(seed for seed in range(100) if request(seed).get("spare"))
    wrong = (
        "import tests.campaign.__main__ as m\nm.complaints = lambda r, *_: frozenset({'it'} if r.get('spare') else ())"
    )
    result = command("--shrink", str(spare), patched=wrong)
    smallest = json.loads(result.stdout.partition(" ")[2])
    assert (len(smallest.pop("spare")), smallest) == (1, {"machine": "q35", "devices": [], "controllers": []})
