"""Whether QEMU starts with the guest's RAM and CPU: what can be plugged, and addresses that the CPU has."""

from itertools import islice

from ..pci.cpu import MOST_PHYS_BITS, cpu_models
from ..pci.ovmf_addresses import ovmf_addresses
from ..pci.ram import (
    AMD_RESERVED,
    GIB,
    PLUGGABLE_SINCE,
    PLUGGABLE_UNIT,
    RamSizes,
    address_end,
    counts_hole,
    least_phys_bits,
)
from ..pci.size import align
from .fields import GuestFields
from .problems import nearest, short
from .refusal import Refused, field_of


def check_plugged(guest: GuestFields) -> None:
    """`max_memory` and `memory_slots` as QEMU takes them (measured)."""
    most, slots, version = guest.max_memory, guest.memory_slots, guest.machine_model.version
    there = field_of(guest, "max_memory")
    if slots and (most is None or most == guest.memory):
        raise Refused(
            field_of(guest, "memory_slots"),
            f"{slots}, but QEMU takes slots only where RAM can be plugged: say a max_memory above memory, or no slots",
        )
    if most is None:
        return
    if version is not None and version < PLUGGABLE_SINCE:
        raise Refused(
            there,
            f"{most}, but no RAM can be plugged on {guest.machine}: leave it out, or take a machine type from 2.1 on",
        )
    if most < guest.memory:
        raise Refused(
            there,
            f"{most} is less than memory, {guest.memory}, which it counts, too: say as much at least, or leave it out",
        )
    if most % PLUGGABLE_UNIT:
        raise Refused(
            there, f"{most} is no multiple of {PLUGGABLE_UNIT}, as QEMU takes: say {align(most, PLUGGABLE_UNIT)}"
        )


def check_addresses(guest: GuestFields) -> None:
    """QEMU starts no CPU whose addresses end before the 64-bit hole behind RAM does (measured)."""
    bits, long_mode = guest.address_bits, guest.cpu.long_mode
    hole_counts = counts_hole(guest.machine_model, guest.cpu)
    end, least = address_end(guest.machine_model, guest), least_phys_bits(guest.machine_model, guest)
    if least <= bits or (_unknown_bits(guest) and least <= MOST_PHYS_BITS):
        return
    ways = []
    if least <= MOST_PHYS_BITS:
        ways.append(f"phys_bits of at least {least}, where the CPU has them" if long_mode else "a 64-bit cpu")
    hole = _largest_hole(guest, bits) if hole_counts else None
    if hole is not None:
        ways.append(f"pci_hole64 of at most {hole // GIB}GiB")
    ways.append("less memory" if guest.max_memory is None else "less max_memory")
    name = _to_blame(guest)
    what = "RAM and the 64-bit hole behind it end" if hole_counts else "RAM ends"
    raise Refused(
        field_of(guest, name),
        f"{getattr(guest, name)}, but {what} at {end:#x}, beyond the {bits} address "
        f"bits of the CPU, so that QEMU does not start: say {', or '.join(ways)}",
    )


def check_ovmf_addresses(guest: GuestFields) -> None:
    """OVMF never boots where RAM leaves no place for 64-bit memory in the addresses that it uses (measured)."""
    if guest.firmware.name != "ovmf" or not guest.cpu.long_mode or _unknown_bits(guest):
        return
    machine, version = guest.machine_model, guest.firmware.number
    addresses = ovmf_addresses(machine, guest, version)
    if addresses.boots or least_phys_bits(machine, guest) > guest.address_bits:
        return
    more = (guest.model_copy(update={"phys_bits": bits}) for bits in range(guest.address_bits + 1, MOST_PHYS_BITS + 1))
    enough = (one.phys_bits for one in more if ovmf_addresses(machine, one, version).boots)
    ways = [f"phys_bits of at least {bits}, where the CPU has them" for bits in islice(enough, 1)]
    ways += [] if guest.pdpe1gb else ["a cpu with 1 GiB pages (pdpe1gb)"]
    ways.append("less memory" if guest.max_memory is None else "less max_memory")
    name = _to_blame(guest)
    raise Refused(
        field_of(guest, name),
        f"{getattr(guest, name)}, but OVMF's 64-bit memory behind RAM ends at {addresses.end:#x}, beyond the "
        f"{addresses.bits} address bits that it uses of this CPU, so that it never boots: say {', or '.join(ways)}",
    )


def check_cpu(guest: GuestFields) -> None:
    """A model that QEMU has, and nothing said twice in different ways."""
    cpu = guest.cpu
    if cpu.model is not None and cpu.model not in cpu_models():
        raise Refused(
            field_of(guest, "cpu", "model"),
            f"{short(cpu.model)} is no CPU model of QEMU's that is known here{nearest(cpu.model, cpu_models())}; or "
            "leave it out, and say its vendor and phys_bits",
        )
    if cpu.model is not None and cpu.host:
        raise Refused(
            field_of(guest, "cpu", "host"), f"true, but the model is {cpu.model}, none of the host's: leave one out"
        )
    for name in ("phys_bits", "pdpe1gb"):
        said = getattr(cpu, name)
        if said is not None:
            raise Refused(
                field_of(guest, "cpu", name),
                f"{said}, but {name} of the guest is {getattr(guest, name)}, and both are the same: say one of them",
            )
    if guest.phys_bits is not None and not cpu.long_mode:
        raise Refused(
            field_of(guest, "phys_bits"),
            f"{guest.phys_bits}, but a 32-bit CPU takes none, and has {guest.address_bits}: leave it out, or say a "
            "64-bit cpu",
        )


def _unknown_bits(guest: GuestFields) -> bool:
    return guest.has_bits_of_host and "phys_bits" not in guest.model_fields_set


def _to_blame(guest: GuestFields) -> str:
    """The field that says most of why: bits, hole or RAM, whichever is stated."""
    names = ("phys_bits", "pci_hole64", "max_memory")
    return next((name for name in names if getattr(guest, name) is not None), "memory")


def _largest_hole(guest: GuestFields, bits: int) -> int | None:
    """The largest 64-bit hole, in bytes and whole GiB, with which a CPU of so many address bits starts; None where
    none is small enough.

    One that ends at AMD's reserved addresses keeps RAM from giving way to them.
    """

    def end(hole: int) -> int:
        ram = RamSizes(guest.memory, guest.max_memory, guest.memory_slots, hole, guest.cpu)
        return address_end(guest.machine_model, ram)

    for most in (1 << bits, AMD_RESERVED[0]):
        hole = most - end(0)
        if hole >= 0 and end(hole) <= 1 << bits:
            return hole
    return None
