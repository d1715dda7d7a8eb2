"""`qslot hotplug`: one device more or less in a running guest, and one clear message where that cannot be."""

import json
from pathlib import Path

import pytest
from click.testing import Result

from qslot.schema.formats.placed import read_placed
from qslot.schema.formats.written import to_json

from ..layouts import small_layout
from . import command


def run(*words: str | Path) -> Result:
    return command.run("hotplug", *words)


@pytest.fixture
def layout(tmp_path: Path) -> Path:
    path = tmp_path / "layout.json"
    path.write_text(to_json(small_layout()))
    return path


def test_a_device_goes_where_planning_would_rather_have_it(layout: Path) -> None:
    """PCI Express behind a port, and virtio 0.9 where there are IO ports."""
    done = run(layout, "{id: new, model: virtio-net}")
    assert json.loads(done.stdout)["arguments"] == {
        "driver": "virtio-net-pci",
        "id": "new",
        "bus": "rp3",
        "addr": "0x0.0",
    }
    assert (
        "new goes to rp3:00.0; the guest sees it at 04:00.0 and calls it enp4s0, now and after its next reboot"
        in done.stderr
    )
    old = run(layout, "{id: new, model: virtio-net, virtio: transitional}")
    assert json.loads(old.stdout)["arguments"]["bus"] == "p2p1"


def test_function_0_of_a_slot_comes_last(layout: Path) -> None:
    done = run(layout, "[{id: a, model: virtio-rng}, {id: b, model: virtio-rng}]")
    commands = [json.loads(line)["arguments"] for line in done.stdout.splitlines()]
    assert [(one["id"], one["addr"]) for one in commands] == [("b", "0x0.1"), ("a", "0x0.0")]
    assert commands[1]["multifunction"] is True


def test_and_back(layout: Path) -> None:
    """The layout then is one that the next call reads."""
    assert run(layout, "{id: new, model: virtio-net}", "--layout-to", layout).exit_code == 0
    assert read_placed(layout).layout.guest_names["new"] == "enp4s0"
    done = run(layout, "--unplug", "new", "--layout-to", layout)
    assert json.loads(done.stdout) == {"execute": "device_del", "arguments": {"id": "new"}}
    assert "wait for DEVICE_DELETED of new" in done.stderr
    assert {one.id for one in read_placed(layout).layout.devices} == {one.id for one in small_layout().devices}


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (["{id: net0, model: nvme}"], "'net0' is used 2 times"),
        (["{id: i, model: virtio-iommu}"], "QEMU takes such devices at its start alone"),
        (["[{id: a, model: nvme}, {id: b, model: e1000}]"], "rp3, rp4 and p2p1: not for such a device"),
        (["5"], "can't be read"),
        (["[5]"], "write a device's fields"),
        (["--unplug", "video0"], "video0 cannot be unplugged: pcie.0 is the root bus"),
        (["--unplug", "nobody"], "'nobody' is none of the layout's devices"),
        ([], "give either DEVICE or --unplug"),
    ],
)
def test_what_cannot_be(words: list[str], why: str, layout: Path) -> None:
    done = run(layout, *words)
    assert (done.exit_code, done.stdout) == (2, "")
    assert why in done.stderr
