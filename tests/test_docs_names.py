"""Names on the pages exist: files, folders, what a file defines, modules that are run, and targets of make."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PAGES = [*sorted((ROOT / "docs").rglob("*.md")), *(ROOT / name for name in ("CONTRIBUTING.md", "SECURITY.md"))]
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
    """Whether it is defined at the top level of the file, or imported in it."""
    return (
        re.search(rf"^(?:def |class |)(?:{name})\b|^ *from .* import (?:.*\b)?{name}\b", path.read_text(), re.M)
        is not None
    )


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_files_that_a_page_names_exist(page: Path) -> None:
    for path, name in named(page):
        assert (ROOT / path).exists() or (page.parent / path).exists(), f"{page.name} names {path}"
        if name is not None:
            assert defines(ROOT / path, name), f"{page.name}: {path} defines no {name}"


@pytest.mark.parametrize("page", [*PAGES, ROOT / "README.md"], ids=lambda page: page.name)
def test_what_a_page_runs_exists(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    for module in re.findall(r"python -m ((?:qslot|tests|benchmarks)[\w.]*)", text):
        path = ROOT.joinpath(*module.rstrip(".").split("."))
        assert path.with_suffix(".py").exists() or (path / "__main__.py").exists(), f"{page.name} runs {module}"
    targets = re.findall(r"^([\w./%]+(?: [\w./%]+)*):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.M)
    known = {name for line in targets for name in line.split()}
    for named in re.findall(r"(?:`|^    )make ([\w./]+(?: [a-z]+\b)*)", text, re.M):
        for target in named.split():
            assert target in known or re.sub(r"\w+(?=/fetched)", "%", target) in known, f"{page.name}: make {target}"


@pytest.mark.parametrize("page", [*PAGES, ROOT / "README.md"], ids=lambda page: page.name)
def test_links_lead_to_files(page: Path) -> None:
    """The site's build looks at anchors, too, but not at what is outside of docs/."""
    for target in re.findall(r"\]\(([^)#\s]+)[^)]*\)", page.read_text(encoding="utf-8")):
        assert target.startswith("https://") or (page.parent / target).exists(), f"{page.name} links {target}"


def test_the_test_sees_names() -> None:
    found = dict(named(ROOT / "docs" / "model.md"))
    assert len(found) > 40
    assert "solver/model/slots.py" in found
    named_tests = {path for path, name in named(ROOT / "CONTRIBUTING.md") if path.startswith("tests/") and name}
    assert len(named_tests) > 10
    assert not defines(ROOT / "solver" / "model" / "slots.py", "every_controller_hangs")
