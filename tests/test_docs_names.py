"""Names on the pages of docs/ exist: files, folders, and what a file defines."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PAGES = sorted((ROOT / "docs").glob("*.md"))
CODE = re.compile(r"(?<!`)`([^`\n]+)`(?!`)")
PATH = re.compile(r"(?P<path>[\w.-]+(?:/[\w.-]+)*/?)(?::(?P<name>\w+))?")
ENDINGS = (".py", ".md", ".yaml", ".json", ".toml", ".sh", "/")


def named(page: Path) -> Iterator[tuple[str, str | None]]:
    """Paths in backticks, each with the name after its colon."""
    for text in CODE.findall(page.read_text(encoding="utf-8")):
        match = PATH.fullmatch(text)
        if match is not None and match["path"].endswith(ENDINGS):
            yield match["path"], match["name"]


def defines(path: Path, name: str) -> bool:
    """Whether it is defined at the top level of the file, or imported there."""
    return (
        re.search(rf"^(?:def |class |)(?:{name})\b|^from .* import (?:.*\b)?{name}\b", path.read_text(), re.M)
        is not None
    )


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_files_that_a_page_names_exist(page: Path) -> None:
    for path, name in named(page):
        assert (ROOT / path).exists() or (page.parent / path).exists(), f"{page.name} names {path}"
        if name is not None:
            assert defines(ROOT / path, name), f"{page.name}: {path} defines no {name}"


def test_the_test_sees_names() -> None:
    found = dict(named(ROOT / "docs" / "model.md"))
    assert len(found) > 40
    assert "solver/model/slots.py" in found
    assert not defines(ROOT / "solver" / "model" / "slots.py", "every_controller_hangs")
