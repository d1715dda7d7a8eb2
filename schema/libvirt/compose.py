"""A layout -> domain XML that has not been there before: enough to define the guest, with stand-ins for what a layout
does not say of the host."""

from collections.abc import Collection, Iterator, Mapping
from typing import Final, NamedTuple

from ..layout.layout import Layout, PlacedDevice
from ..layout.topology import Topology, topology_of
from ..pci.qemu_properties import VIRTIO_SWITCHES
from ..qemu_arguments import completed
from .cold_elements import cold_element
from .controllers import ROOTS
from .elements import MADE_BY_LIBVIRT, MAKERS, OWN, STATED_BY, DeviceElement, element_of, told_once
from .override import NAMESPACE
from .splice import Edits, SourceError, indented, parse, quoted, written
from .write import plain_virtio, write

TOLD_BY_ELEMENTS: Final = frozenset({*STATED_BY, *MADE_BY_LIBVIRT})
"""Properties that elements say in words of their own, so that nobody reads them back."""
HAVE_WORDS: Final = TOLD_BY_ELEMENTS | {*VIRTIO_SWITCHES, "rombar", "mq", "vectors"}


class Composed(NamedTuple):
    """The document, and what stands in it for what nobody has said, or is said by QEMU's own arguments, a line each."""

    data: bytes
    before: bytes
    """The same without addresses and new controllers."""
    notes: tuple[str, ...]


def compose(layout: Layout, needs: Collection[str] = (), name: str = "guest") -> Composed:
    """The domain that the layout is of. `needs` are the request's. Raises SourceError."""
    elements: list[str] = []
    arguments: dict[str, str] = {}
    notes: list[str] = []
    used: set[str] = set()
    tags: set[str] = set()
    topology = topology_of(layout.machine_model, layout)
    for device in layout.devices:
        element = _element(layout, topology, device, used)
        once = frozenset() if element is None else told_once(element.text)
        if element is None or once & tags:
            arguments[device.id] = _argument(device)
            notes.append(f"{device.id} ({device.model}): an argument of <qemu:commandline>, for want of an element")
        else:
            tags |= once
            text = _named(element.text, device.id)
            used |= _names(text)
            elements.append(text)
            notes += [f"{device.id}: {words}" for words in element.stand_ins]
    elements += _without(layout, elements, needs)
    if layout.devices:
        notes.append("ids: libvirt gives devices its own, but for those that begin with ua-")
    before = _document(layout, name, needs, elements, arguments.values()).encode()
    return Composed(write(_by_elements(layout, arguments), before).data, before, tuple(notes))


def _by_elements(layout: Layout, arguments: Collection[str]) -> Layout:
    """The layout whose virtio modes are all said by elements, but for what is an argument."""
    devices = tuple(
        one if one.id in arguments else _with_properties(one, one.properties.keys() - {*VIRTIO_SWITCHES})
        for one in layout.devices
    )
    return layout.model_copy(update={"devices": devices})


def _with_properties(device: PlacedDevice, names: Collection[str]) -> PlacedDevice:
    """The device with no others than these."""
    kept = {name: value for name, value in device.properties.items() if name in names}
    return device.model_copy(update={"properties": kept})


def _element(layout: Layout, topology: Topology, device: PlacedDevice, used: Collection[str]) -> DeviceElement | None:
    """None for what domain XML has no words for."""
    cold = cold_element(layout, device, used)
    if cold is not None or device.model not in MAKERS:
        return cold
    plain = plain_virtio(device, layout.machine_model, topology)
    known = {*HAVE_WORDS, *OWN.get(device.model, ())}
    try:
        return element_of(_with_properties(device, known), used, plain=plain)
    except SourceError:
        return None


def _named(text: str, name: str) -> str:
    element, edits = parse(text.encode()), Edits(text.encode())
    if element.first("alias") is None:
        edits.append(element, f"<alias name={quoted(name)}/>")
    return edits.apply().decode().rstrip()


def _names(text: str) -> set[str]:
    element = parse(text.encode())
    index = {f"{element.get('type')}{element.get('index')}"} if element.get("index") else set()
    return index | {element.value("target", name="dev")} - {""}


def _argument(device: PlacedDevice) -> str:
    return completed(device.driver, {"id": device.id, **device.properties})


def _without(layout: Layout, elements: Collection[str], needs: Collection[str]) -> Iterator[str]:
    """What keeps libvirt from adding devices that the layout does not have, and what it has beside devices."""
    if not any(text.startswith("<memballoon") for text in elements):
        yield "<memballoon model='none'/>"
    usb = any(text.startswith("<controller type='usb'") for text in elements)
    if not usb and not (layout.machine_model.family == "pc" and layout.platform.chipset.usb):
        yield "<controller type='usb' index='0' model='none'/>"
    if "viommu" in needs:
        caching = "on" if layout.platform.chipset.caching_mode else "off"
        yield f"<iommu model='intel'>\n  <driver caching_mode='{caching}'/>\n</iommu>"
    root = _root(layout)
    if root:
        yield root


def _root(layout: Layout) -> str:
    hole, hotplug = layout.platform.pci_hole64, layout.platform.chipset.root_hotplug
    inside = [] if hole is None else [f"  <pcihole64 unit='KiB'>{hole >> 10}</pcihole64>"]
    if layout.machine_model.family == "pc" and not hotplug:
        inside.append("  <target hotplug='off'/>")
    model, _ = ROOTS[layout.machine_model.family]
    lines = [f"<controller type='pci' index='0' model='{model}'>", *inside, "</controller>"]
    return "\n".join(lines) if inside else ""


def _document(
    layout: Layout, name: str, needs: Collection[str], elements: Collection[str], arguments: Collection[str]
) -> str:
    platform = layout.platform
    efi = " firmware='efi'" if layout.firmware.name == "ovmf" else ""
    lines = [f"<name>{name}</name>", f"<memory unit='b'>{platform.memory}</memory>"]
    if platform.max_memory is not None:
        lines.append(f"<maxMemory slots='{platform.memory_slots}' unit='b'>{platform.max_memory}</maxMemory>")
    secure = "\n  <loader secure='yes'/>" if "secure-boot" in needs else ""
    machine = f"<type arch='x86_64' machine={quoted(layout.machine)}>hvm</type>"
    lines += ["<vcpu>1</vcpu>", f"<os{efi}>\n  {machine}{secure}\n</os>"]
    features = [*(["<acpi/>"] if platform.chipset.acpi else []), *(["<smm state='on'/>"] if secure else [])]
    lines += [f"<features>{''.join(features)}</features>", *_processor(layout)]
    devices = "\n".join(["<devices>", *map(indented, elements), "</devices>"])
    tail = [devices]
    opening = "<domain type='kvm'>"
    if arguments:
        words = (word for value in arguments for word in ("-device", value))
        args = "\n".join(f"  <qemu:arg value={quoted(word)}/>" for word in words)
        tail.append(f"<qemu:commandline>\n{args}\n</qemu:commandline>")
        opening = f"<domain type='kvm' xmlns:qemu='{NAMESPACE}'>"
    return "\n".join([opening, *map(indented, [*lines, *tail]), "</domain>", ""])


def _processor(layout: Layout) -> Iterator[str]:
    platform, cpu = layout.platform, layout.platform.cpu
    inside: list[str] = []
    attributes: Mapping[str, str] = {"mode": "host-passthrough"} if cpu.host else {}
    if cpu.model is not None:
        attributes = {"mode": "custom", "match": "exact", "check": "none"}
        inside.append(f"  <model fallback='forbid'>{cpu.model}</model>")
    most = "" if cpu.host_phys_bits_limit is None else f" limit='{cpu.host_phys_bits_limit}'"
    if cpu.host_phys_bits or (cpu.host and most):
        inside.append(f"  <maxphysaddr mode='passthrough'{most}/>")
    elif platform.phys_bits is not None:
        inside.append(f"  <maxphysaddr mode='emulate' bits='{platform.phys_bits}'/>")
    if nodes := platform.numa_nodes:
        share, rest = divmod(platform.memory, nodes)
        first = f"    <cell id='0' cpus='0' memory='{share + rest}' unit='b'/>"
        cells = [first, *(f"    <cell id='{node}' memory='{share}' unit='b'/>" for node in range(1, nodes))]
        inside += ["  <numa>", *cells, "  </numa>"]
    if inside or attributes:
        yield "\n".join([f"<cpu{written(attributes)}>", *inside, "</cpu>"])
