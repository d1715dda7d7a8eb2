"""What the probe says where it cannot ask a QEMU, and what it makes of query-pci's answer. Starts no QEMU."""

import importlib.util
import sys
from pathlib import Path
from typing import Any

import pytest
from qslot.schema.probe import Difference, MissingError, boot, differences, missing

from ..layouts import small_layout


def test_a_missing_qemu_is_named() -> None:
    assert "no-such-qemu" in missing("no-such-qemu")
    with pytest.raises(MissingError, match="no-such-qemu"):
        boot(small_layout(), qemu="no-such-qemu")


@pytest.mark.parametrize("absent", ["qemu", "qemu.qmp"])
def test_a_missing_package_is_named(absent: str, monkeypatch: pytest.MonkeyPatch) -> None:
    find = importlib.util.find_spec
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None if name == absent else find(name))
    assert missing(sys.executable) == ["the Python package qemu.qmp"]
    with pytest.raises(MissingError, match=r"pip install 'qslot\[probe\]'"):
        boot(small_layout(), qemu=sys.executable)


def test_a_missing_firmware_image_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("qslot.schema.probe.missing", lambda _qemu: [])
    monkeypatch.setattr(Path, "is_file", lambda _path: False)
    layout = small_layout()
    firmware = layout.firmware.model_copy(update={"name": "ovmf"})
    with pytest.raises(MissingError, match="OVMF is in none of its usual places"):
        boot(layout.model_copy(update={"firmware": firmware}), qemu=sys.executable)


CLOSED = {"base": 0x10000, "limit": 0xFFFF}
OPEN = {"base": 0xC000, "limit": 0xCFFF}


def function(name: str, bus: int, slot: int, io: int, below: list[Any] | None = None) -> dict[str, Any]:
    """An entry of query-pci with one BAR of 32 ports; a bridge where `below` is given, its IO window open."""
    entry = {"qdev_id": name, "bus": bus, "slot": slot, "function": 0}
    entry["regions"] = [{"bar": 0, "type": "io", "size": 32, "address": io}] if below is None else []
    if below is not None:
        ranges = {"io_range": OPEN, "memory_range": CLOSED, "prefetchable_range": CLOSED}
        entry["pci_bridge"] = {"bus": {**ranges, "secondary": 1, "subordinate": 1}, "devices": below}
    return entry


def test_differences_name_who_is_not_as_planned() -> None:
    planned = small_layout()
    rp1, (video, net0, *_) = planned.controllers[0], planned.devices
    layout = planned.model_copy(
        update={
            "controllers": (rp1,),
            "devices": (video, net0.model_copy(update={"bus": "rp1", "slot": 0})),
            "guest_addresses": {"video0": "00:02.0", "net0": "01:00.0"},
            "io_windows": planned.io_windows[:1],
        }
    )

    def found(*devices: dict[str, Any]) -> list[Difference]:
        return differences(layout, [{"bus": 0, "devices": list(devices)}])

    assert found(function("video0", 0, 2, 0x300), function("rp1", 0, 1, 0, [function("net0", 1, 0, 0xC000)])) == []
    assert found(function("video0", 0, 3, -1), function("rp1", 0, 1, 0, [function("net0", 1, 0, 0xD000)])) == [
        Difference("video0", "planned at pcie.0:02.0, found at pcie.0:03.0"),
        Difference("video0", "BAR 0 (io, 32 bytes) is not assigned"),
        Difference("net0", "BAR 0 (io, 0xd000) is outside the windows of rp1"),
        Difference("video0", "predicted at 00:02.0, the guest sees it at 00:03.0"),
    ]
    assert found(function("rp1", 0, 1, 0, []), function("more", 0, 9, 0x400)) == [
        Difference("video0", "planned at pcie.0:02.0, the firmware did not find it"),
        Difference("net0", "planned at rp1:00.0, the firmware did not find it"),
        Difference("more", "found at pcie.0:09.0, not planned"),
        Difference("video0", "predicted at 00:02.0, the guest sees it at nowhere"),
        Difference("net0", "predicted at 01:00.0, the guest sees it at nowhere"),
    ]
