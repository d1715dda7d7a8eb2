"""The fixtures of qslot.testing: there without an import, and skipped with the reason where QEMU or libvirt is not."""

import subprocess
import sys
from pathlib import Path

import pytest

from qslot.testing import libvirt

from .test_page import ran, suites


def test_both_are_skipped_where_nothing_is_installed(tmp_path: Path) -> None:
    """No PATH, and a Python that has no binding of libvirt."""
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "python3-libvirt").symlink_to("/bin/false")
    told = ran(tmp_path, suites()[1], PATH=str(tmp_path / "bin"))
    assert "8 skipped" in told
    assert "not found: qemu-system-x86_64" in told
    assert f"no libvirt for {tmp_path}/bin/python3-libvirt (packages python3-libvirt," in told


@pytest.mark.parametrize(
    ("python", "why"), [("/no/python", "/no/python not found"), (sys.executable, "no libvirt for")]
)
def test_libvirt_says_why_it_is_absent(python: str, why: str) -> None:
    assert (libvirt.absent(python) or "").startswith(why)


def test_a_run_without_the_fixtures_loads_nothing_of_qslot() -> None:
    """pytest loads the plugin in every run, of whatever project."""
    script = (
        "import sys; from qslot.testing import plugin\n"
        "print(*sorted(name for name in sys.modules if name.startswith('qslot')))"
    )
    done = subprocess.run([sys.executable, "-c", script], check=True, timeout=60, capture_output=True, text=True)
    expected = "qslot qslot.schema qslot.schema.lazy qslot.testing qslot.testing.plugin"
    assert done.stdout.split() == expected.split()
