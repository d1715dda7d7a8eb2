"""Machine type, firmware, chipset, RAM and address bits."""

from typing import Final

from ...schema import Guest
from ...schema.pci.cpu import DEFAULT_PHYS_BITS
from ...schema.pci.machine_types import family_of
from ...schema.pci.ram import GIB, TIB, least_phys_bits
from .draft import THEMES, Data, Draft

LATEST: Final = ("7.2", "6.1", "6.0", "7.0")
"""Where something about hot-plug or reserves changed."""
OLDER: Final = (
    *("5.2", "5.1", "5.0", "4.2", "4.1", "4.0", "3.1", "3.0"),
    *("2.12", "2.11", "2.10", "2.9", "2.8", "2.7", "2.6", "2.5", "2.4", "6.2", "7.1"),
)
"""pc-q35 begins with 2.4 in QEMU 7.2."""
FIRMWARE: Final[dict[str, tuple[Data | str, ...]]] = {
    "seabios": (
        "seabios",
        {"name": "seabios", "version": "1.16.3"},
        {"name": "seabios", "version": "1.16.2"},
        {"name": "seabios", "version": "1.16.0"},
    ),
    "ovmf": (
        "ovmf",
        {"name": "ovmf", "version": "2025.02"},
        {"name": "ovmf", "version": "2023.08"},
        {"name": "ovmf", "version": "202311"},
        {"name": "ovmf", "version": "2023.05"},
    ),
}
_MEMORY: Final = (GIB, "2GiB", 3 * GIB, "3500MiB", 4 * GIB, "16GiB", 900 * GIB, TIB)
CPUS: Final[tuple[Data | str, ...]] = ({"vendor": "intel"}, {"vendor": "amd"}, "EPYC", "Haswell", {"host": True})
NEWER_SEABIOS: Final = ("1.16.3", "1.17.0")
"""Which give 64-bit memory from the top of the CPU's addresses, and windows room for more where RAM is above 4 GiB."""
_HOLES: Final = (2 * GIB, 0, "32GiB", 256 * GIB)


def draw_machine(draft: Draft) -> Data:
    """Family and themes of the draft, and the fields of machine, firmware, chipset and memory."""
    draw = draft.draw
    draft.family = draw.choice(draft.wanted.families)
    count = draw.integer(1, 3 if draft.size.small else 6)
    draft.themes = frozenset(draw.weighted(THEMES) for _ in range(count))
    draft.firmware = draw.choice(draft.wanted.firmware)
    data: Data = {"machine": _machine(draft)}
    versions = FIRMWARE[draft.firmware]
    data["firmware"] = draw.choice(versions) if draw.chance(0.4) else versions[0]
    if draw.chance(0.3):
        data["chipset"] = _chipset(draft)
    return data | _addresses(draft, data)


def _machine(draft: Draft) -> str:
    draw = draft.draw
    if draft.wanted.machine is not None:
        draft.version = family_of(draft.wanted.machine)[1]
        return draft.wanted.machine
    versions = draw.weighted({(): 6, LATEST: 5, OLDER: 4})
    if not versions:
        return draft.family
    version = draw.choice(versions)
    major, minor = version.split(".")
    draft.version = int(major), int(minor)
    return f"pc-{'q35' if draft.family == 'q35' else 'i440fx'}-{version}"


def _chipset(draft: Draft) -> Data:
    draw = draft.draw
    chipset: Data = {name: draw.chance(0.5) for name in ("sata", "smbus", "usb")}
    needs_acpi = draft.family == "pc" and draft.firmware == "ovmf"  # it would never boot
    chipset["acpi"] = not draw.chance(0.4) or needs_acpi
    chipset["root_hotplug"] = not draw.chance(0.3)
    if draw.chance(0.3):
        chipset["bridge_hotplug"] = draw.chance(0.5)
    return chipset


def _addresses(draft: Draft, data: Data) -> Data:
    draw = draft.draw
    result: Data = {}
    if draft.themed("memory", 0.6, 0.1):
        result["memory"] = draw.choice(_MEMORY)
    if draft.themed("memory", 0.3, 0.03):
        result["pci_hole64"] = draw.choice(_HOLES)
    stated = draft.themed("memory", 0.7, 0.1)
    if stated and "memory" not in result and draw.chance(0.3):
        result["pci_hole64"] = 0
    plain = Guest.model_validate({"machine": data["machine"], **result, "phys_bits": 52})
    least = max(32, least_phys_bits(plain.machine_model, plain))
    if stated:
        result["phys_bits"] = draw.choice((least, draw.integer(least, 52), max(least, 40), 52))
    elif least > DEFAULT_PHYS_BITS:
        result["phys_bits"] = least
    return result


def draw_cpu(draft: Draft, data: Data) -> Data:
    """The CPU, and a firmware that goes by it: in a third of the guests, drawn last."""
    draw = draft.draw
    if not draft.themed("memory", 0.7, 0.2):
        return {}
    result: Data = {"cpu": draw.choice(CPUS)}
    if draft.firmware == "seabios":
        result["firmware"] = {"name": "seabios", "version": draw.choice(NEWER_SEABIOS)}
        if "memory" not in data and "phys_bits" not in data:
            result["memory"] = draw.choice((GIB, 4 * GIB, 8 * GIB))
    return result
