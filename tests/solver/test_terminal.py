"""What a terminal gets: a tree that fits it, colour, and a line while something is waited for."""

import io
import os
import re
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import pytest

import qslot
from qslot.schema.formats.written import to_json
from qslot.schema.layout.layout import Layout
from qslot.solver.cli import progress
from qslot.solver.cli.progress import ProgressLine
from qslot.testing.generator import small_guest

from ..layouts import small_layout
from ..picture.layouts import GUESTS, example

ANSI = re.compile(r"\x1b\[[0-9;]*m")


def words(text: str) -> set[str]:
    """All that is said, however it is broken."""
    for drawn in ("----", "\\-", "+-"):
        text = text.replace(drawn, " ")
    return set(re.findall(r"[\w.:()*<>-]*\w[\w.:()*<>-]*", text))


@pytest.mark.parametrize("width", [20, 40, 60, 79, 100])
@pytest.mark.parametrize("name", GUESTS)
def test_a_tree_fits_and_says_as_much(name: str, width: int) -> None:
    layout = example(name)
    fitted = qslot.tree(layout, width=width)
    assert words(fitted) == words(qslot.tree(layout))
    if width >= 60:
        assert max(map(len, fitted.splitlines())) <= width


@pytest.mark.parametrize("width", [None, 50])
@pytest.mark.parametrize("seed", range(10))
def test_colour_says_nothing_that_words_do_not(seed: int, width: int | None) -> None:
    layout = getattr(qslot.solve(small_guest(seed)), "layout", None) or small_layout()
    painted = qslot.tree(layout, width=width, colour=True)
    assert ANSI.sub("", painted) == qslot.tree(layout, width=width)
    assert painted != qslot.tree(layout, width=width)


def on_a_terminal(layout: Layout, folder: Path, **environment: str) -> str:
    """What `qslot show` writes to a terminal of 80 columns."""
    file = folder / "layout.json"
    file.write_text(to_json(layout))
    main, terminal = os.openpty()
    environment = {**{name: value for name, value in os.environ.items() if name != "NO_COLOR"}, **environment}
    command = [sys.executable, "-m", "qslot", "show", str(file)]
    with subprocess.Popen(command, stdout=terminal, env={"COLUMNS": "80", "TERM": "xterm", **environment}) as process:
        os.close(terminal)
        written = b""
        while True:
            try:
                part = os.read(main, 4096)
            except OSError:  # Linux says so where the other end is closed
                break
            if not part:
                break
            written += part
    os.close(main)
    assert process.returncode == 0
    return written.decode().replace("\r\n", "\n")


def test_a_terminal_has_colour_unless_nobody_wants_it(tmp_path: Path) -> None:
    layout = small_layout()
    assert on_a_terminal(layout, tmp_path) == qslot.tree(layout, width=80, colour=True)
    for without in ({"NO_COLOR": "1"}, {"TERM": "dumb"}):
        assert on_a_terminal(layout, tmp_path, **without) == qslot.tree(layout, width=80)
    assert on_a_terminal(layout, tmp_path, NO_COLOR="") == qslot.tree(layout, width=80, colour=True)


class Screen(io.StringIO):
    """A terminal that is written to."""

    def isatty(self) -> bool:
        return True


@pytest.fixture
def screen(monkeypatch: pytest.MonkeyPatch) -> Screen:
    found = Screen()
    monkeypatch.setattr(progress, "sys", SimpleNamespace(stderr=found))  # pytest puts sys.stderr back
    monkeypatch.setenv("COLUMNS", "60")
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setattr(progress, "SHOWN_AFTER", 0.0)
    monkeypatch.setattr(progress, "REDRAWN_EVERY", 0.01)
    return found


def test_the_line_says_how_a_search_stands_and_goes(screen: Screen) -> None:
    with ProgressLine("searching") as line:
        assert line.listener is not None
        line.listener(qslot.SearchProgress(3.0, 7, "io_windows", 8192, 4096))
        while "best 8192" not in screen.getvalue():
            time.sleep(0.001)
    lines = screen.getvalue().split("\r")
    assert any(one.startswith("searching: 0 s, bytes of IO windows: best 8192, at least") for one in lines)
    assert all(len(one.removesuffix("\x1b[K")) < 60 for one in lines)
    assert lines[-1] == "\x1b[K"


def test_nothing_where_an_answer_is_quick_or_nobody_looks(screen: Screen, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(progress, "SHOWN_AFTER", 60.0)
    with ProgressLine("searching"):
        pass
    monkeypatch.setattr(progress, "SHOWN_AFTER", 0.0)
    monkeypatch.setattr(screen, "isatty", lambda: False)
    with ProgressLine("searching") as line:
        assert line.listener is None
        time.sleep(0.05)
    assert screen.getvalue() == ""
