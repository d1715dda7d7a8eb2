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
from ..catalog import models
from ..pci.controllers import VirtioMode
from ..pci.machine_types import Family, MachineType, lists_upstream_names, machine_type
from ..pci.qemu_versions import has_type
from ..request.device import ModeSource

Version = tuple[int, ...]

OLDEST_WITH_TYPES: Final = {"qemu": (4, 0), "libvirt": (5, 2)}
"""From these on there are device types of a mode, and domain XML has models for them."""
SWITCHES: Final = {"qemu": (2, 4), "libvirt": (8, 2)}
"""From these on there are `disable-legacy` and `disable-modern`, and domain XML passes them on (`<qemu:override>`)."""
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
    runs: Version | None = None
    """Version of its QEMU where that is told, by itself or by the list of its machine types; one of them alone tells
    how old it is at most."""
    libvirt: Version | None = None
    """Version of its libvirt, at least; None where it is not known."""
    managed: bool = False
    """Whether libvirt manages it, of whatever version."""
    machines: frozenset[str] | None = None
    """All its machine types but aliases, where they are listed; else None."""
    aliases: Mapping[str, str] = {}
    """What its names for its own newest machine types stand for: `q35` may be a distribution's."""
    machine: str | None = None
    """A machine type that it has, where only one is told; else None."""
    models: Mapping[str, frozenset[VirtioMode | None]] = {}
    """The modes of each virtio model that is listed: None is the model without a mode, an empty set that there is no
    such model."""

    def has_machine(self, name: str) -> bool | None:
        """Whether it knows that machine type; None where nothing tells."""
        if self.machines is not None:
            return name in self.machines or name in self.aliases
        if name == self.machine:
            return True
        asked = machine_type(name)
        if self.qemu is None or asked is None or not asked.known:
            return None
        if asked.vendor is None and asked.version is not None and not lists_upstream_names(self._vendor):
            return False
        if asked.version is None:
            return True if asked.vendor is None else None  # a bare family is there in every version
        return self._has_version(asked)

    def _has_version(self, asked: MachineType) -> bool | None:
        """By its QEMU's version; whether it has a distribution's own types that does not say."""
        assert self.qemu is not None
        assert asked.version is not None
        fits = has_type(self.qemu, asked.family, asked.version)
        return None if fits and asked.vendor is not None else fits

    @property
    def _vendor(self) -> str | None:
        known = None if self.machine is None else machine_type(self.machine)
        return None if known is None else known.vendor

    def has_model(self, model: str) -> bool | None:
        """Whether it knows the model, in whatever mode."""
        if model in self.models:
            return bool(self.models[model])
        known = models().get(model)
        since = (known.since if known is not None else None) or SINCE.get(model, (0,))
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
        told = {name: getattr(other, name) for name in ("qemu", "runs", "libvirt")}
        versions = {name: version for name, version in told.items() if version is not None}
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
    return Host(name=text, qemu=qemu, runs=qemu, libvirt=libvirt, managed=libvirt is not None)


def newest_machine(family: Family, hosts: Sequence[Host]) -> str | None:
    """The newest machine type with a version that every host is known to have; None if there is none. Of those that
    stand for the same version, one that is listed everywhere before one that follows from QEMU's version, and
    upstream's own before a distribution's."""
    chip = "q35" if family == "q35" else "i440fx"
    told = [host.machines or {host.machine} for host in hosts]
    names = {name for one in told for name in one if name is not None}
    names |= {f"pc-{chip}-{'.'.join(map(str, host.qemu[:2]))}" for host in hosts if host.qemu is not None}
    known = [one for one in map(machine_type, names) if one is not None and one.family == family]
    common = [one for one in known if one.version and all(host.has_machine(one.name) for host in hosts)]

    def rank(one: MachineType) -> tuple[Version, bool, bool, int, str]:
        listed = all(one.name in names for names in told)
        return one.version or (), listed, one.vendor is None, -len(one.name), one.name

    return max(common, key=rank).name if common else None


def meant_by(alias: str, hosts: Sequence[Host]) -> str | None:
    """The machine type that an alias stands for on every host that lists its own; None where they differ in that, or
    one is not known to have it."""
    meant = {host.aliases[alias] for host in hosts if alias in host.aliases}
    name = next(iter(meant), None)
    return name if len(meant) == 1 and all(host.has_machine(str(name)) for host in hosts) else None
