"""Plans written as a command line and adopted from it again."""

import hashlib
from pathlib import Path

import pytest
from hypothesis import given

from qslot.schema import Guest, Layout
from qslot.schema.errors import QslotError
from qslot.schema.formats.placed import beside, read_placed
from qslot.schema.formats.standalone import standalone
from qslot.schema.layout.outcome import known_layout
from qslot.schema.libvirt import read
from qslot.solver import Options, solve
from qslot.testing import guests

from ..adopted import facts

CORPUS = Path(__file__).parents[3] / "shared" / "corpus" / "libvirt" / "positive"
OURS = (2, 3, 4)
"""Of the corpus, stems whose SHA-256 modulo 5 is one of these."""


def domains() -> list[Path]:
    found = sorted(CORPUS.glob("*.xml"))
    return [one for one in found if int(hashlib.sha256(one.stem.encode()).hexdigest(), 16) % 5 in OURS]


def assert_adopted(layout: Layout) -> None:
    """In both forms of `-device`."""
    for as_json in (False, True):
        adopted = read_placed(["qemu-system-x86_64", *standalone(layout, as_json=as_json)])
        assert adopted.warnings == ()
        found = facts(beside(adopted.layout, layout), layout, stated=True)
        assert found == facts(layout, layout, stated=True)


@given(guests(most=40))
def test_random_guests(guest: Guest) -> None:
    layout = known_layout(solve(guest, Options(time_limit=2)))
    if layout is not None:
        assert_adopted(layout)


@pytest.mark.skipif(not CORPUS.is_dir(), reason="the corpus of libvirt's domains is not here")
def test_domains_of_libvirts_corpus() -> None:
    adopted = 0
    for path in domains():
        try:
            layout = known_layout(solve(read(path.read_bytes()), Options(time_limit=5)))
        except (QslotError, ValueError):  # another architecture, say
            continue
        if layout is not None:
            assert_adopted(layout)
            adopted += 1
    assert adopted >= 250
