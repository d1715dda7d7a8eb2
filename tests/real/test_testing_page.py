"""The property of the suite in docs/testing.md that starts a QEMU."""

from pathlib import Path

import pytest

from ..testing.test_page import REAL, ran

pytestmark = pytest.mark.real


def test_its_property_of_a_real_qemu_holds(tmp_path: Path) -> None:
    assert "1 passed" in ran(tmp_path, REAL)
