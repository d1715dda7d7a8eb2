"""Whatever bytes come: one clear refusal, or a request; and edits touch nothing but their place."""

from contextlib import suppress

from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from qslot.schema.libvirt import SourceError, read
from qslot.schema.libvirt.splice import Edits, parse

DOMAIN = (
    b"<domain type='kvm'><memory unit='MiB'>64</memory><os><type arch='x86_64' machine='q35'>hvm</type></os><devices>"
    b"<disk type='file'><target dev='vda' bus='virtio'/><address type='pci' bus='1' slot='0x00' function='0x0'/></disk>"
    b"<controller type='pci' index='1' model='pcie-root-port'><target chassis='1' port='0x8'/></controller>"
    b"<interface type='user'><model type='virtio'/></interface></devices></domain>"
)
PIECES = [*(bytes([byte]) for byte in b"<>/'\"&= \xff\x00"), b"-1", b"0x", b"99999999999", b"<a/>", b"index"]


@st.composite
def damaged(draw: st.DrawFn) -> bytes:
    """The domain with a few places overwritten or cut out."""
    data = DOMAIN
    for _ in range(draw(st.integers(1, 3))):
        at = draw(st.integers(0, len(data)))
        data = data[:at] + draw(st.sampled_from(PIECES)) + data[at + draw(st.integers(0, 12)) :]
    return data


@given(damaged())
def test_a_damaged_domain_is_refused_or_read(data: bytes) -> None:
    with suppress(SourceError, ValidationError):
        assert read(data).machine_model.family == "q35"


@given(st.text(alphabet="<>ab='\"/ \n", max_size=40))
def test_every_element_is_found_where_it_stands(text: str) -> None:
    data = f"<r>{text}</r>".encode()
    try:
        root = parse(data)
    except SourceError:
        return
    waiting = [root]
    for element in waiting:  # grows as it goes
        waiting += element.children
        assert parse(data[element.start : element.end]).tag == element.tag
        edits = Edits(data)
        edits.set(element, zz="1")
        assert data[: element.start] == edits.apply()[: element.start]
        assert parse(edits.apply()).end == root.end + len(" zz='1'")
