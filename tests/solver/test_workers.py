"""Guests found to be hard for several workers; the law is in tests/property/test_laws.py."""

from qslot.schema import Guest, Solved
from qslot.solver import Options, solve

from .ask import device, q35

NESTED = q35(
    device("d0", "ich9-intel-hda"),
    device("d1", "virtio-gpu", hotplug="never"),
    device("d2", "ich9-usb-ehci1"),
    device("d3", "virtio-net"),
    device("d4", "virtio-gpu", hotplug="preferred"),
    device("d5", "virtio-gpu", address="pcie.0:1f.6"),
    device("d6", "nvme"),
    device("d7", "virtio-gpu"),
    device("d8", "qemu-xhci"),
    device("d9", "virtio-gpu"),
    device("d10", "virtio-gpu"),
    firmware="ovmf",
    numa_nodes=1,
    controllers=[
        device("c0", "pcie-pci-bridge", numa=0),
        device("c1", "pxb-pcie", numa=0, properties={"bus_nr": 3}),
        device("c2", "i82801b11-bridge"),
        device("c3", "xio3130-downstream", numa=0),
        device("c4", "pcie-root-port"),
        device("c5", "pxb-pcie", address="pcie.0:03.0", numa=0, properties={"bus_nr": 5}),
        device("c6", "x3130-upstream", address="c3:00"),
        device("c7", "ioh3420", address="c5:07"),
    ],
)


def test_two_workers_where_the_relaxation_proves() -> None:
    """The two that CP-SAT itself would choose have a lesser linear relaxation, and took more than a minute."""
    guest = Guest.model_validate(NESTED)
    one, two = (solve(guest, Options(time_limit=60, workers=workers)) for workers in (1, 2))
    assert isinstance(one, Solved)
    assert one == two
