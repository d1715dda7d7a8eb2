"""The real libvirt keeps every address and controller of our domain XML; and plans where it refuses.

Debian's libvirt with its Python binding, embedded driver, no daemon; skipped where that is not there.
"""

import subprocess
from collections.abc import Callable

import pytest

from benchmarks.kept import EXCEPTIONS, on_any_machine, picture
from benchmarks.libvirt import CORPUS, in_plain_use, nics, request_of
from qslot.schema import Guest, Layout, Solved
from qslot.schema.firmware import predict
from qslot.schema.layout.layout import PlacedController
from qslot.schema.libvirt import read
from qslot.schema.libvirt.domain import read_domain
from qslot.schema.probe import BootError, boot, probe
from qslot.schema.probe.enumeration import QEMU
from qslot.solver import solve
from qslot.testing.libvirt import Libvirt

from ..reference.request import libvirts_homes
from ..reference.tree import BUS_OF
from .layouts import layout as by_hand
from .test_plain_virtio import DOMAIN as OLD_DOMAIN
from .this_qemu import machines

pytestmark = pytest.mark.real

Define = Callable[[str], dict[str, str]]


def planned(text: str) -> Layout:
    outcome = solve(read(text.encode()))
    assert isinstance(outcome, Solved), outcome
    return outcome.layout


def assert_kept(define: Define, text: str) -> None:
    answer = define(text)
    assert "error" not in answer, answer
    assert picture(answer["xml"]) == picture(text)


MORE = {"pci-expander-bus": "libvirt spills devices onto the expander of another node, whose slots take no hot-plug"}
"""Where preset libvirt takes more controllers than libvirt's own layout, and why."""


@pytest.mark.skipif(not CORPUS.is_dir(), reason="libvirt's own domain XML is not beside the project")
def test_preset_libvirt_never_takes_more_than_libvirts_own_layout() -> None:
    """In plain use: of the domain as it is, with its addresses and without <acpi/> where it has none."""
    more, wrong = {}, {}
    with Libvirt() as libvirt:
        for path in sorted(CORPUS.glob("*.xml")):
            if path.stem in EXCEPTIONS:
                continue
            text = path.read_text(encoding="utf-8")
            verdict, theirs, ours = in_plain_use(libvirt, text)
            if verdict.isupper():
                more[path.stem] = (verdict, theirs, ours)
            if theirs is None:
                continue
            guest = Guest.model_validate(request_of(text) | {"policy": {"preset": "libvirt"}})
            written = solve(guest).require().to_libvirt(text)
            answer = libvirt.ask(written)
            if "error" in answer or picture(answer["xml"]) != picture(written):
                wrong[path.stem] = answer.get("error", "other addresses")
    assert more.keys() == MORE.keys(), more
    assert wrong == {}


@pytest.mark.skipif(not CORPUS.is_dir(), reason="libvirt's own domain XML is not beside the project")
def test_what_is_planned_for_its_own_domains_boots(record_property: Callable[[str, object], None]) -> None:
    """Every device where planned, every BAR and window as predicted, on machine types from 2.1 to 7.2; on the newest
    where this QEMU has the domain's no more."""
    booted, wrong = 0, {}
    for path in sorted(CORPUS.glob("*.xml")):
        if path.stem not in EXCEPTIONS:
            text = path.read_text(encoding="utf-8")
            there = read_domain(text.encode()).machine in machines()
            found = probe(planned(text if there else on_any_machine(text))).differences
            booted += 1
            if found:
                wrong[path.stem] = [str(one) for one in found]
    record_property("booted", booted)
    assert wrong == {}


@pytest.mark.skipif(not CORPUS.is_dir(), reason="libvirt's own domain XML is not beside the project")
def test_bus_numbers_of_its_expander_domain_do_not_suffice(define: Define) -> None:
    """Why it has no plan: what libvirt makes of it, as it stands, in a real QEMU."""
    kept = define((CORPUS / "pcie-expander-bus.xml").read_text())["xml"]
    controllers = read(kept.encode()).controllers
    pins = {one.id: one.address for one in controllers if one.address is not None}
    crowded = {(pin.bus, pin.slot) for pin in pins.values() if pin.function}
    seats = [
        PlacedController.model_validate({
            "id": one.id, "model": one.model, "bus": pin.bus, "slot": pin.slot, "function": pin.function,
            "multifunction": not pin.function and (pin.bus, pin.slot) in crowded,
            "properties": {**one.properties, **({} if one.numa is None else {"numa_node": one.numa})},
        })
        for one in controllers
        if (pin := pins.get(one.id)) is not None
    ]  # fmt: skip
    layout = by_hand("q35", *seats, numa_nodes=2)
    prediction = predict(layout)
    assert prediction.failure is not None
    assert prediction.failure.rule == "bus-numbers"
    with pytest.raises(BootError, match="not enumerated"):
        boot(layout, limit=30)


@pytest.mark.parametrize("machine", ["pc-q35-2.4", "pc-q35-2.6", "pc-i440fx-2.6"])
def test_libvirt_keeps_plain_virtio_of_old_machine_types(define: Define, machine: str) -> None:
    """On conventional bridges, too, though itself it puts such devices behind ports."""
    text = OLD_DOMAIN.format(machine=machine)
    assert_kept(define, planned(text).to_libvirt(text))


def test_qemu_has_no_transitional_vsock() -> None:
    command = [QEMU, "-machine", "q35", "-nodefaults", "-display", "none", "-device", "vhost-vsock-pci-transitional"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert "not a valid device model name" in done.stderr


SORTS = "".join(
    [
        "<disk type='file'><source file='/x'/><target dev='vda'/></disk>",
        "<disk type='file'><source file='/y'/><target dev='sda' bus='scsi'/></disk>",
        *(f"<interface type='user'><model type='{model}'/></interface>" for model in ("virtio", "e1000", "rtl8139")),
        "<video><model type='vga'/></video><video><model type='qxl'/></video>",
        "<sound model='ich9'/><sound model='ac97'/>",
        "<rng model='virtio'><backend model='random'>/dev/urandom</backend></rng>",
        *(f"<controller type='usb' index='1' model='ich9-{name}'/>" for name in ("ehci1", "uhci1", "uhci2", "uhci3")),
        "<watchdog model='i6300esb'/><input type='tablet' bus='virtio'/>",
        "<vsock model='virtio'><cid auto='yes'/></vsock>",
    ]
)
"""One of each sort of device, in domain XML."""


@pytest.mark.parametrize("machine", ["pc", "q35"])
def test_libvirt_keeps_what_preset_libvirt_plans(define: Define, machine: str) -> None:
    text = nics(machine, 0, "virtio").replace("<emulator/>", f"<emulator/>{SORTS}")
    guest = read(text.encode())
    outcome = solve(Guest.model_validate(guest.model_dump(exclude={"spare"}) | {"policy": {"preset": "libvirt"}}))
    assert isinstance(outcome, Solved)
    assert_kept(define, outcome.layout.to_libvirt(text))


def holes(free: int) -> list[int]:
    """Numbers of conventional interfaces that libvirt 9.0 refuses: it places bridges after all devices, and only the
    last one has room. With b bridges, free + 31 b - n slots are left there; it refuses where those are fewer than b."""
    return [free + 31 * b - left for b in range(1, 8) for left in range(b)]


@pytest.mark.parametrize(("machine", "free"), [("pc", 29), ("q35", 31)])
def test_numbers_of_interfaces_that_libvirt_refuses(define: Define, machine: str, free: int) -> None:
    sizes = holes(free)
    assert len(sizes) == 28
    for number in sizes:
        text = nics(machine, number, "virtio-transitional")
        assert "error" in define(text), number
        assert_kept(define, planned(text).to_libvirt(text))


@pytest.mark.parametrize("machine", ["pc", "q35"])
@pytest.mark.parametrize("model", ["virtio", "virtio-transitional", "virtio-non-transitional"])
def test_any_number_of_virtio_interfaces(define: Define, machine: str, model: str) -> None:
    for number in (1, 2, 29, 30, 31, 32, 60, 61, 62, 100, 150, 200):
        text = nics(machine, number, model)
        assert_kept(define, planned(text).to_libvirt(text))


@pytest.mark.parametrize("machine", ["pc", "q35"])
def test_preset_libvirt_is_where_libvirt_itself_puts_devices(define: Define, machine: str) -> None:
    """Claims to chipset places, and the kind of bus of all else, as the oracle reads rule preset."""
    text = nics(machine, 0, "virtio").replace("<emulator/>", f"<emulator/>{SORTS}")
    guest = read(define(text)["xml"].encode())
    model = {one.id: one.model for one in guest.controllers}
    root = "express-root" if machine == "q35" else "conventional-root"
    elsewhere, claims = {}, {}
    for device in guest.devices:
        pin = device.address
        assert pin is not None
        assert pin.bus is not None
        resolved = guest.resolved[device.id]
        kind = root if pin.bus == guest.machine_model.root else BUS_OF[model[pin.bus]]
        if resolved.chipset_place is not None:
            claims[device.id] = (pin.slot, resolved.chipset_place)
        if kind not in libvirts_homes(guest, resolved):
            elsewhere[device.id] = kind
    assert elsewhere == {}
    assert len(claims) == (6 if machine == "q35" else 0)
    assert all(slot == claimed for slot, claimed in claims.values())
