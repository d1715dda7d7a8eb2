"""What a host knows: machine types, and virtio models in each mode. From libvirt's capabilities, or from versions.

Where capabilities do not say (domain capabilities list models of disks and rng only, and one machine type), versions
decide; a machine type is a lower bound of its QEMU's version. What neither says is unknown, and not relied on.
Sources: what libvirt's own tests record of QEMU 2.4, 2.6, 3.1 and 4.0; release notes of QEMU and libvirt.
"""

import re
from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Final

from ..base import Frozen
from ..pci.controllers import VirtioMode
from ..pci.machine import Family, family_of
from ..request.device import ModeSource

Version = tuple[int, ...]

OLDEST_WITH_TYPES: Final = {"qemu": (4, 0), "libvirt": (5, 2)}
"""From these on there are device types of a mode, and domain XML has models for them."""
SWITCHES: Final = {"qemu": (2, 4), "libvirt": (8, 2)}
"""From these on there are `disable-legacy` and `disable-modern`, and domain XML passes them on (`<qemu:override>`)."""
OLDEST: Final = {"q35": (2, 4), "pc": (1, 4)}
"""Versioned machine types of QEMU 7.2, the newest that has all of them (measured)."""
KEPT: Final = 6
"""Years, and so major versions, for which later ones keep a machine type (docs/about/deprecated.rst)."""
SINCE: Final[dict[str, Version]] = {
    "virtio-gpu": (2, 4), "virtio-vga": (2, 4), "virtio-keyboard": (2, 4), "virtio-mouse": (2, 4),
    "virtio-tablet": (2, 4), "virtio-input-host": (2, 4), "vhost-vsock": (2, 8), "virtio-crypto": (2, 8),
    "vhost-user-scsi": (2, 10), "vhost-user-blk": (2, 12), "virtio-pmem": (4, 1), "vhost-user-gpu": (4, 1),
    "vhost-user-vga": (4, 1), "vhost-user-input": (4, 1), "vhost-user-fs": (4, 2), "virtio-iommu": (5, 0),
    "virtio-mem": (5, 1), "vhost-user-vsock": (5, 1), "virtio-gpu-gl": (6, 1), "virtio-vga-gl": (6, 1),
    "vhost-user-i2c": (6, 2), "vhost-user-rng": (6, 2), "vhost-user-gpio": (7, 2),
}  # fmt: skip
"""QEMU that brought a virtio model; the others are older than what is planned for."""


_STATED = re.compile(r"(?P<program>qemu|libvirt)=(?P<version>\d{1,4}(\.\d{1,4}){0,3})")


class Host(Frozen):
    """A host that the guest runs on or may migrate to."""

    name: str
    """What the user calls it: a file, or its versions."""
    qemu: Version | None = None
    """Version of its QEMU, at least; None where it is not known."""
    libvirt: Version | None = None
    """Version of its libvirt, at least; None where it is not known."""
    managed: bool = False
    """Whether libvirt manages it, of whatever version."""
    machines: frozenset[str] | None = None
    """All its machine types, where they are listed; else None."""
    models: Mapping[str, frozenset[VirtioMode | None]] = {}
    """The modes of each virtio model that is listed: None is the model without a mode, an empty set that there is no
    such model."""

    def has_machine(self, name: str) -> bool | None:
        """Whether it knows that versioned machine type; None where nothing tells."""
        if self.machines is not None:
            return name in self.machines
        if self.qemu is None:
            return None
        family, version = family_of(name)
        if version is None:
            return True  # a bare family is there in every version
        newest = self.qemu[:2]
        oldest = OLDEST[family] if newest <= (7, 2) else max(OLDEST[family], (newest[0] - KEPT, newest[1] + 1))
        return oldest <= version <= newest

    def has_model(self, model: str) -> bool | None:
        """Whether it knows the model, in whatever mode."""
        if model in self.models:
            return bool(self.models[model])
        since = SINCE.get(model, (0,))
        return None if self.qemu is None and since != (0,) else self.qemu is None or self.qemu >= since

    def takes(self, model: str, mode: VirtioMode, means: ModeSource) -> bool | None:
        """Whether the mode of such a device can be said to it by these means.

        A mode that the slot decides can always be had, where the device sits in the right one (rule virtio-slot).
        """
        if means == "slot":
            return self.has_model(model)
        if means == "type":
            return mode in self.models[model] if model in self.models else self._since(OLDEST_WITH_TYPES)
        return self._since(SWITCHES)

    def _since(self, versions: Mapping[str, Version]) -> bool | None:
        """Of both programs, as far as they take part."""
        old = self.qemu is not None and self.qemu < versions["qemu"]
        old |= self.libvirt is not None and self.libvirt < versions["libvirt"]
        if old:
            return False
        return None if self.qemu is None or (self.managed and self.libvirt is None) else True

    def with_versions_of(self, other: "Host") -> "Host":
        """The same host with the versions that the other one states in place of its own."""
        versions = {name: getattr(other, name) for name in ("qemu", "libvirt") if getattr(other, name) is not None}
        return self.model_copy(update=versions)

    @cached_property
    def words(self) -> str:
        """What it is known by: `old.xml (QEMU 3.1 or newer)`."""
        if self.qemu is None or "=" in self.name:
            return self.name
        return f"{self.name} (QEMU {'.'.join(map(str, self.qemu))} or newer)"


def host_of_versions(text: str) -> Host:
    """From `qemu=6.2,libvirt=8.0`, or one of the two. Raises ValueError.

    >>> host_of_versions("qemu=6.2").takes("virtio-net", VirtioMode.TRANSITIONAL, "type")
    True
    """
    versions: dict[str, Version] = {}
    for part in text.split(","):
        match = _STATED.fullmatch(part.strip())
        if match is None or match["program"] in versions:
            raise ValueError(f"{text!r} does not say versions, as qemu=6.2,libvirt=8.0 does")
        versions[match["program"]] = tuple(map(int, match["version"].split(".")))
    qemu, libvirt = versions.get("qemu"), versions.get("libvirt")
    return Host(name=text, qemu=qemu, libvirt=libvirt, managed=libvirt is not None)


def newest_machine(family: Family, hosts: Sequence[Host]) -> str | None:
    """The newest versioned machine type that every host is known to have; None if there is none."""
    chip = "q35" if family == "q35" else "i440fx"
    names = {name for host in hosts for name in host.machines or () if name.startswith(f"pc-{chip}-")}
    names |= {f"pc-{chip}-{'.'.join(map(str, host.qemu[:2]))}" for host in hosts if host.qemu is not None}
    common = [name for name in names if all(host.has_machine(name) for host in hosts)]
    return max(common, key=lambda name: (family_of(name)[1] or (), name), default=None)
