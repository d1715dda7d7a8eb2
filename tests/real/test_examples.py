"""Every example, planned and started: QEMU and its firmware make of it what is planned."""

from pathlib import Path

import pytest

from qslot.schema import Solved
from qslot.schema.formats.files import read_guest
from qslot.schema.probe import probe
from qslot.solver import solve

pytestmark = pytest.mark.real

EXAMPLES = Path(__file__).parents[2] / "examples"
GUESTS = sorted(file.name for file in EXAMPLES.iterdir() if file.suffix in (".yaml", ".json", ".toml", ".xml"))


@pytest.mark.parametrize("example", GUESTS)
def test_it_is_as_planned(example: str) -> None:
    outcome = solve(read_guest(EXAMPLES / example))
    assert isinstance(outcome, Solved), outcome
    assert [str(one) for one in probe(outcome.layout).differences] == []


def test_they_are_all() -> None:
    assert len(GUESTS) >= 9
