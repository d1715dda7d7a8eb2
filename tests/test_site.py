"""The documentation site as it is built: every link leads somewhere, nothing is fetched from elsewhere, and every
command, public name and rule has its place in it."""

import os
import re
import subprocess
import sys
from collections.abc import Mapping
from html.parser import HTMLParser
from pathlib import Path
from typing import Final
from urllib.parse import unquote, urlsplit

import pytest

import qslot
from qslot.solver.cli import COMMANDS

ROOT: Final = Path(__file__).parents[1]
LOADED: Final = {("script", "src"), ("img", "src"), ("link", "href"), ("iframe", "src"), ("source", "src")}
"""What a browser fetches by itself."""
EXTERNAL: Final = ("http", "https")


class Page(HTMLParser):
    """The links, resources and anchors of a page."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.links: list[str] = []
        self.resources: list[str] = []
        self.anchors: set[str] = set()
        self.classes: set[str] = set()
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        for name, value in attributes:
            if value is None:
                continue
            if name == "id":
                self.anchors.add(value)
            if name == "class":
                self.classes.update(value.split())
            if (tag, name) in LOADED and dict(attributes).get("rel") != "canonical":
                self.resources.append(value)
            elif name == "href":
                self.links.append(value)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("site")
    subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "--site-dir", str(folder)],
        cwd=ROOT,
        env=os.environ | {"NO_MKDOCS_2_WARNING": "1"},
        check=True,
    )
    return folder


@pytest.fixture(scope="module")
def pages(site: Path) -> Mapping[Path, Page]:
    return {path: Page(path) for path in sorted(site.rglob("*.html"))}


def target(link: str, page: Path, site: Path) -> Path:
    """The file that a link within the site leads to."""
    where = unquote(urlsplit(link).path)
    file = site / where.lstrip("/") if where.startswith("/") else (page.parent / where if where else page)
    return (file / "index.html" if where.endswith("/") or file.is_dir() else file).resolve()


def test_every_link_leads_somewhere(site: Path, pages: Mapping[Path, Page]) -> None:
    known = {path.resolve(): page for path, page in pages.items()}
    checked = 0
    for path, page in pages.items():
        for link in page.links + page.resources:
            parts = urlsplit(link)
            if parts.scheme or parts.netloc or link.startswith("javascript:"):
                continue
            found = target(link, path, site)
            assert found.exists(), f"{path.relative_to(site)}: {link}"
            if parts.fragment and found in known:
                anchors = known[found].anchors
                assert unquote(parts.fragment) in anchors, f"{path.relative_to(site)}: {link}"
            checked += 1
    assert checked > 1000


def test_it_is_read_without_a_network(site: Path, pages: Mapping[Path, Page]) -> None:
    for path, page in pages.items():
        fetched = [link for link in page.resources if urlsplit(link).scheme in EXTERNAL or link.startswith("//")]
        assert fetched == [], path.relative_to(site)
        assert "mermaid" not in page.classes, "the theme takes what draws it from elsewhere"
    for style in site.rglob("*.css"):
        assert re.findall(r"url\([\"']?https?:|@import", style.read_text(encoding="utf-8")) == [], style


def test_links_to_elsewhere_are_secure(pages: Mapping[Path, Page]) -> None:
    elsewhere = {link for page in pages.values() for link in page.links if urlsplit(link).scheme in EXTERNAL}
    assert len(elsewhere) > 5
    assert [link for link in elsewhere if not link.startswith("https://")] == []


@pytest.mark.parametrize(
    ("page", "names"),
    [
        ("commands", [f"qslot-{name}" for name in COMMANDS]),
        ("python", [name.lower() for name in qslot.__all__]),
        ("semantics", [*qslot.RULES]),
    ],
)
def test_each_has_its_place(page: str, names: list[str], site: Path, pages: Mapping[Path, Page]) -> None:
    found = {anchor.lower() for anchor in pages[site / page / "index.html"].anchors}
    assert [name for name in names if name not in found] == []


def test_every_page_is_reached_from_the_first(site: Path, pages: Mapping[Path, Page]) -> None:
    known = {path.resolve(): page for path, page in pages.items()}
    reached, ahead = set[Path](), [site / "index.html"]
    while ahead:
        path = ahead.pop().resolve()
        if path in reached or path not in known:
            continue
        reached.add(path)
        inside = (link for link in known[path].links if not urlsplit(link).scheme)
        ahead += [target(link, path, site) for link in inside]
    assert {path for path in known if path not in reached} <= {(site / "404.html").resolve()}
