"""What the probe says where it cannot ask a QEMU, and what it makes of query-pci's answer. Starts no QEMU."""

import importlib.util
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from qslot.schema import Layout
from qslot.schema.firmware import predict
from qslot.schema.layout.layout import PlacedController, Seat
from qslot.schema.probe import Enumeration, MissingError, QemuEndedError, boot, differences, missing
from qslot.schema.probe.enumeration import Tree

from ..layouts import small_layout


def test_a_missing_qemu_is_named() -> None:
    assert "no-such-qemu" in missing("no-such-qemu")
    with pytest.raises(MissingError, match="no-such-qemu"):
        boot(small_layout(), qemu="no-such-qemu")


def test_a_qemu_without_seabios_is_told_so(monkeypatch: pytest.MonkeyPatch) -> None:
    def start(*_: object, **__: object) -> None:
        raise QemuEndedError("QEMU ended with 1: qemu: could not load PC BIOS 'bios-256k.bin'")

    monkeypatch.setattr("qslot.schema.probe.missing", lambda _qemu: [])
    monkeypatch.setattr("qslot.schema.probe.machine.start", start)
    with pytest.raises(MissingError, match="SeaBIOS not found"):
        boot(small_layout())


@pytest.mark.parametrize("absent", ["qemu", "qemu.qmp"])
def test_a_missing_package_is_named(absent: str, monkeypatch: pytest.MonkeyPatch) -> None:
    find = importlib.util.find_spec
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None if name == absent else find(name))
    assert missing(sys.executable) == ["the Python package qemu.qmp"]
    with pytest.raises(MissingError, match=r"pip install qemu\.qmp"):
        boot(small_layout(), qemu=sys.executable)


def test_a_missing_firmware_image_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("qslot.schema.probe.missing", lambda _qemu: [])
    monkeypatch.setattr(Path, "is_file", lambda _path: False)
    layout = small_layout()
    firmware = layout.firmware.model_copy(update={"name": "ovmf"})
    with pytest.raises(MissingError, match="OVMF is in none of its usual places"):
        boot(layout.model_copy(update={"firmware": firmware}), qemu=sys.executable)


def enumerated(layout: Layout) -> Tree:
    """query-pci's answer if all comes as predicted."""
    prediction = predict(layout)
    windows: dict[str, Mapping[str, tuple[int | None, int]]] = {
        "io_range": {window.controller: (window.base, window.size) for window in prediction.io_windows},
        "memory_range": prediction.memory_windows,
        "prefetchable_range": prediction.prefetchable_windows,
    }
    bars = (("io", prediction.io_bars), ("memory", prediction.memory_bars))

    def entry(seat: Seat, number: int) -> dict[str, Any]:
        there: dict[str, Any] = {"qdev_id": seat.id, "bus": number, "slot": seat.slot, "function": seat.function}
        there["regions"] = [
            {"bar": bar, "type": kind, "size": 16, "address": address}
            for kind, addresses in bars
            for (name, bar), address in sorted(addresses.items())
            if name == seat.id
        ]
        if isinstance(seat, PlacedController):
            ranges = {name: span(*these.get(seat.id, (0x10000, 0))) for name, these in windows.items()}
            first, last = prediction.secondary[seat.id], prediction.subordinate[seat.id]
            assert first is not None
            bus = {"secondary": first, "subordinate": last, **ranges}
            there["pci_bridge"] = {"bus": bus, "devices": on(seat.id, first)}
        return there

    def on(bus: str, number: int) -> list[dict[str, Any]]:
        return [entry(seat, number) for seat in (*layout.controllers, *layout.devices) if seat.bus == bus]

    return [{"bus": 0, "devices": on("pcie.0", 0)}]


def span(base: int | None, size: int) -> dict[str, int]:
    return {"base": base or 0, "limit": (base or 0) + size - 1}


def of(tree: Tree, name: str) -> dict[str, Any]:
    """The entry of a device or bridge, wherever it is."""
    entries = [entry for root in tree for entry in root["devices"]]
    for entry in entries:  # grows as it goes
        entries += entry.get("pci_bridge", {}).get("devices", [])
    return next(entry for entry in entries if entry["qdev_id"] == name)


def window(kind: str, **to: int) -> Callable[[Tree], None]:
    return lambda tree: of(tree, "rp2")["pci_bridge"]["bus"][kind].update(to)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda _: None, []),
        (
            lambda tree: of(tree, "net2").update(slot=1),
            [
                "net2: planned at rp2:00.0, found at rp2:01.0",
                "net2: predicted at 03:00.0, the guest sees it at 03:01.0",
            ],
        ),
        (
            lambda tree: tree[0]["devices"].remove(of(tree, "video0")),
            [
                "video0: planned at pcie.0:02.0, the firmware did not find it",
                "video0: predicted at 00:02.0, the guest sees it at nowhere",
            ],
        ),
        (
            lambda tree: of(tree, "video0").update(qdev_id="more"),
            [
                "video0: planned at pcie.0:02.0, the firmware did not find it",
                "more: found at pcie.0:02.0, not planned",
                "video0: predicted at 00:02.0, the guest sees it at nowhere",
            ],
        ),
        (
            lambda tree: of(tree, "video0")["regions"][0].update(address=-1),
            [
                "video0: BAR 0 (memory, 16 bytes) is not assigned",
                "video0: BAR 0 at 0xfc000000 predicted, at no address found",
            ],
        ),
        (
            lambda tree: of(tree, "net0")["regions"][0].update(address=0xD000),
            [
                "net0: BAR 0 (io, 0xd000) is outside the windows of rp1",
                "net0: BAR 0 (io, 0xd000) is outside the windows of p2p1",
                "net0: BAR 0 at 0xc000 predicted, at 0xd000 found",
            ],
        ),
        (
            lambda tree: of(tree, "rp2")["pci_bridge"]["bus"].update(subordinate=5),
            ["rp2: buses 3-3 predicted, 3-5 found"],
        ),
        (window("io_range", base=0xE000, limit=0xEFFF), ["rp2: no IO window predicted, 0xe000-0xefff found"]),
        (
            window("memory_range", base=0x10000, limit=0xFFFF),
            [
                "net2: BAR 1 (memory, 0xfe840000) is outside the windows of rp2",
                "rp2: memory window of 2097152 bytes at 0xfe800000 predicted, none found",
            ],
        ),
    ],
)
def test_differences_name_who_is_not_as_planned(change: Callable[[Tree], None], said: list[str]) -> None:
    layout = small_layout()
    tree = enumerated(layout)
    change(tree)
    assert [str(one) for one in differences(layout, Enumeration(tree, "", "7.2.22", ""))] == said


def test_an_imitated_device_is_held_to_its_place_alone() -> None:
    """What sits in its place has other BARs, which move those of others."""
    planned = small_layout()
    host = planned.devices[0].model_copy(update={"model": "vfio-pci", "driver": "vfio-pci", "bars": ()})
    layout = planned.model_copy(update={"devices": (host, *planned.devices[1:])})
    tree = enumerated(planned)
    assert differences(layout, Enumeration(tree, "", "7.2.22", "")) == []
    of(tree, "video0")["slot"] = 3
    assert [one.subject for one in differences(layout, Enumeration(tree, "", "7.2.22", ""))] == ["video0", "video0"]
