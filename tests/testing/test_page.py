"""The suite that docs/testing.md shows, run as a stranger would: in a folder of its own."""

import re
import subprocess
import sys
from pathlib import Path

PAGE = Path(__file__).parents[2] / "docs" / "testing.md"
REAL = "real_qemu"
"""In the name of the property that starts a QEMU."""


def suite() -> str:
    """The page's Python."""
    (text,) = re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    return str(text)


def ran(folder: Path, which: str) -> str:
    """What pytest says of those tests of the suite."""
    (folder / "test_suite.py").write_text(suite(), encoding="utf-8")
    words = [sys.executable, "-m", "pytest", "-q", "-n", "0", "-p", "no:cacheprovider", "--hypothesis-seed=0"]
    words += ["-k", which, "test_suite.py"]
    done = subprocess.run(words, cwd=folder, capture_output=True, text=True, timeout=500, check=False)
    assert done.returncode == 0, done.stdout
    return done.stdout


def test_the_suite_has_three_properties_and_is_short() -> None:
    assert suite().count("@given") == 3
    assert len([line for line in suite().splitlines() if line]) <= 30


def test_its_properties_of_the_planner_hold(tmp_path: Path) -> None:
    assert "2 passed" in ran(tmp_path, f"not {REAL}")
