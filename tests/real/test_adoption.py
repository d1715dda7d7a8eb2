"""QEMUs started by command lines, and asked over their monitors: both readings find the same guest."""

import shlex
from collections import Counter
from pathlib import Path

import pytest

import qslot
from qslot.schema import Guest, Layout
from qslot.schema.errors import QslotError
from qslot.schema.formats.placed import beside, with_predictions
from qslot.schema.formats.standalone import standalone
from qslot.schema.layout.outcome import known_layout
from qslot.schema.libvirt import read
from qslot.solver import Options, solve
from qslot.testing.generator import SeededDraw, any_size, draw_request, valid

from ..adopted import facts
from ..solver.test_adopted_plans import CORPUS, domains
from .started import started
from .this_qemu import here, machines, said_here

pytestmark = pytest.mark.real

LINES = {
    "q35": "-M q35",
    "pc": "",
    "cards": "-M q35 -nic user,model=virtio -nic user,model=rtl8139 -nic user -nic none",
    "legacy cards": "-net nic -net nic,model=rtl8139 -net user",
    "an isa card": "-M q35 -nic user,model=ne2k_isa -nic user",
    "backend alone": "-M q35 -netdev user,id=n",
    "displays": "-M q35 -vga qxl -device secondary-vga",
    "a display of its own": "-M q35 -device bochs-display -device ati-vga",
    "a global display": "-global VGA.vgamem_mb=32",
    "sound": "-M q35 -nodefaults -audio none,model=hda -device edu",
    "usb": "-M q35,usb=on -nodefaults -device edu -device usb-tablet",
    "usb of pc": "-usbdevice tablet -nodefaults -device edu",
    "order": (
        '-M q35 -device \'{"driver":"edu"}\' -drive if=virtio,driver=null-co -device e1000 -device rtl8139,addr=9'
    ),
    "functions": "-M q35 -nodefaults -device edu,addr=1.3 -device edu,multifunction=on -device edu",
    "bridges": (
        "-M q35 -nodefaults -device pcie-root-port,id=p,chassis=1 -device edu,bus=p -device pxb-pcie,id=x,bus_nr=9 "
        "-device pcie-root-port,id=q,chassis=2,bus=x -device pcie-pci-bridge,id=c,bus=q -device e1000,bus=c,addr=3 "
        "-device i82801b11-bridge,id=d -device edu,bus=d"
    ),
    "behind an expander": (
        "-M q35 -nodefaults -device pxb-pcie,id=x,bus_nr=9 -device pcie-root-port,id=a,chassis=1 "
        "-device pxb-pcie,id=y,bus_nr=20,bus=pcie.0 -device pcie-root-port,id=b,chassis=2 -device edu,bus=pcie.0 "
        "-device amd-iommu"
    ),
    "pxb": "-nodefaults -device pxb,id=x,bus_nr=9 -device edu,bus=x -device pci-bridge,id=b,bus=x,chassis_nr=2,addr=3",
    "an iommu": "-M q35 -nodefaults -device edu -device amd-iommu -device edu",
    "memory": "-M q35 -m 1G,slots=2,maxmem=4G -object memory-backend-ram,id=m,size=64M -device ivshmem-plain,memdev=m",
    "virtio": (
        "-M q35 -nodefaults -device virtio-net-pci-transitional -device virtio-rng-pci,disable-legacy=on "
        "-device virtio-balloon-pci -device pcie-root-port,id=p,chassis=1 -device virtio-scsi-pci,bus=p"
    ),
}


def kinds(layout: Layout) -> Counter[tuple[object, ...]]:
    """Ids of what has none are names that each reading gives."""
    return Counter(
        (one.model, str(one.address), getattr(one, "virtio", None)) for one in (*layout.controllers, *layout.devices)
    )


@pytest.mark.parametrize("name", LINES)
def test_a_command_line_is_what_runs(name: str, tmp_path: Path) -> None:
    words = shlex.split(LINES[name])
    told = qslot.read_placed(["qemu-system-x86_64", *words])
    with started(words, tmp_path) as socket:
        running = qslot.adopt(socket)
    assert kinds(running.layout) == kinds(told.layout)
    assert running.layout.platform.memory == told.layout.platform.memory
    assert running.layout.machine_model.taken == told.layout.machine_model.taken
    assert len(running.warnings) == 1
    assert told.warnings == ()


def assert_adopted(layout: Layout, folder: Path) -> None:
    """Over the monitor and from the command line."""
    words = standalone(layout)
    with started(words, folder) as socket:
        running = qslot.adopt(socket).layout
    # of a bare family QEMU tells which version that is, of the CPU what it has become
    platform = running.platform.model_copy(update={"cpu": layout.platform.cpu, "phys_bits": layout.platform.phys_bits})
    same = {"machine": layout.machine, "firmware": layout.firmware, "platform": platform}
    running = with_predictions(running.model_copy(update=same))
    assert facts(running, layout, stated=False) == facts(layout, layout, stated=False)
    told = beside(qslot.read_placed(["qemu-system-x86_64", *words]).layout, layout)
    assert facts(told, layout, stated=True) == facts(layout, layout, stated=True)


def planned(guest: Guest | None) -> Layout | None:
    return None if guest is None else known_layout(solve(guest, Options(time_limit=2)))


@pytest.mark.parametrize("seed", range(15))
def test_random_guests(seed: int, tmp_path: Path) -> None:
    draw = SeededDraw(seed)
    layout = None
    while layout is None:
        data = draw_request(draw, any_size(draw))
        if data["machine"] in machines() and not {"memory", "phys_bits", "pci_hole64"} & data.keys():
            layout = planned(valid(said_here(data)))
    assert_adopted(layout, tmp_path)


@pytest.mark.skipif(not CORPUS.is_dir(), reason="the corpus of libvirt's domains is not beside the project")
@pytest.mark.parametrize("part", range(8))
def test_domains_of_libvirts_corpus(part: int, tmp_path: Path) -> None:
    for path in domains()[part::32]:
        try:
            layout = planned(read(path.read_bytes()))
        except (QslotError, ValueError):  # another architecture, say
            continue
        if layout is not None and layout.machine in machines():
            assert_adopted(here(layout), tmp_path)


def test_a_monitor_that_is_taken(tmp_path: Path) -> None:
    from qslot.schema.qemu.monitor import Monitor

    with started(["-nodefaults"], tmp_path) as socket, Monitor(socket), pytest.raises(qslot.InputError) as raised:
        qslot.adopt(socket)
    assert "another client" in str(raised.value)
