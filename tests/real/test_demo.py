"""What `make demo` says where there is a QEMU."""

import pytest

from ..test_examples import demo

pytestmark = pytest.mark.real


def test_it_asks_qemu(capsys: pytest.CaptureFixture[str]) -> None:
    assert demo().main() == 0
    assert "12 of 12 devices and controllers sit where planned" in capsys.readouterr().out
