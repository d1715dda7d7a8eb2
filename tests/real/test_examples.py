"""Every example, planned and started: QEMU and its firmware make of it what is planned."""

from collections.abc import Callable
from pathlib import Path

import pytest

from qslot.schema import Solved
from qslot.schema.formats.files import read_guest
from qslot.schema.libvirt.domain import read_domain
from qslot.schema.probe import probe
from qslot.solver import solve

from ..test_examples import KUBEVIRT, hooked

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


def test_libvirt_keeps_what_kubevirts_hook_gives(define: Callable[[str], dict[str, str]]) -> None:
    done = hooked(KUBEVIRT, **{"qslot/spare": "pcie=3"})
    kept = define(done.stdout)
    assert "error" not in kept, kept
    mine, theirs = (read_domain(text.encode()) for text in (done.stdout, kept["xml"]))
    assert {one.id: one.address for one in theirs.parts} == {one.id: one.address for one in mine.parts}
    assert {one.index: one.address for one in theirs.bridges} == {one.index: one.address for one in mine.bridges}
