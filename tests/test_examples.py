"""What examples/demo.py, which `make demo` runs, prints."""

import importlib.util
from pathlib import Path
from types import ModuleType
from typing import Final

import pytest

DEMO: Final = Path(__file__).parents[1] / "examples" / "demo.py"


def demo() -> ModuleType:
    spec = importlib.util.spec_from_file_location("demo", DEMO)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_without_qemu(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr("shutil.which", lambda _name: None)
    assert demo().main() == 0
    printed = capsys.readouterr().out
    for part in ("optimal, every term proved", "-device pcie-pci-bridge,", "No real QEMU was asked"):
        assert part in printed
