"""Whole texts of `qslot explain`: each .txt in scenarios/explain is a command and what it prints.

Written anew with QSLOT_UPDATE=1.
"""

import shlex
from pathlib import Path

import pytest
from click.testing import CliRunner

from qslot.solver.cli import qslot

SCENARIOS = Path(__file__).parents[1] / "scenarios" / "explain"


@pytest.mark.parametrize("name", sorted(path.stem for path in SCENARIOS.glob("*.txt")))
def test_text(name: str, update: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(SCENARIOS)
    path = SCENARIOS / f"{name}.txt"
    command = path.read_text(encoding="utf-8").splitlines()[0]
    result = CliRunner().invoke(qslot, shlex.split(command.removeprefix("$ qslot ")))
    text = f"{command}\n{result.output}exit code {int(result.exit_code)}\n"
    if update:
        path.write_text(text, encoding="utf-8")
    assert text == path.read_text(encoding="utf-8")
