"""Random requests: plain data from a `random.Random`, so that a seed names a guest and Hypothesis drives the same code.

What is drawn must be interesting: each guest gets a few themes, and each theme makes something scarce or mixes a
feature in. Lower draws are plainer, so that Hypothesis shrinks towards small guests.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Any, TypeVar

from pydantic import ValidationError
from qslot.schema import Guest
from qslot.schema.catalog import find
from qslot.schema.connect import CONTROLLERS, PCI_ROOT, PCIE_ROOT, BusModel, Need, pin_accepts
from qslot.schema.guest import TERMS

Data = dict[str, Any]
Item = TypeVar("Item")

COMMON = (
    *("virtio-net", "virtio-scsi", "virtio-blk", "virtio-net", "e1000", "rtl8139", "virtio-balloon", "virtio-rng"),
    *("virtio-vga", "VGA", "ich9-usb-ehci1", "ich9-usb-uhci1", "AC97", "pci-serial", "i6300esb", "virtio-gpu"),
    *("vfio-pci", "virtio-iommu", "ich9-intel-hda"),
)
EXPRESS = ("e1000e", "nvme", "qemu-xhci", "bochs-display", "nvme", "e1000e")
FIXED_MODES = ("virtio-net", "virtio-scsi", "virtio-blk", "virtio-balloon", "virtio-rng")
CONTROLLERS_OF = {
    "q35": (
        *("pcie-root-port", "pcie-root-port", "pcie-pci-bridge", "x3130-upstream", "xio3130-downstream", "pci-bridge"),
        *("pxb-pcie", "ioh3420", "i82801b11-bridge"),
    ),
    "pc": ("pci-bridge", "pxb", "pci-bridge"),
}
MEANS = ("type", "slot", "type", "property")
MACHINES = {
    "q35": ("q35", "q35", "q35", "pc-q35-7.2", "pc-q35-6.0", "pc-q35-6.1"),
    "pc": ("pc", "pc", "pc-i440fx-7.2"),
}
WINDOWS = {("q35", "seabios"): 14, ("q35", "ovmf"): 9, ("pc", "seabios"): 8, ("pc", "ovmf"): 3}
"""IO windows that the firmware has room for beside the chipset."""
THEMES = {
    "slots": 4, "policy": 4, "io": 6, "pins": 1, "hotplug": 2, "spare": 3, "numa": 1, "groups": 2, "near": 2,
    "buses": 4, "bridges": 4, "controllers": 1, "order": 1, "host": 4,
}  # fmt: skip
"""Each with its weight; what binds seldom is drawn more often."""


def chance(rng: Random, share: float) -> bool:
    """True in that share of draws; the lowest draw is False."""
    return rng.random() > 1 - share


def some(rng: Random, things: Sequence[Item], most: int) -> list[Item]:
    return [rng.choice(things) for _ in range(rng.randint(0, most))]


@dataclass
class Draft:
    """A request in the making. `most` devices at most; `tiny` keeps all else within the oracle's reach."""

    rng: Random
    most: int
    tiny: bool
    family: str = "q35"
    firmware: str = "seabios"
    themes: frozenset[str] = frozenset()
    controllers: list[Data] = field(default_factory=list)
    devices: list[Data] = field(default_factory=list)
    kept: list[str] = field(default_factory=list)
    """Reserved slots of the bridges that fill the IO space."""
    used: dict[str, set[int]] = field(default_factory=dict)
    """Slots that pins name, by bus."""

    def build(self) -> Data:
        rng = self.rng
        self.family = rng.choice(("q35", "q35", "pc"))
        self.themes = frozenset(rng.choices(list(THEMES), [*THEMES.values()], k=rng.randint(1, 3 if self.tiny else 6)))
        self.firmware = rng.choice(("seabios", "ovmf"))
        data: Data = {"machine": rng.choice(MACHINES[self.family]), "firmware": self.firmware}
        if chance(rng, 0.3):
            data["chipset"] = {name: chance(rng, 0.5) for name in ("sata", "smbus", "usb")}
            data["chipset"] |= {"acpi": chance(rng, 0.6), "root_hotplug": chance(rng, 0.7)}
        nodes = rng.randint(1, 2) if "numa" in self.themes or chance(rng, 0.1) else 0
        self.add_controllers(nodes)
        self.add_devices(nodes)
        self.add_groups()
        self.add_near()
        spare = self.spare(nodes)
        reserve = self.kept + self.reserve()
        if "host" in self.themes and chance(rng, 0.8):
            data["needs"] = ["viommu"]
        data |= {"numa_nodes": nodes, "controllers": self.controllers, "devices": self.devices}
        data |= {"spare": spare, "reserve": reserve, "policy": self.policy()}
        return data

    @property
    def root(self) -> str:
        return "pcie.0" if self.family == "q35" else "pci.0"

    def buses(self) -> dict[str, BusModel]:
        root = PCIE_ROOT if self.family == "q35" else PCI_ROOT
        return {self.root: root} | {c["id"]: CONTROLLERS[c["model"]].bus for c in self.controllers}

    def pin(self, needs: Need) -> str | None:
        """An address that the schema takes, in one of few slots so that neighbours meet."""
        rng = self.rng
        fitting = [name for name, bus in self.buses().items() if pin_accepts(bus, needs)]
        if not fitting:
            return None
        bus = rng.choice(fitting)
        model = self.buses()[bus]
        slot = min(model.first_slot + rng.randint(0, 2 if self.tiny else 9), model.last_slot)
        if bus == self.root:
            slot = {"q35": slot, "pc": max(slot, 2)}[self.family]
            if chance(rng, 0.08):
                return f"pcie.0:1f.{rng.randint(4, 7)}" if self.family == "q35" else f"pci.0:01.{rng.randint(4, 7)}"
        self.used.setdefault(bus, set()).add(slot)
        function = f".{rng.choice((0, 0, 0, 0, 0, 1, 2))}" if chance(rng, 0.75) else ""
        return f"{bus}:{slot:02x}{function}"

    # controllers

    def add_controllers(self, nodes: int) -> None:
        rng = self.rng
        keen = {"controllers", "bridges", "buses", "io"} & self.themes
        count = rng.randint(1, 4) if keen else rng.choice((0, 0, 0, 1, 2))
        if not self.tiny:
            count *= rng.randint(1, 3)
        if "io" in self.themes and chance(rng, 0.5):
            self.fill_io_space()
        for number in range(len(self.controllers), count):
            model = rng.choice(CONTROLLERS_OF[self.family])
            if "io" in self.themes and chance(rng, 0.5):
                model = "pcie-root-port" if self.family == "q35" else "pci-bridge"
            self.controllers.append(self.controller(f"c{number}", model, nodes))

    def fill_io_space(self) -> None:
        """Bridges without a free slot whose reserves leave few windows to others."""
        model = "pcie-root-port" if self.family == "q35" else "pci-bridge"
        pages = WINDOWS[self.family, self.firmware] - self.rng.randint(0, 2)
        for bit in reversed(range(pages.bit_length())):
            if pages >> bit & 1:
                number = len(self.controllers)
                slot = 0x10 + number
                self.used.setdefault(self.root, set()).add(slot)
                entry = {"id": f"c{number}", "model": model, "address": f"{self.root}:{slot:02x}.0"}
                self.controllers.append(entry | {"properties": {"io-reserve": 4096 << bit}})
                bus = CONTROLLERS[model].bus
                self.kept += [f"c{number}:{slot:02x}" for slot in range(bus.first_slot, bus.last_slot + 1)]

    def controller(self, name: str, model: str, nodes: int) -> Data:
        rng = self.rng
        entry: Data = {"id": name, "model": model}
        if chance(rng, 0.4):
            address = self.pin(CONTROLLERS[model].needs)
            if address is not None:
                entry["address"] = address
        if CONTROLLERS[model].is_expander:
            if nodes and chance(rng, 0.8):
                entry["numa"] = rng.randrange(nodes)
        elif nodes and chance(rng, 0.2):
            entry["numa"] = rng.randrange(nodes)
        if CONTROLLERS[model].is_port and chance(rng, 0.5 if "hotplug" in self.themes else 0.1):
            entry["hotplug"] = False
        properties = self.properties(model)
        if properties:
            entry["properties"] = properties
        return entry

    def properties(self, model: str) -> Data:
        rng = self.rng
        result: Data = {}
        if model in ("pcie-root-port", "pci-bridge"):
            if chance(rng, 0.7 if "io" in self.themes else 0.05):
                result["io-reserve"] = rng.choice(self.io_reserves())
            elif model == "pcie-root-port" and chance(rng, 0.05):
                result["io-reserve"] = 0
            if chance(rng, 0.6 if "buses" in self.themes else 0.03):
                result["bus-reserve"] = rng.choice((1, 2, 3, rng.randint(120, 127), rng.randint(247, 254)))
        if model == "pci-bridge" and chance(rng, 0.8 if "bridges" in self.themes else 0.2):
            result["shpc"] = rng.choice(("on", "off"))
        if model in ("pxb", "pxb-pcie") and chance(rng, 0.6 if "buses" in self.themes else 0.1):
            result["bus_nr"] = rng.choice((rng.randint(2, 5), rng.randint(2, 5), 128, rng.randint(250, 254)))
        return result

    def io_reserves(self) -> tuple[int, ...]:
        """A few of these fill the firmware's IO space."""
        if "io" not in self.themes:
            return 4096, 8192
        return (16384, 32768, 8192, 16384) if self.family == "q35" else (8192, 16384, 8192, 4096)

    # devices

    def add_devices(self, nodes: int) -> None:
        rng = self.rng
        palette = some(rng, COMMON + EXPRESS, 4) if chance(rng, 0.5) else []
        for number in range(rng.randint(1, self.most)):
            model = rng.choice(palette) if palette and chance(rng, 0.7) else rng.choice(COMMON + EXPRESS)
            if "host" in self.themes and chance(rng, 0.4):
                model = "vfio-pci"
            if model in ("virtio-balloon", "virtio-iommu") and any(d["model"] == model for d in self.devices):
                model = "virtio-net"
            self.devices.append(self.device(f"d{number}", model, nodes))

    def device(self, name: str, model: str, nodes: int) -> Data:
        rng = self.rng
        entry: Data = {"id": name, "model": model}
        if model == "vfio-pci":
            entry |= {"connect": rng.choice(("express", "conventional", "hybrid")), "bars": self.bars()}
        if model in FIXED_MODES and chance(rng, 0.8 if "io" in self.themes else 0.4):
            entry["virtio"] = rng.choice(("transitional", "legacy", "modern", "auto"))
            if entry["virtio"] != "legacy":  # not drawn from rng, so that the rest of a seed's guest stays as it was
                entry["virtio_by"] = MEANS[(int(name[1:]) + len(model)) % len(MEANS)]
        if chance(rng, 0.7 if "hotplug" in self.themes else 0.25):
            can = model == "vfio-pci" or find(model).hotpluggable
            entry["hotplug"] = rng.choice(
                ("required", "never", "required", "preferred") if can else ("never", "preferred")
            )
        if nodes and chance(rng, 0.4 if "numa" in self.themes else 0.1):
            entry["numa"] = rng.randrange(nodes)
        host = model == "vfio-pci" and "host" in self.themes
        if chance(rng, 0.4 if "pins" in self.themes or host else 0.04):
            address = f".{rng.choice((1, 0, 2))}" if chance(rng, 0.25) else self.pin(Need.EXPRESS)
            if address is not None:
                entry["address"] = address
        return entry

    def bars(self) -> list[Data]:
        rng = self.rng
        sizes = some(rng, (4, 256, 1024, 4096, 4096), 3 if "io" in self.themes else 1)
        return [{"bar": number, "kind": "io", "size": size} for number, size in enumerate(sizes)]

    def add_groups(self) -> None:
        rng = self.rng
        groups = rng.randint(1, 2 if self.tiny else 4) if "groups" in self.themes else int(chance(rng, 0.05))
        free = [device for device in self.devices if "address" not in device]
        for number in range(groups):
            members = free[: rng.randint(1, 4)]
            free = free[len(members) :]
            for member in members:
                member["group"] = f"g{number}"
                if member.get("numa") is not None and member is not members[0]:
                    del member["numa"]
            self.pin_group(members)

    def pin_group(self, members: list[Data]) -> None:
        rng = self.rng
        functions = rng.sample(range(8), k=len(members))
        if chance(rng, 0.4):
            for member, function in zip(members, functions, strict=True):
                if chance(rng, 0.5):
                    member["address"] = f".{function}"
        elif members and chance(rng, 0.1):
            address = self.pin(Need.EXPRESS)
            if address is not None:
                members[0]["address"] = address

    def add_near(self) -> None:
        rng = self.rng
        if "near" not in self.themes and not chance(rng, 0.05):
            return
        for _ in range(rng.randint(1, 2)):
            if len(self.devices) > 1:
                one, other = rng.sample(self.devices, k=2)
                word = "near_switch" if self.family == "q35" and chance(rng, 0.5) else "near"
                one[word] = [other["id"]]

    # needs around the devices

    def spare(self, nodes: int) -> list[Data]:
        rng = self.rng
        result = []
        for _ in range(rng.randint(1, 2) if "spare" in self.themes else int(chance(rng, 0.1))):
            kind = rng.choice(("pcie", "pci")) if self.family == "q35" else "pci"
            entry: Data = {"kind": kind, "count": rng.randint(1, 3 if self.tiny else 5)}
            if chance(rng, 0.4):
                entry["io"] = rng.choice((64, 4096))
            if kind == "pcie" and chance(rng, 0.1):
                entry["memory"] = 1 << 25
            if nodes and chance(rng, 0.3):
                entry["numa"] = rng.randrange(nodes)
            result.append(entry)
        return result

    def reserve(self) -> list[str]:
        """Leaves few slots of the root bus, and of conventional buses now and then."""
        rng = self.rng
        result: list[str] = []
        if "slots" in self.themes:
            first, last = (1, 30) if self.family == "q35" else (2, 31)
            keep = rng.randint(0, 3 if self.tiny else 12)
            result += self.all_but(self.root, range(first, last + 1), keep)
        if "slots" in self.themes or chance(rng, 0.1):
            chipset, functions = ("pcie.0:1f", (1, 4, 5, 6, 7)) if self.family == "q35" else ("pci.0:01", (4, 5, 6, 7))
            keep = rng.choice((0, 1, 5))
            pinned = {entry.get("address") for entry in (*self.controllers, *self.devices)}
            result += [pin for pin in (f"{chipset}.{function}" for function in functions[keep:]) if pin not in pinned]
        full = {pin.partition(":")[0] for pin in self.kept}
        for name, bus in self.buses().items():
            if name not in {self.root, *full} and chance(rng, 0.5 if {"slots", "bridges"} & self.themes else 0.05):
                result += self.all_but(name, range(bus.first_slot, bus.last_slot + 1), rng.randint(0, 2))
        return result

    def all_but(self, bus: str, slots: Sequence[int], keep: int) -> list[str]:
        """Every slot but `keep` of them and the pinned ones; now and then single functions of those left."""
        rng = self.rng
        free = [slot for slot in slots if slot not in self.used.get(bus, set())]
        result = [f"{bus}:{slot:02x}" for slot in free[keep:]]
        for slot in free[:keep]:
            if chance(rng, 0.3):
                first = rng.choice((1, 1, 2, 3, 5))
                result += [f"{bus}:{slot:02x}.{function}" for function in range(first, 8)]
        return result

    def policy(self) -> Data:
        rng = self.rng
        result: Data = {}
        if "policy" in self.themes:
            if chance(rng, 0.7):
                result["max_controllers"] = len(self.controllers) + rng.randint(0, 2)
            if chance(rng, 0.5):
                result["max_depth"] = rng.randint(0, 2)
        if "order" in self.themes:
            result["order"] = rng.sample(TERMS, k=len(TERMS))
        return result


def request(rng: Random) -> Data:
    """Up to 40 devices, all features."""
    return Draft(rng, most=rng.choice((3, 8, 15, 40)), tiny=False).build()


def tiny_request(rng: Random) -> Data:
    """Up to 5 devices and whatever makes their seats scarce."""
    return Draft(rng, most=rng.choice((2, 3, 4, 5)), tiny=True).build()


def valid(data: Data) -> Guest | None:
    """None where the schema refuses it: some drafts contradict themselves."""
    try:
        return Guest.model_validate(data)
    except ValidationError:
        return None


def tiny_guest(seed: int) -> Guest:
    """The guest that a seed names: its first draft that is valid input."""
    return _first(Random(seed), tiny=True)


def any_guest(seed: int) -> Guest:
    return _first(Random(seed), tiny=False)


def _first(rng: Random, *, tiny: bool) -> Guest:
    while True:
        guest = valid(tiny_request(rng) if tiny else request(rng))
        if guest is not None:
            return guest
