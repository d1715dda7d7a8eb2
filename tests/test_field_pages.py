"""docs/guest.md, docs/layout.md and docs/diff.md are the models' own sentences; written anew with QSLOT_UPDATE=1."""

import os
from pathlib import Path

import pytest

from qslot.schema import Layout, Solved
from qslot.schema.formats.files import parse_guest
from qslot.solver import solve

from .field_pages import EXAMPLE, diff_page, guest_page, layout_page

DOCS = Path(__file__).parents[1] / "docs"


def example_layout() -> Layout:
    outcome = solve(parse_guest(EXAMPLE))
    assert isinstance(outcome, Solved)
    return outcome.layout


@pytest.mark.parametrize("name", ["guest.md", "layout.md", "diff.md"])
def test_page(name: str) -> None:
    pages = {"guest.md": guest_page, "layout.md": lambda: layout_page(example_layout()), "diff.md": diff_page}
    page = pages[name]()
    if os.environ.get("QSLOT_UPDATE") == "1":
        (DOCS / name).write_text(page, encoding="utf-8")
    assert (DOCS / name).read_text(encoding="utf-8") == page
