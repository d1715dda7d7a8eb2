"""The command, run inside the test."""

from pathlib import Path

from click.testing import CliRunner, Result

from qslot.solver.cli import qslot


def run(*words: str | Path, text: str | None = None) -> Result:
    """`qslot` with these words; `text` is its standard input."""
    return CliRunner().invoke(qslot, [*map(str, words)], input=text, prog_name="qslot")
