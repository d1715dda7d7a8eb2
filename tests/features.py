"""What a request has, by name: so that a test says how often each is drawn, and a campaign what it covered."""

from collections.abc import Callable, Iterator
from typing import Any, Final

from qslot.schema.catalog.nvme_queues import COUNT
from qslot.schema.catalog.virtual_functions import PHYSICAL
from qslot.schema.pci.controllers import CONTROLLERS
from qslot.schema.pci.machine_types import family_of
from qslot.testing.generator.draft import Data
from qslot.testing.generator.spelling import TRUE

MEMORY_RESERVES: Final = {"mem-reserve", "pref32-reserve", "pref64-reserve"}
SIZES: Final = {*MEMORY_RESERVES, "io-reserve"}
ROOTS: Final = ("pcie.0", "pci.0")


def of(request: Data) -> list[str]:
    """Names of the features that the request has."""
    return [name for name, has in FEATURES.items() if has(request)]


def _controllers(request: Data) -> list[Data]:
    return [*request.get("controllers", ())]


def _properties(request: Data) -> Iterator[tuple[str, Any]]:
    for controller in _controllers(request):
        yield from controller.get("properties", {}).items()


def _bus(entry: Data) -> str:
    return str(entry.get("address", "")).rpartition(":")[0]


def _inside_open(request: Data) -> Iterator[tuple[int, Data]]:
    """Devices pinned below a controller without an address, and how many controllers they are below."""
    controllers = {one["id"]: one for one in _controllers(request)}
    for device in request["devices"]:
        level, bus = 0, _bus(device)
        while bus in controllers:
            level, bus = level + 1, _bus(controllers[bus])
        if level and bus == "":
            yield level, device


def _function_beside_pins(request: Data) -> bool:
    alone = any(str(one.get("address", "")).startswith(".") for one in request["devices"])
    return alone and any(_bus(one) for one in request["devices"])


def _wishes(request: Data, *names: str) -> bool:
    return any(any(name in device for name in names) for _, device in _inside_open(request))


def _spare(request: Data, name: str, *, below: tuple[str, ...] = ()) -> bool:
    models = {one["model"] for one in _controllers(request)}
    return any(one.get(name) is not None for one in request.get("spare", ())) and (not below or bool(models & {*below}))


def _spelled(request: Data, fits: Callable[[str, Any], bool]) -> bool:
    return any(fits(name, value) for name, value in _properties(request))


def _open_with_mixed_reserves(request: Data) -> bool:
    open_ones = (one for one in _controllers(request) if "address" not in one)
    return any(sum(name.endswith("-reserve") for name in one.get("properties", {})) > 1 for one in open_ones)


def _io_reserve_of_zero(request: Data) -> bool:
    return any(
        CONTROLLERS[one["model"]].is_port and str(one.get("properties", {}).get("io-reserve", "")) == "0"
        for one in _controllers(request)
    )


def _bars(request: Data) -> Iterator[Data]:
    for device in request["devices"]:
        yield from device.get("bars", ())


def _assigned(request: Data) -> list[Data]:
    """Devices of the host, in a request with a vIOMMU."""
    has = FEATURES["a vIOMMU"](request)
    return [one for one in request["devices"] if has and one["model"] == "vfio-pci"]


def _mates(request: Data) -> bool:
    groups = [one["iommu_group"] for one in _assigned(request) if "iommu_group" in one]
    return len(set(groups)) < len(groups)


def _has_model(request: Data, model: str) -> bool:
    return any(device["model"] == model for device in request["devices"])


def _virtual_disk(device: Data) -> bool:
    return device["model"] == "nvme" and ("vfs" in device or COUNT in device.get("properties", {}))


def _version(request: Data) -> tuple[int, int]:
    return family_of(request["machine"])[1] or (99, 0)


def _firmware(request: Data) -> Data:
    firmware = request["firmware"]
    return firmware if isinstance(firmware, dict) else {"name": firmware, "version": ""}


FEATURES: Final[dict[str, Callable[[Data], bool]]] = {
    "a device pinned to a function alone beside pinned ones": _function_beside_pins,
    "a device pinned inside an open controller": lambda r: any(True for _ in _inside_open(r)),
    "the same, two levels or more": lambda r: any(level > 1 for level, _ in _inside_open(r)),
    "a wish for a node of one pinned inside an open controller": lambda r: _wishes(r, "numa"),
    "hot-plug required by one pinned inside an open controller": lambda r: any(
        device.get("hotplug") == "required" for _, device in _inside_open(r)
    ),
    "a wished neighbour of one pinned inside an open controller": lambda r: _wishes(r, "near", "near_switch"),
    "a size spelled as digits": lambda r: _spelled(r, lambda n, v: n in SIZES and isinstance(v, str) and v.isdigit()),
    "a size spelled with a unit": lambda r: _spelled(r, lambda n, v: n in SIZES and str(v)[-1:].isalpha()),
    "a boolean spelled as text": lambda r: _spelled(r, lambda n, v: n in ("shpc", "hotplug") and isinstance(v, str)),
    "a boolean as such": lambda r: _spelled(r, lambda n, v: n == "shpc" and isinstance(v, bool)),
    "hotplug as a property": lambda r: _spelled(r, lambda n, _: n == "hotplug"),
    "numa_node as a property": lambda r: _spelled(r, lambda n, _: n == "numa_node"),
    "numa_node spelled as text": lambda r: _spelled(r, lambda n, v: n == "numa_node" and isinstance(v, str)),
    "a bus_nr": lambda r: _spelled(r, lambda n, _: n == "bus_nr"),
    "a bus-reserve": lambda r: _spelled(r, lambda n, _: n == "bus-reserve"),
    "a memory reserve": lambda r: _spelled(r, lambda n, _: n in MEMORY_RESERVES),
    "an open bridge with mixed reserves": _open_with_mixed_reserves,
    "a port with io-reserve 0": _io_reserve_of_zero,
    "a port with hotplug off": lambda r: any(one.get("hotplug", True) in (False, "off") for one in _controllers(r)),
    "spare slots": lambda r: bool(r.get("spare")),
    "a spare with IO": lambda r: _spare(r, "io"),
    "a spare with memory": lambda r: _spare(r, "memory"),
    "a spare with a node": lambda r: _spare(r, "numa"),
    **{
        f"a spare with IO or memory beside {model}": lambda r, m=model: (  # type: ignore[misc]
            _spare(r, "io", below=(m,)) or _spare(r, "memory", below=(m,))
        )
        for model in CONTROLLERS
    },
    "a machine type before 2.7": lambda r: _version(r) < (2, 7),
    "a machine type before 6.0": lambda r: _version(r) < (6, 0),
    "a machine type from 6.0 on": lambda r: (6, 0) <= _version(r) < (99, 0),
    "pc-q35-6.1": lambda r: r["machine"] == "pc-q35-6.1",
    "a machine type without a version": lambda r: r["machine"] in ("q35", "pc"),
    "machine pc": lambda r: family_of(r["machine"])[0] == "pc",
    "preset libvirt": lambda r: r.get("policy", {}).get("preset") == "libvirt",
    "firmware ovmf": lambda r: _firmware(r)["name"] == "ovmf",
    "another version of seabios": lambda r: _firmware(r)["name"] == "seabios" and _firmware(r)["version"] != "",
    "another version of ovmf": lambda r: _firmware(r)["name"] == "ovmf" and _firmware(r)["version"] != "",
    "memory": lambda r: "memory" in r,
    "a 64-bit hole": lambda r: "pci_hole64" in r,
    "a CPU": lambda r: "cpu" in r,
    "up to 40 address bits": lambda r: r.get("phys_bits", 99) <= 40,
    "more than 40 address bits": lambda r: r.get("phys_bits", 0) > 40,
    "a described device": lambda r: any("bars" in one for one in r["devices"]),
    "a 32-bit BAR": lambda r: any(bar["kind"] == "mem32" for bar in _bars(r)),
    "a 64-bit BAR": lambda r: any(bar["kind"] == "mem64" for bar in _bars(r)),
    "a BAR of 1 TiB or more": lambda r: any(bar["size"] >= 1 << 40 for bar in _bars(r)),
    "a prefetchable BAR": lambda r: any(bar.get("prefetchable") for bar in _bars(r)),
    "a described ROM": lambda r: any("rom" in one for one in r["devices"]),
    "chipset options": lambda r: "chipset" in r,
    "an order of the objective": lambda r: "order" in r.get("policy", {}),
    "a limit to controllers": lambda r: "max_controllers" in r.get("policy", {}),
    "a limit to depth": lambda r: "max_depth" in r.get("policy", {}),
    "reserved slots": lambda r: any("." not in pin.rpartition(":")[2] for pin in r.get("reserve", ())),
    "reserved functions": lambda r: any("." in pin.rpartition(":")[2] for pin in r.get("reserve", ())),
    "a group": lambda r: any("group" in one for one in r["devices"]),
    "a wished neighbour": lambda r: any("near" in one for one in r["devices"]),
    "a wished switch": lambda r: any("near_switch" in one for one in r["devices"]),
    "a mode told by the slot": lambda r: any(one.get("virtio_by") == "slot" for one in r["devices"]),
    "devices of one IOMMU group": _mates,
    "devices of several IOMMU groups": lambda r: len({d.get("iommu_group", d["id"]) for d in _assigned(r)}) > 1,
    "a device of the host without an IOMMU group": lambda r: any("iommu_group" not in d for d in _assigned(r)),
    "an expander that bypasses the vIOMMU": lambda r: _spelled(r, lambda n, v: n == "bypass_iommu" and v in TRUE),
    "a vIOMMU": lambda r: "viommu" in r.get("needs", ()) or any(d["model"].endswith("-iommu") for d in r["devices"]),
    "an amd-iommu": lambda r: _has_model(r, "amd-iommu"),
    "an igb": lambda r: _has_model(r, "igb"),
    "an igb on the root bus": lambda r: any(d["model"] == "igb" and _bus(d) in ROOTS for d in r["devices"]),
    "an nvme with virtual functions": lambda r: any(_virtual_disk(d) for d in r["devices"]),
    "a wished number of virtual functions": lambda r: any("vfs" in d for d in r["devices"]),
    "virtual functions that are listed": lambda r: any(PHYSICAL in d.get("properties", {}) for d in r["devices"]),
    "up to 5 devices": lambda r: len(r["devices"]) <= 5,
    "6 to 8 devices": lambda r: 6 <= len(r["devices"]) <= 8,
    "9 to 40 devices": lambda r: len(r["devices"]) > 8,
}
