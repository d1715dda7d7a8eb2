"""A placed device -> the element of domain XML that stands for it, without its address.

What belongs to the host and no layout says (which network, which image) has a stand-in; each is named. Properties of
QEMU that an attribute stands for are written; others have no words in domain XML.
"""

from collections.abc import Callable, Collection, Mapping, Set
from itertools import count
from typing import Final, NamedTuple

from ..layout.layout import PlacedDevice
from ..pci.controllers import VirtioMode
from ..pci.host_address import HostAddress
from ..pci.qemu_properties import VIRTIO_SWITCHES, as_text, is_on
from ..pci.size import KIB, MIB
from .disks import disk_name
from .kinds import NETWORK, SCSI
from .live import UNPLUGGED
from .splice import SourceError, parse, quoted
from .write import WRITTEN

MADE_BY_LIBVIRT: Final = frozenset({"netdev", "drive", "chardev", "memdev", "audiodev", "fsdev", "cryptodev", "rng"})
"""Properties that name what QEMU has beside the device: libvirt makes those itself, of what its element says."""
ONCE_A_DOMAIN: Final = frozenset({"iommu", "memballoon", "vsock", "watchdog"})
"""Tags of devices that a domain has once: libvirt refuses another (newer ones take several watchdogs)."""
BLOCK: Final = 2 * MIB
"""Of virtio-mem: what it grows and shrinks by, at least."""


class DeviceElement(NamedTuple):
    """An element, and which of its words stand in for what nobody has said: attribute by attribute, as sentences."""

    text: str
    stand_ins: tuple[str, ...] = ()


def told_once(text: str) -> Set[str]:
    """The tag of an element, where a domain has that once."""
    return ONCE_A_DOMAIN & {parse(text.encode()).tag}


class _Opened(NamedTuple):
    """A start tag and what is inside it; `model` is where its virtio mode is written, if anywhere: in the start tag
    (`tag`), or in an element of its own (`inside`)."""

    start: str
    inside: tuple[str, ...] = ()
    model: str = ""
    stand_ins: tuple[str, ...] = ()


Make = Callable[[PlacedDevice, Collection[str]], _Opened]


def element_of(device: PlacedDevice, used: Collection[str] = (), *, plain: VirtioMode | None = None) -> DeviceElement:
    """The element; `used` are names that the domain has already: of disks, and aliases. `plain` is the mode that plain
    virtio has in its slot. Raises SourceError for what domain XML has no words for."""
    parts = MAKERS[device.model](device, used)
    word = _mode(device, plain, has_model=bool(parts.model))
    properties, dropped = _properties(device)
    start, inside = parts.start, [*parts.inside, *properties]
    if parts.model == "tag":
        start += f" model='{word}'"
    elif parts.model == "inside":
        inside.insert(0, f"<model type='{word}'/>")
    tag = parts.start.split()[0]
    if device.id.startswith("ua-"):
        inside.append(f"<alias name={quoted(device.id)}/>")
    lines = "".join(f"  {line}\n" for line in inside)
    return DeviceElement(f"<{start}>\n{lines}</{tag}>\n" if inside else f"<{start}/>\n", (*parts.stand_ins, *dropped))


def why_no_element(model: str) -> str | None:
    """Why there is no element that libvirt would plug; None where there is one."""
    if model in MAKERS:
        return None
    return f"{model}: {UNPLUGGED.get(model, 'domain XML has no element for it')}: plug it over QMP"


def _mode(device: PlacedDevice, plain: VirtioMode | None, *, has_model: bool) -> str:
    """The word that makes the mode: plain `virtio` where neither its device type nor a property says it."""
    told = device.driver.endswith("-transitional") or bool({*VIRTIO_SWITCHES} & {*device.properties})
    if device.virtio is None or (device.virtio is plain and (not told or not has_model)):
        return "virtio"
    if device.virtio not in WRITTEN or not has_model:
        raise SourceError(f"{device.model}: virtio {device.virtio}: domain XML has no word for it: plug it over QMP")
    return WRITTEN[device.virtio]


def _properties(device: PlacedDevice) -> tuple[list[str], list[str]]:
    """Elements for its properties, and what is said otherwise. Raises SourceError for one without words."""
    lines, told = [], []
    for name, value in device.properties.items():
        if name in (*VIRTIO_SWITCHES, *OWN.get(device.model, ())) or (name == "vectors" and "mq" in device.properties):
            continue
        if name == "mq" and (queues := _queues(device)):
            lines.append(f"<driver queues='{queues}'/>")
            continue
        if name in MADE_BY_LIBVIRT:
            told.append(f"{name} {as_text(value)} is left out: libvirt makes it of what the element says")
        elif (write := STATED_BY.get(name)) is not None:
            lines.append(write.format(quoted(as_text(value))))
        elif name == "rombar":
            lines.append(f"<rom bar='{'on' if is_on(device.properties, name) else 'off'}'/>")
        else:
            raise SourceError(f"{device.model}: domain XML has no words for the property {name}: plug it over QMP")
    return lines, told


def _queues(device: PlacedDevice) -> int:
    """How many pairs of queues its vectors are for, as libvirt counts them; 0 where that is not said."""
    vectors = device.properties.get("vectors")
    return (vectors - 2) // 2 if is_on(device.properties, "mq") and isinstance(vectors, int) and vectors >= 6 else 0


STATED_BY: Final[Mapping[str, str]] = {
    "mac": "<mac address={}/>",
    "acpi-index": "<acpi index={}/>",
    "bootindex": "<boot order={}/>",
    "host_mtu": "<mtu size={}/>",
}
"""QEMU's properties, and the elements that stand for them."""
OWN: Final = {"vfio-pci": ("host", "sysfsdev"), "vhost-vsock": ("guest-cid",), "vhost-user-fs": ("tag",)}
"""Properties that are what the device is."""


def _interface(name: str) -> Make:
    more, model = ([], "inside") if name == "virtio-net" else ([f"<model type='{name}'/>"], "")
    told = "type user is a stand-in: say which network it is on"
    return lambda _device, _used: _Opened("interface type='user'", tuple(more), model, (told,))


def _scsi(name: str) -> Make:
    def make(device: PlacedDevice, used: Collection[str]) -> _Opened:
        if name == "virtio-scsi" and device.driver.endswith("-transitional"):
            return _Opened(f"controller type='scsi' index='{free_index('scsi', used)}'", model="tag")
        return _Opened(f"controller type='scsi' index='{free_index('scsi', used)}' model='{name}'")

    return make


def _disk(sort: str, source: str) -> Make:
    def make(device: PlacedDevice, used: Collection[str]) -> _Opened:
        name = next(name for number in count() if (name := disk_name(number)) not in used)
        driver = ["<driver name='qemu' type='raw'/>"]
        where = source.format(device.id)
        told = f"{where} is a stand-in: say where its image is", f"target {name} is the first name that is free"
        lines = (*driver, f"<source {where}/>", f"<target dev='{name}' bus='virtio'/>")
        return _Opened(f"disk type='{sort}' device='disk'", lines, "tag", told)

    return make


def free_index(sort: str, used: Collection[str], first: int = 0) -> int:
    """The least index, from `first` on, that no controller of that type has."""
    return next(number for number in count(first) if f"{sort}{number}" not in used)


def _host(device: PlacedDevice, _used: Collection[str]) -> _Opened:
    """A device of the host by its address, a mediated one by its UUID."""
    if mediated := str(device.properties.get("sysfsdev", "")):
        source = f"<source><address uuid={quoted(mediated.rstrip('/').rpartition('/')[2])}/></source>"
        return _Opened("hostdev mode='subsystem' type='mdev' model='vfio-pci'", (source,))
    host = HostAddress.parse(str(device.properties.get("host", "")))
    if host is None:
        raise SourceError(f"{device.id}: which device of the host? Say properties: {{host: '0000:3b:00.0'}}")
    numbers = zip(host._fields, ("{:#06x}", "{:#04x}", "{:#04x}", "{:#x}"), host, strict=True)
    place = " ".join(f"{name}='{form.format(value)}'" for name, form, value in numbers)
    told = "managed='yes': libvirt takes it from the host's driver, and gives it back"
    return _Opened(
        "hostdev mode='subsystem' type='pci' managed='yes'", (f"<source><address {place}/></source>",), "", (told,)
    )


def _vsock(device: PlacedDevice, _used: Collection[str]) -> _Opened:
    cid = device.properties.get("guest-cid")
    line = "<cid auto='yes'/>" if cid is None else f"<cid auto='no' address='{as_text(cid)}'/>"
    return _Opened("vsock", (line,), "tag")


def _filesystem(device: PlacedDevice, _used: Collection[str]) -> _Opened:
    tag = quoted(as_text(device.properties.get("tag", device.id)))
    lines = ("<driver type='virtiofs'/>", f"<source dir='/srv/{device.id}'/>", f"<target dir={tag}/>")
    return _Opened("filesystem type='mount'", lines, "", (f"/srv/{device.id} is a stand-in: say which folder",))


def _shmem(device: PlacedDevice, _used: Collection[str]) -> _Opened:
    """How large one is that a server shares, the server says."""
    model, start = f"<model type='{device.model}'/>", f"shmem name={quoted(device.id)}"
    if device.model == "ivshmem-doorbell":
        path = f"/run/{device.id}.sock"
        listens = f"{path} is a stand-in: say where its server listens"
        return _Opened(start, (model, f"<server path='{path}'/>"), "", (listens,))
    size = next((bar.size for bar in device.bars or () if bar.bar == 2), 4 * MIB)
    told = () if device.bars else ("4 MiB are a stand-in: say how large it is",)
    return _Opened(start, (model, f"<size unit='KiB'>{size // KIB}</size>"), "", told)


def _memory(device: PlacedDevice, _used: Collection[str]) -> _Opened:
    told = ("128 MiB on node 0 are a stand-in: say how much, and where",)
    if device.model == "virtio-pmem":
        path = f"<source>\n    <path>/srv/{device.id}</path>\n  </source>"
        lines = (path, f"<target>\n    <size unit='KiB'>{128 * MIB // KIB}</size>\n  </target>")
        return _Opened("memory model='virtio-pmem' access='shared'", lines, "", (*told, f"so is /srv/{device.id}"))
    sizes = {"size": 128 * MIB, "block": BLOCK, "requested": 0}
    inside = [f"<{name} unit='KiB'>{value // KIB}</{name}>" for name, value in sizes.items()]
    inside.insert(1, "<node>0</node>")
    text = "".join(f"    {line}\n" for line in inside)
    return _Opened("memory model='virtio-mem'", (f"<target>\n{text}  </target>",), "", told)


def _fixed(start: str, *inside: str, model: str = "", told: str = "") -> Make:
    return lambda _device, _used: _Opened(start, inside, model, (told,) if told else ())


MAKERS: Final[dict[str, Make]] = {
    **{name: _interface(name) for name in ("virtio-net", *filter(None, NETWORK.values()))},
    **{model: _scsi(word) for word, model in SCSI.items() if model and word not in ("", "auto")},
    "virtio-scsi": _scsi("virtio-scsi"),
    "virtio-blk": _disk("file", "file='/var/lib/libvirt/images/{}.img'"),
    "vhost-user-blk": _disk("vhostuser", "type='unix' path='/run/{}.sock'"),
    "vfio-pci": _host,
    "vhost-vsock": _vsock,
    "vhost-user-fs": _filesystem,
    "ivshmem-plain": _shmem,
    "ivshmem-doorbell": _shmem,
    "virtio-mem": _memory,
    "virtio-pmem": _memory,
    "vhost-scsi": _fixed(
        "hostdev mode='subsystem' type='scsi_host'",
        "<source protocol='vhost' wwpn='naa.5123456789abcde0'/>",
        model="tag",
        told="naa.5123456789abcde0 is a stand-in: say which target of the host",
    ),
    "virtio-rng": _fixed("rng", "<backend model='random'>/dev/urandom</backend>", model="tag"),
    "i6300esb": _fixed("watchdog model='i6300esb' action='none'", told="action none: say what is to happen"),
    **{f"virtio-{name}": _fixed(f"input type='{name}' bus='virtio'") for name in ("keyboard", "mouse", "tablet")},
    "virtio-input-host": _fixed(
        "input type='passthrough' bus='virtio'",
        "<source evdev='/dev/input/event0'/>",
        told="/dev/input/event0 is a stand-in: say which device of the host",
    ),
    "pci-serial": _fixed("serial type='pty'", "<target type='pci-serial'/>", told="a pty: say where its line goes"),
}
"""How each model is written that libvirt plugs into a guest that runs."""
