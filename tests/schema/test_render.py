"""The tree and the other texts: whole texts, since people read them whole."""

import pytest

from qslot.schema import Finding, Layout, Undecided
from qslot.schema.formats.text_layout import findings, tree
from qslot.schema.layout.layout import IoWindow, ObjectiveTerm, PlacedController
from qslot.schema.layout.preference import UnmetPreference
from qslot.schema.picture.caption import RESERVED
from tests.layouts import nic, port, small_layout

TREE = """\
q35, QEMU 11.1 (assumed), seabios 1.17.0; 4 devices; \
5 controllers (4 pcie-root-port, 1 pcie-pci-bridge); spare: 1 pci, 1 pcie; \
free for hot-plug: 2 pcie, 29 pci

pcie.0
 +-00.*  (host bridge)
 +-01.0  rp1 pcie-root-port [01]----00.0  p2p1 pcie-pci-bridge [02]                  IO window c000-cfff
 |   +-01.0  net0 virtio-net                                         02:01.0 ens1    transitional
 |   +-02.0  net1 virtio-net                                         02:02.0 ens2    transitional
 |   \\-03.*  < spare pci slot >
 +-01.1  rp2 pcie-root-port [03]----00.0  net2 virtio-net            03:00.0 enp3s0  modern
 +-01.2  rp3 pcie-root-port [04]----00.*  < spare pcie slot >
 +-01.3  rp4 pcie-root-port [05]----(empty)
 +-02.0  video0 VGA                                                  00:02.0
 \\-1f.*  (LPC bridge, chipset SATA controller, chipset SMBus controller)

optimal, every term proved:
  bytes of IO windows                            4096  proved least
  controllers                                       5  proved least
warning shpc-driver: net0: hot-plug there works only if the guest has an SHPC driver
1 warning
"""


def test_tree() -> None:
    assert tree(small_layout()) == TREE


def test_tree_says_what_an_io_reserve_is_where_there_is_one() -> None:
    old = small_layout()
    firmware = old.firmware.model_copy(update={"name": "ovmf", "version": "2022.11"})
    empty = IoWindow(controller="rp4", base=None, size=4096)
    assert RESERVED in tree(old.model_copy(update={"firmware": firmware, "io_windows": (*old.io_windows, empty)}))
    assert RESERVED not in tree(old)


def test_tree_has_a_line_for_every_device_of_a_large_layout() -> None:
    layout = small_layout()
    devices = tuple(nic(f"net{n}", "p2p1", 1 + n % 31) for n in range(2000))
    text = tree(layout.model_copy(update={"devices": devices}))
    assert all(f" net{n} virtio-net" in text for n in range(2000))
    assert max(map(len, text.splitlines())) < 160
    assert text.isascii()


def test_tree_of_a_very_deep_layout() -> None:
    chain = [port("rp1", 0)]
    chain += [PlacedController(id=f"c{n}", model="pci-bridge", bus=chain[-1].id, slot=1, function=0) for n in (1,)]
    for n in range(2, 3000):
        chain.append(PlacedController(id=f"c{n}", model="pci-bridge", bus=f"c{n - 1}", slot=1, function=0))
    assert "c2999 pci-bridge" in tree(small_layout().model_copy(update={"controllers": tuple(chain)}))


def test_tree_shows_what_hangs_nowhere() -> None:
    """`show` draws layouts that `check` would refuse."""
    ring = tuple(PlacedController(id=a, model="pci-bridge", bus=b, slot=1, function=0) for a, b in ("xy", "yx"))
    layout = small_layout().model_copy(update={"controllers": ring, "devices": (nic("net0", "rp9", 0),)})
    text = tree(layout)
    for line in ("x pci-bridge (on y)", "y pci-bridge (on x)", "net0 virtio-net (on rp9)"):
        assert f" ?  not below pcie.0: {line}" in text


def test_a_layout_with_parts_that_hang_nowhere_is_not_called_optimal_without_a_word() -> None:
    layout = small_layout()
    nowhere = layout.devices[1].model_copy(update={"bus": "rp9"})
    text = tree(layout.model_copy(update={"devices": (layout.devices[0], nowhere)}))
    assert text.index("not sound: parts of it hang nowhere") < text.index("optimal, every term proved")
    assert "not sound" not in tree(layout)


def test_tree_of_a_bus_inside_itself_ends() -> None:
    twice = (port("rp1", 0), PlacedController(id="rp1", model="pci-bridge", bus="rp1", slot=0, function=0))
    assert "rp1 pci-bridge" in tree(small_layout().model_copy(update={"controllers": twice}))


def test_tree_marks_what_is_not_proved() -> None:
    terms = (ObjectiveTerm(term="depth", value=12, bound=10),)
    text = tree(small_layout().model_copy(update={"status": "feasible", "objective": terms, "warnings": ()}))
    assert text.endswith(
        "not proved optimal:\n  bridges above endpoints, summed                  12  not proved: at least 10, gap 2\n"
    )


def test_tree_names_the_preferences_that_are_not_met() -> None:
    """Those of one reason together; terms that compare with a previous layout say nothing where there is none."""
    unmet = [UnmetPreference(who=f"net{number}", reason="hotplug-unmet", weight=8) for number in range(9)]
    unmet.append(UnmetPreference(who="video0", reason="chipset-place", weight=1))
    terms = [ObjectiveTerm(term="moved", value=0, bound=0), ObjectiveTerm(term="preferences", value=73, bound=73)]
    update = {"objective": tuple(terms), "unmet": tuple(unmet), "warnings": ()}
    footer = tree(small_layout().model_copy(update=update)).rpartition("\n\n")[2]
    assert footer.splitlines() == [
        "optimal, every term proved:",
        "  preferences not met (weighted)                   73  proved least",
        "preferences not met:",
        "  hotplug-unmet of net0 to net8, 8 each",
        "  chipset-place of video0, 1",
    ]
    moved = (ObjectiveTerm(term="moved", value=2, bound=2),)
    assert "devices that move" in tree(small_layout().model_copy(update={"objective": moved}))


def test_tree_of_nodes() -> None:
    expander = PlacedController(id="pxb1", model="pxb-pcie", bus="pcie.0", slot=3, function=0, numa=1)
    layout: Layout = small_layout().model_copy(update={"controllers": (expander,), "devices": ()})
    assert "+-03.0  pxb1 pxb-pcie node 1----(empty)" in tree(layout)


def test_findings() -> None:
    found = [
        Finding(rule="wasteful-pin", severity="warning", subjects=("net1",)),
        Finding(rule="address-unique", subjects=("net0", "net1"), details={"slot": 5}),
    ]
    assert findings(found).splitlines() == [
        "error address-unique: net0, net1: no two functions share an address (slot 5)",
        "warning wasteful-pin: net1: a pinned address costs more than automatic placement would",
        "1 error, 1 warning",
    ]
    assert findings([]) == ""


@pytest.mark.parametrize("layout", [None, small_layout()])
def test_undecided(layout: Layout | None) -> None:
    bound = (ObjectiveTerm(term="controllers", value=5, bound=3),)
    text = str(Undecided(layout=layout, bound=bound))
    assert "proved" in text.splitlines()[0]
    assert "at least 3" in text
