"""What libvirt plugs into a domain that runs, and takes out of it.

Source: libvirt 9.0, whose embedded driver ran a QEMU: tests/real/test_libvirt_hotplug.py. What 9.0 refuses is refused,
though 11.3 takes a virtio-serial controller: nothing says which libvirt runs the domain.
"""

from typing import Final

from .kinds import CONTROLLER_TYPES, IOMMU, PANIC, SECONDARY, SOUND, USB, VIDEO, Kinds
from .splice import Element

LIVE: Final = frozenset(
    {"disk", "interface", "controller", "hostdev", "rng", "watchdog", "input", "vsock", "shmem", "serial", "memory"}
    | {"filesystem"}
)
"""Elements of PCI devices that libvirt attaches to a domain that runs, and detaches."""


ONLY_SCSI: Final = "of controllers libvirt attaches and detaches those of type scsi alone while the guest runs"
ONLY_VIRTIOFS: Final = "of file systems libvirt attaches and detaches virtiofs alone while the guest runs"


def why_not_live(element: Element) -> str | None:
    """Why libvirt neither attaches nor detaches such a device while the guest runs; None where it does."""
    if element.tag not in LIVE:
        return _no(element.tag)
    if element.tag == "controller" and element.get("type") != "scsi":
        return ONLY_SCSI
    if element.tag == "filesystem" and element.value("driver", name="type") != "virtiofs":
        return ONLY_VIRTIOFS
    return None


def _no(tag: str) -> str:
    return f"libvirt attaches and detaches no <{tag}> while the guest runs"


def _models(kinds: Kinds) -> set[str]:
    return set(filter(None, kinds.values()))


UNPLUGGED: Final = {
    **dict.fromkeys({*_models(USB), *_models(CONTROLLER_TYPES), "virtio-serial"}, ONLY_SCSI),
    **dict.fromkeys({*_models(VIDEO), *SECONDARY.values(), *SECONDARY}, _no("video")),
    **dict.fromkeys(_models(SOUND), _no("sound")),
    **dict.fromkeys(_models(IOMMU), _no("iommu")),
    **dict.fromkeys(_models(PANIC), _no("panic")),
    "virtio-balloon": _no("memballoon"),
    "virtio-9p": ONLY_VIRTIOFS,
    "virtio-crypto": _no("crypto"),
    "acpi-erst": _no("pstore"),
}
"""Models that domain XML can say and libvirt does not plug into a guest that runs, and why."""
