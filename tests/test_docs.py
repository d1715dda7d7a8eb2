"""What the documents say is what happens: examples in docstrings, and the README's worked example."""

import doctest
import importlib
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from .solver.command import run

ROOT = Path(__file__).parents[1]
SHELL = re.compile(r"```console\n(?P<text>.*?)```", re.DOTALL)
PYTHON = re.compile(r"```python\n(?P<text>.*?)```", re.DOTALL)


def modules() -> Iterator[str]:
    """Every module but those that run when imported, or in another Python, by its installed name."""
    for folder in ("schema", "solver", "testing"):
        for path in sorted((ROOT / folder).rglob("*.py")):
            parts = path.relative_to(ROOT).with_suffix("").parts
            if parts[-1] not in ("__main__", "generate", "driver"):
                yield ".".join(("qslot", *parts[:-1], *([] if parts[-1] == "__init__" else [parts[-1]])))


@pytest.mark.parametrize("name", sorted(modules()))
def test_docstring_examples(name: str) -> None:
    assert doctest.testmod(importlib.import_module(name)).failed == 0


PAGES = ("README.md", "docs/fleets.md")
"""Pages whose examples are run."""


HOW_TO = sorted(path.name for path in (ROOT / "docs" / "how-to").glob("*.md"))
WALKS = (*PAGES, "docs/tutorial.md", *(f"docs/how-to/{name}" for name in HOW_TO))
"""Pages whose commands are run in a folder of their own, from top to bottom."""


def transcript(page: str) -> list[tuple[str, str]]:
    """Commands of the page's console blocks, each with the output printed there."""
    text = (ROOT / page).read_text(encoding="utf-8")
    steps: list[tuple[str, list[str]]] = []
    for block in SHELL.finditer(text):
        for line in block["text"].splitlines():
            if line.startswith("$ "):
                steps.append((line[2:], []))
            elif steps:
                steps[-1][1].append(line)
    return [(command, "\n".join(lines).strip("\n")) for command, lines in steps]


@pytest.mark.parametrize("page", WALKS)
def test_a_page_from_top_to_bottom(page: str, tmp_path: Path) -> None:
    (tmp_path / "examples").symlink_to(ROOT / "examples")
    steps = transcript(page)
    assert steps
    for command, output in steps:
        hold(command, output, tmp_path)


def hold(command: str, output: str, folder: Path) -> None:
    """Asserts that it prints that, where `...` as a line stands for lines left out."""
    environment = os.environ | {"PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}
    done = subprocess.run(
        ["bash", "-c", f"exec 2>&1; {command}"],
        cwd=folder,
        env=environment,
        stdout=subprocess.PIPE,
        text=True,
        timeout=300,
        check=False,
    )
    text = done.stdout.strip("\n")
    wanted = ".*".join(re.escape(part) for part in re.split(r"^\.\.\.$", output, flags=re.MULTILINE))
    assert re.fullmatch(wanted, text, re.DOTALL), f"$ {command}\n{text}"


@pytest.mark.parametrize("page", PAGES)
def test_python_of_a_page(page: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    blocks = [match["text"] for match in PYTHON.finditer((ROOT / page).read_text(encoding="utf-8"))]
    assert blocks
    test = doctest.DocTestParser().get_doctest("\n".join(blocks), {}, page, page, 0)
    assert len(test.examples) > len(blocks)
    assert doctest.DocTestRunner().run(test).failed == 0


def test_the_picture_is_what_its_command_draws() -> None:
    """Written anew with QSLOT_UPDATE=1."""
    (line,) = re.findall(
        r"^    (qslot plan .*) -o (docs/\S+\.svg)$", (ROOT / "README.md").read_text(encoding="utf-8"), re.M
    )
    drawn = run(*shlex.split(line[0])[1:]).stdout
    if os.environ.get("QSLOT_UPDATE") == "1":
        (ROOT / line[1]).write_text(drawn, encoding="utf-8")
    assert (ROOT / line[1]).read_text(encoding="utf-8") == drawn


def test_readme_commands_exist() -> None:
    """The table of commands is the command's own list, and each line's options are known."""
    from qslot.solver.cli import COMMANDS

    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    listed = {shlex.split(match)[1] for match in re.findall(r"^\| `(qslot [^`]*)`", readme, re.MULTILINE)}
    assert listed == {*COMMANDS}
