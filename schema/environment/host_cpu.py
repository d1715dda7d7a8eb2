"""What a guest's CPU has from its hosts: the address bits and the vendor of the host's own CPU.

QEMU gives them to `-cpu host`, and the bits to any CPU with `host-phys-bits`, whatever `phys-bits` says (measured:
tests/real/test_host_cpu.py). The firmware places 64-bit memory by them.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from ..layout.layout import Layout
from ..pci.address_bits import has_bits_of_host
from ..pci.cpu import Cpu, Vendor
from ..request.guest import Guest
from .host import Host


def with_cpu_of_hosts(data: Mapping[str, Any], guest: Guest, hosts: Sequence[Host]) -> dict[str, Any]:
    """The request `data`, of which `guest` is what was read, with the address bits and the vendor that its CPU has on
    these hosts, unless it says them: the fewest bits of any host, and the vendor where it is the same on all."""
    told = dict(data)
    known = [host.phys_bits for host in hosts if host.phys_bits is not None]
    if known and guest.has_bits_of_host and "phys_bits" not in guest.model_fields_set:
        told["phys_bits"] = guest.cpu.bits_on(min(known))
    vendor = _common_vendor(hosts)
    if vendor is not None and guest.cpu.host and guest.cpu.vendor is None:
        told["cpu"] = guest.cpu.model_dump(exclude_defaults=True) | {"vendor": vendor}
        if "pdpe1gb" in guest.model_fields_set:
            told["pdpe1gb"] = guest.pdpe1gb
        if "phys_bits" in guest.model_fields_set:
            told["phys_bits"] = guest.phys_bits
    return told


def _common_vendor(hosts: Sequence[Host]) -> Vendor | None:
    vendors = {host.vendor for host in hosts if host.vendor is not None}
    return vendors.pop() if len(vendors) == 1 else None


def on_host(layout: Layout, host: Host) -> Layout:
    """The same layout on that host: with the QEMU and its firmware, and with the CPU that the guest has there, as far
    as the host tells them."""
    other = layout
    if host.runs is not None:
        moved = layout.on_qemu(host.runs[:2])
        same = moved.qemu_version == layout.qemu_version and moved.firmware == layout.firmware
        other = layout if same else moved
    platform = other.platform
    update: dict[str, Any] = {}
    if host.phys_bits is not None and has_bits_of_host(layout.machine, platform.cpu):
        update["phys_bits"] = platform.cpu.bits_on(host.phys_bits)
    if host.vendor is not None and platform.cpu.host and platform.cpu.vendor is None:
        update["cpu"] = Cpu.model_validate({**platform.cpu.model_dump(exclude_defaults=True), "vendor": host.vendor})
    return other.model_copy(update={"platform": platform.model_copy(update=update)}) if update else other
