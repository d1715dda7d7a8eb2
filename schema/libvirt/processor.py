"""A domain's RAM and CPU."""

from typing import Any, Final

from ..pci.cpu import cpu_models, vendor_named
from ..pci.ram import RamSizes
from ..pci.size import MIB, align
from .models import bytes_of, scaled
from .splice import Element, SourceError

OF_THE_HOST: Final = ("host-passthrough", "maximum", "host-model")
"""CPU modes whose vendor and address bits are the host's."""


def ram_of(root: Element, first: Element | None) -> RamSizes:
    """RAM at the start, with what can be plugged, and the hole behind it. libvirt goes by the NUMA cells, if any, and
    makes whole MiB of the most. `first` is the root bus. Raises SourceError."""
    stated, most = root.first("memory"), root.first("maxMemory")
    cells = [cell for cell in numa_cells(root) if cell.get("memory")]
    memory = 128 * MIB if stated is None else bytes_of(stated, "kib")
    if cells:
        memory = sum(scaled(cell, cell.get("memory"), "kib") for cell in cells)
    stated_hole = None if first is None else first.first("pcihole64")
    hole = None if stated_hole is None else bytes_of(stated_hole, "kib")
    if most is None:
        return RamSizes(memory, pci_hole64=hole)
    slots = most.get("slots", "0")
    if not slots.isdecimal():
        raise SourceError(f"maxMemory slots {slots!r}: not a number")
    return RamSizes(memory, align(bytes_of(most, "kib"), MIB), int(slots), hole)


def numa_cells(root: Element) -> list[Element]:
    """The domain's NUMA nodes."""
    numa = root.first("cpu", "numa")
    return [] if numa is None else list(numa.all("cell"))


def processor(root: Element) -> dict[str, Any]:
    """Fields of a request: what is said of the CPU; of a model that is not known here only the rest."""
    cpu = _cpu(root) | _bits_of_host(root)
    result: dict[str, Any] = {"cpu": cpu} if cpu else {}
    bits = _stated_bits(root)
    if bits is not None:
        result["phys_bits"] = bits
    large_pages = _has_large_pages(root)
    return result if large_pages is None else result | {"pdpe1gb": large_pages}


def _cpu(root: Element) -> dict[str, Any]:
    """The host's own, or a model; and the vendor where it is said.

    The element `vendor` is the host's, which KVM gives the guest, too.
    """
    cpu = root.first("cpu")
    if cpu is None:
        return {}
    model = cpu.first("model")
    name = "" if model is None else model.text.strip()
    seen = "" if model is None else model.get("vendor_id")
    of_host = cpu.first("vendor")
    if not seen and of_host is not None and root.get("type") == "kvm":
        seen = of_host.text
    vendor = {"vendor": vendor_named(seen.strip())} if seen else {}
    if cpu.get("mode") in OF_THE_HOST:
        return {"host": True, **vendor}
    if name in cpu_models():
        return {"model": name, **vendor}
    return dict(vendor)


def _stated_bits(root: Element) -> int | None:
    stated = root.first("cpu", "maxphysaddr")
    emulated = stated is not None and stated.get("mode") == "emulate" and stated.get("bits").isdecimal()
    return int(stated.get("bits")) if stated is not None and emulated else None


def _bits_of_host(root: Element) -> dict[str, Any]:
    """A CPU mode that gives the host's says them by itself."""
    stated = root.first("cpu", "maxphysaddr")
    if stated is None or stated.get("mode") != "passthrough":
        return {}
    passed: dict[str, Any] = {} if root.value("cpu", name="mode") in OF_THE_HOST else {"host_phys_bits": True}
    limit = stated.get("limit")
    return passed | ({"host_phys_bits_limit": int(limit)} if limit.isdecimal() else {})


def _has_large_pages(root: Element) -> bool | None:
    """What the domain says of 1 GiB pages; None where nothing but its model does."""
    cpu = root.first("cpu")
    for feature in () if cpu is None else cpu.all("feature"):
        if feature.get("name") == "pdpe1gb":
            return feature.get("policy", "require") in ("require", "force", "optional")
    return None
