"""The suites that docs/testing.md shows, run as a stranger would: in a folder of their own."""

import os
import re
import subprocess
import sys
from pathlib import Path

PAGE = Path(__file__).parents[2] / "docs" / "testing.md"
REAL = "real_qemu"
"""In the name of the property that starts a QEMU."""


def suites() -> list[str]:
    """The page's Python: the one of properties, the one of variants."""
    return re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)


def ran(folder: Path, text: str, which: str = "", **environment: str) -> str:
    """What pytest says of those tests of a suite."""
    (folder / "test_suite.py").write_text(text, encoding="utf-8")
    words = [sys.executable, "-m", "pytest", "-q", "-rs", "-n", "0", "-p", "no:cacheprovider", "--hypothesis-seed=0"]
    words += ["-k", which, "test_suite.py"]
    more = {**os.environ, **environment}
    done = subprocess.run(words, cwd=folder, env=more, capture_output=True, text=True, timeout=500, check=False)
    assert done.returncode == 0, done.stdout
    return done.stdout


def test_the_suite_of_properties_is_short() -> None:
    properties, _ = suites()
    assert properties.count("@given") == 3
    assert len([line for line in properties.splitlines() if line]) <= 30


def test_its_properties_of_the_planner_hold(tmp_path: Path) -> None:
    assert "2 passed" in ran(tmp_path, suites()[0], f"not {REAL}")
