"""What the suites in docs/testing.md do with a real QEMU and libvirt."""

from pathlib import Path

import pytest

from ..testing.test_page import REAL, ran, suites

pytestmark = pytest.mark.real


def test_the_property_of_a_real_qemu_holds(tmp_path: Path) -> None:
    assert "1 passed" in ran(tmp_path, suites()[0], REAL)


def test_the_suite_of_variants_passes(tmp_path: Path) -> None:
    assert "8 passed" in ran(tmp_path, suites()[1])
