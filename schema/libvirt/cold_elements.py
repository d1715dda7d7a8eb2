"""Elements of domain XML for devices that are there when the guest starts, and that libvirt does not plug."""

from collections.abc import Collection
from typing import Final

from ..layout.layout import Layout, PlacedDevice
from ..pci.controllers import VirtioMode
from ..pci.qemu_properties import integer
from ..request.resolved import plain_is_legacy
from .elements import DeviceElement, free_index
from .kinds import COMPANIONS, SECONDARY, SOUND, USB, VIDEO
from .splice import SourceError, quoted, written
from .write import WRITTEN

PRIMARY: Final = {model: word for word, model in VIDEO.items() if model is not None}
SECOND: Final = {second: PRIMARY[first] for first, second in SECONDARY.items() if first in PRIMARY}
SOUND_WORDS: Final = {model: word for word, model in SOUND.items() if model is not None}
USB_WORDS: Final = {model: word for word, model in USB.items() if model is not None and word}
VIDEO_MEMORY: Final = {
    "VGA": {"vram": "vgamem_mb"},
    "qxl-vga": {"ram": "ram_size_mb", "vram": "vram_size_mb", "vgamem": "vgamem_mb"},
}
"""Attributes in KiB, and the properties in MiB that they are."""
PLAIN: Final = {
    "virtio-iommu": "<iommu model='virtio'/>",
    "amd-iommu": "<iommu model='amd'/>",
    "pvpanic-pci": "<panic model='pvpanic'/>",
    "virtio-crypto": "<crypto model='virtio' type='qemu'>\n  <backend model='builtin' queues='1'/>\n</crypto>",
}


def cold_element(layout: Layout, device: PlacedDevice, used: Collection[str]) -> DeviceElement | None:
    """The element, without its address; None where there is none here. `used` are the names of controllers that are
    there already. Raises SourceError where an element would be another device than that."""
    model = device.model
    if device.virtio is VirtioMode.LEGACY and not plain_is_legacy(layout.machine_model):
        return None
    if model in PRIMARY or model in SECOND:
        return _video(layout, device)
    if model in SOUND_WORDS:
        return DeviceElement(f"<sound model='{SOUND_WORDS[model]}'/>")
    if model in USB_WORDS and _is_whole(layout, device):
        return DeviceElement(_usb(layout, device, used))
    if model == "ich9-ahci":
        first = 1 if layout.machine_model.family == "q35" else 0
        return DeviceElement(f"<controller type='sata' index='{free_index('sata', used, first)}'/>")
    if model == "virtio-serial":
        number = free_index("virtio-serial", used)
        return DeviceElement(f"<controller type='virtio-serial' index='{number}'{_mode(device)}/>")
    if model == "virtio-balloon":
        word = WRITTEN.get(device.virtio, "virtio") if device.virtio else "virtio"
        return DeviceElement(f"<memballoon model='{word}'/>")
    if model == "virtio-9p":
        tag = str(device.properties.get("mount_tag", device.id))
        inside = f"  <source dir='/srv/{device.id}'/>\n  <target dir={quoted(tag)}/>"
        told = f"/srv/{device.id} is a stand-in: say which folder"
        return DeviceElement(f"<filesystem type='mount'{_mode(device)}>\n{inside}\n</filesystem>", (told,))
    if model == "virtio-iommu" and (layout.machine_model.family == "pc" or not layout.platform.chipset.acpi):
        return None  # libvirt has it on q35 with ACPI alone
    if model == "amd-iommu" and device.properties:
        words = f"{device.id}: domain XML has no words for {', '.join(device.properties)} of an amd-iommu"
        raise SourceError(f"{words}, without which QEMU takes other devices beside it: take --to argv")
    return DeviceElement(PLAIN[model]) if model in PLAIN else None


def _mode(device: PlacedDevice) -> str:
    return f" model='{WRITTEN[device.virtio]}'" if device.virtio in WRITTEN else ""


def _video(layout: Layout, device: PlacedDevice) -> DeviceElement | None:
    """None for what libvirt would make another model of: a second one of a kind that can only be the first, or a second
    without a first."""
    first = next((one.id for one in layout.devices if one.model in PRIMARY), None)
    if device.id != first and (first is None or device.model in (*SECONDARY, "bochs-display")):
        return None
    words = {"type": PRIMARY.get(device.model) or SECOND[device.model]}
    words |= {"primary": "yes"} if device.id == first else {}
    for attribute, name in VIDEO_MEMORY.get(device.model, {}).items():
        if (size := integer(device.properties, name)) is not None:
            words[attribute] = str(size << 10)
    return DeviceElement(f"<video>\n  <model{written(words)}/>\n</video>")


def _is_whole(layout: Layout, device: PlacedDevice) -> bool:
    """Whether a companion of USB 2 has its ehci1 in its slot: libvirt refuses it without. Any other is whole."""
    if device.model not in COMPANIONS:
        # the first piix3-uhci of a pc would be the chipset's
        return device.model != "piix3-usb-uhci" or layout.machine_model.family != "pc"
    beside = {one.model for one in layout.devices if (one.bus, one.slot) == (device.bus, device.slot)}
    return "ich9-usb-ehci1" in beside


def _usb(layout: Layout, device: PlacedDevice, used: Collection[str]) -> str:
    """Those of USB 2 that share a slot are one controller."""
    number = free_index("usb", used)
    if device.model in COMPANIONS:
        slots = [(one.bus, one.slot) for one in layout.devices if one.model in COMPANIONS and _is_whole(layout, one)]
        plain = [one for one in layout.devices if one.model in USB_WORDS and one.model not in COMPANIONS]
        others = sum(1 for one in plain if _is_whole(layout, one))
        number = others + list(dict.fromkeys(slots)).index((device.bus, device.slot))
    return f"<controller type='usb' index='{number}' model='{USB_WORDS[device.model]}'/>"
