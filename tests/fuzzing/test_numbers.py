"""Numbers of thousands of digits, in every language that is read: Python itself refuses them with a ValueError."""

from pathlib import Path
from typing import Final

import pytest

import qslot
from qslot.schema.formats.files import parse_guest
from qslot.schema.formats.plain_data import Format
from qslot.schema.libvirt import guest_data
from qslot.schema.libvirt.attach import requested_device

from .reading import refusal

DIGITS: Final = "9" * 5000
HEX: Final = "0x" + "f" * 5000
DOMAIN: Final = (Path(__file__).parents[2] / "examples" / "domain.xml").read_text(encoding="utf-8")


@pytest.mark.parametrize("number", [DIGITS, HEX, "0b" + "1" * 20_000, "1" + ":1" * 5000])
@pytest.mark.parametrize(
    ("kind", "text"),
    [
        ("yaml", "machine: q35\nmemory: {}\n"),
        ("yaml", "machine: q35\ndevices: [{{id: a, model: nvme, properties: {{x: {}}}}}]\n"),
        ("toml", 'machine = "q35"\nmemory = {}\n'),
        ("json", '{{"machine": "q35", "memory": {}}}'),
    ],
)
def test_plain_data(kind: Format, text: str, number: str) -> None:
    """Some were read, and then could not be written."""
    assert refusal(lambda: parse_guest(text.format(number), kind)) is not None


@pytest.mark.parametrize("digits", [DIGITS, "&#57;" * 5000], ids=["plain", "by character references"])
@pytest.mark.parametrize(
    ("where", "instead"),
    [
        ("<vcpu>4", "<vcpu>{}"),
        ("unit='GiB'>4", "unit='GiB'>{}"),
        ("<model type='virtio'/>", "<model type='virtio'/><acpi index='{}'/>"),
        ("<model type='virtio'/>", "<model type='virtio'/><mtu size='{}'/>"),
        ("<model type='virtio'/>", "<model type='virtio'/><driver queues='{}'/>"),
        ("<video>", "<controller type='scsi' index='{}'/><video>"),
        ("<video>", "<controller type='pci' index='{}'/><video>"),
        ("<video>", "<disk><target dev='vda'/><address type='drive' controller='{}'/></disk><video>"),
    ],
)
def test_domain(where: str, instead: str, digits: str) -> None:
    assert where in DOMAIN
    text = DOMAIN.replace(where, instead.format(digits), 1)
    message = refusal(lambda: guest_data(text.encode()))
    assert message is not None
    assert "line " in message
    assert "a number of a thousand digits" in message


def test_an_element_to_attach() -> None:
    text = f"<interface type='network'><model type='virtio'/><mtu size='{DIGITS}'/></interface>"
    assert refusal(lambda: requested_device(text, "q35", "ua-x")) is not None


@pytest.mark.parametrize(
    "words",
    [
        ("-m", DIGITS),
        ("-m", f"size=1G,slots={DIGITS}"),
        ("-device", f"virtio-net-pci,id=a,vectors={DIGITS}"),
        ("-device", f"pxb-pcie,id=a,bus_nr={DIGITS}"),
        ("-device", f"nvme,id=a,x={HEX}"),
        ("-global", f"q35-pcihost.pci-hole64-size={DIGITS}"),
        ("-cpu", f"host,phys-bits={DIGITS}"),
        ("-object", f"memory-backend-ram,id=m,size={DIGITS}"),
    ],
)
def test_command_line(words: tuple[str, ...]) -> None:
    message = refusal(lambda: qslot.read_guest(["qemu-system-x86_64", "-M", "q35", *words]))
    assert message is not None
    assert "a number of a thousand digits" in message


def test_long_text_that_is_no_number() -> None:
    """Base64 of a certificate, say."""
    text = "TWFuIGlzIGRpc3Rpbmd1aXNoZWQsIG5vdCBvbmx5IGJ5IGhpcyByZWFzb24=" * 100
    guest = parse_guest(f"machine: q35\ndevices: [{{id: a, model: nvme, properties: {{serial: '{text}'}}}}]", "yaml")
    assert guest.devices[0].properties["serial"] == text
