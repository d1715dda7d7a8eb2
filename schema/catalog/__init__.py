"""What is known of each QEMU device model: how it connects, its BARs, whether it can be hot-plugged.

The facts are data: `devices.json` is measured on real QEMUs by `generate.py`, `unmeasured.json` is written by hand for
what cannot be measured there, `excluded.json` names what is no endpoint that a layout could place, each with its
source or reason. Nothing is read before it is asked for.
"""

from collections.abc import Mapping
from dataclasses import replace
from functools import cache
from types import MappingProxyType
from typing import Final, Literal

from ..pci.machine_types import Version
from .bar import ModelBar as ModelBar
from .load import load_excluded, load_measured, load_models, version_of
from .model import Companion as Companion
from .model import DeviceModel as DeviceModel
from .model import UnknownBars as UnknownBars
from .model import UnknownModel as UnknownModel
from .model import VirtioModel as VirtioModel

HOT_PLUGGED = frozenset({"network", "block", "scsi", "nvme", "host", "filesystem", "vsock", "crypto", "memory"})
"""Categories whose devices come and go in a running guest: NICs, disks, HBAs and host devices; and what serves one
workload rather than the machine itself (a shared folder, a socket, a crypto unit, a memory module)."""


VIOMMUS: Final = frozenset({"amd-iommu", "virtio-iommu"})
"""Models that are the guest's IOMMU. An intel-iommu has no PCI function."""
SINGLE: tuple[frozenset[str], ...] = (frozenset({"qxl-vga"}), frozenset({"vmware-svga"}), VIOMMUS)
"""Models of which QEMU takes one: "primary qxl-vga device must be console 0", "RAMBlock already registered", "QEMU does
not support multiple vIOMMUs for x86 yet". Any two other displays may be there (every pair measured:
tests/real/test_properties.py)."""
GLOBAL_VGA = frozenset({"VGA", "cirrus-vga", "qxl-vga", "vmware-svga"})
GLOBAL_VGA_UNTIL = (3, 0)
"""On machine types before: "Only one global VGA device can be used at a time" (measured from 2.3
up: tests/real/test_properties.py)."""


def exclusive(version: tuple[int, int] | None) -> tuple[frozenset[str], ...]:
    """Sets of models of each of which a guest has one device at most; `version` is the machine type's."""
    return (GLOBAL_VGA, *SINGLE) if version is not None and version < GLOBAL_VGA_UNTIL else SINGLE


@cache
def models() -> Mapping[str, DeviceModel]:
    """Every known endpoint model by its catalogue name, sorted."""
    return MappingProxyType(load_models())


@cache
def measured_qemus() -> tuple[Version, ...]:
    """Versions of QEMU on which the models were measured, oldest first."""
    return tuple(map(version_of, load_measured()))


@cache
def excluded() -> Mapping[str, str]:
    """QEMU's other PCI device types (bridges, chipset functions ...) and why they are no endpoints here."""
    return MappingProxyType(load_excluded())


def find(name: str, *, described: bool = False) -> DeviceModel:
    """The model of that catalogue name; raises UnknownModel, a KeyError.

    With `described` the request states connector and BARs: any other name is then taken for QEMU's device type, and as
    a host device for all else (what `excluded` lists is refused all the same).

    >>> find("virtio-net").driver, find("my-card", described=True).category
    ('virtio-net-pci', 'host')
    """
    known = models().get(name)
    if known is not None:
        return known
    if described and name not in excluded():
        return replace(models()["vfio-pci"], name=name, driver=name, source="the request")
    raise UnknownModel(name, nearest(name), excluded().get(name, ""))


MODE_OF_SUFFIX: Mapping[str, str] = {"-non-transitional": "modern", "-transitional": "transitional"}
"""How QEMU's names of virtio device types end, and the modes that these say."""


def named_by_qemu(name: str) -> tuple[str, str | None] | None:
    """The catalogue name of a device type by QEMU's own name, and the virtio mode that this says; None where it is the
    same name, or no such type.

    >>> named_by_qemu("virtio-net-pci"), named_by_qemu("virtio-blk-pci-transitional")
    (('virtio-net', None), ('virtio-blk', 'transitional'))
    """
    if name in models():
        return None
    suffix = next((one for one in MODE_OF_SUFFIX if name.endswith(one)), "")
    model = _drivers().get(name.removesuffix(suffix))
    if model is None or (suffix and (model.virtio is None or MODE_OF_SUFFIX[suffix] not in model.virtio.suffixed)):
        return None
    return model.name, MODE_OF_SUFFIX.get(suffix)


@cache
def _drivers() -> Mapping[str, DeviceModel]:
    """Virtio models, whose names here are shorter than QEMU's, by QEMU's."""
    return {model.driver: model for model in models().values() if model.virtio is not None}


def nearest(name: str) -> tuple[str, ...]:
    """Up to three catalogue names that may have been meant, best first. A QEMU driver's own name finds its model.

    >>> nearest("virtio-net-pci-transitional")[0], nearest("lsi53c895")[0]
    ('virtio-net', 'lsi53c895a')
    """
    from difflib import get_close_matches

    driver = name.removesuffix("-transitional").removesuffix("-non")
    exact = [model.name for model in models().values() if driver in (model.name, model.driver)]
    plain = {known.casefold(): known for known in models()}
    close = [plain[match] for match in get_close_matches(name.casefold(), list(plain), n=3)]
    return tuple(dict.fromkeys(exact + close))[:3]


def default_hotplug(model: DeviceModel) -> Literal["preferred", "never"]:
    """The hot-plug need of a device whose request states none.

    Never for what QEMU cannot hot-plug, and for what belongs to the machine itself: video, audio, USB, SATA, IDE and
    serial controllers, watchdog, shared memory, balloon, rng, input, iommu, panic and the miscellaneous rest.

    >>> default_hotplug(find("virtio-net")), default_hotplug(find("qxl"))
    ('preferred', 'never')
    """
    return "preferred" if model.hotpluggable and model.category in HOT_PLUGGED else "never"
