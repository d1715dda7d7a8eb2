"""Properties of a running QEMU's devices, those on which a plan depends."""

from typing import Any, Final

from ..catalog import DeviceModel, ModelBar, named_by_qemu
from ..catalog.nvme_queues import COUNT, MOST_PAIRS_EACH, PAIRS, TOTAL_PAIRS, TOTAL_VECTORS, VECTORS
from ..catalog.virtual_functions import PHYSICAL
from ..pci.controllers import CONTROLLERS, VirtioMode
from ..pci.machine_types import Version
from ..pci.qemu_properties import PROPERTY_TYPES, VIRTIO_SWITCHES, Properties, canonical, switched_mode
from ..qemu.errors import CommandError
from ..qemu.monitor import Monitor
from ..qemu_arguments.request import BAR_BACKENDS
from .objects import QemuObject

ALWAYS: Final = ("acpi-index", "iommu_platform", "rombar", "romsize")
"""Properties of devices that are read wherever they are not at their defaults."""
IDENTIFIES: Final = ("chassis", "port", "chassis_nr", "shpc", "bus_nr")
"""Properties of controllers that are read whatever they are: a plan states them."""
OF_VIRTUAL: Final = (COUNT, PAIRS, VECTORS, MOST_PAIRS_EACH, "sriov_max_vi_per_vf", TOTAL_PAIRS, TOTAL_VECTORS)
"""Properties of an nvme that are read where it has virtual functions."""
SIZES_BARS: Final = (*PROPERTY_TYPES, "mount_tag")
"""Properties that are read where they make other BARs."""


class PropertyReader:
    """Reads them; the defaults of each type are asked once."""

    def __init__(self, monitor: Monitor, version: Version | None, qemu: tuple[int, ...]) -> None:
        """`version` is the machine type's, `qemu` QEMU's own."""
        self.monitor, self.version, self.qemu = monitor, version, qemu
        self._types: dict[str, dict[str, Any]] = {}

    def of_controller(self, one: QemuObject) -> Properties:
        """Those of which a plan knows what they do: what identifies it, and others where they are not at their
        defaults."""
        known = CONTROLLERS[one.kind].properties
        own = self._read(one, tuple(name for name in IDENTIFIES if name in known))
        return own | self._changed(one, (*sorted(known - own.keys()), "acpi-index"))

    def of_device(self, one: QemuObject, model: DeviceModel) -> tuple[Properties, dict[str, int]]:
        """Its properties, and bytes of the memory behind it by the backend's name."""
        given = self._changed(one, ALWAYS)
        given |= self._virtual(one)
        if model.rom and self.monitor.get(one.path, "romfile") == "":
            given["romfile"] = ""
        if model.self_described:
            host = self.monitor.get(one.path, "host")
            return given | ({"host": host} if isinstance(host, str) and host else {}), {}
        switches: Properties = {}
        if model.virtio is not None and (named_by_qemu(one.kind) or ("", None))[1] is None:
            switches = self._read(one, VIRTIO_SWITCHES)
        backends = self._backends(one)
        given |= self._sizing(one, model, {**given, **backends[0]}, _mode_of(one.kind, switches, model))
        return {**given, **switches, **backends[0]}, backends[1]

    def _virtual(self, one: QemuObject) -> Properties:
        """Those of its virtual functions, or what makes it one."""
        physical = self.monitor.get(one.path, PHYSICAL)
        if isinstance(physical, str) and physical:
            return {PHYSICAL: physical}
        found = self._changed(one, OF_VIRTUAL)
        return found if COUNT in found else {}

    def _sizing(self, one: QemuObject, model: DeviceModel, given: Properties, mode: VirtioMode | None) -> Properties:
        """Those without which the model would have other BARs. Many read otherwise than by default though nobody
        stated them: QEMU works them out, or the machine type sets them."""
        found = self._changed(one, SIZES_BARS, unset=True)

        def bars(properties: Properties) -> tuple[ModelBar, ...]:
            return model.bars(mode, properties, self.version, self.qemu)

        try:
            for name in list(found):  # one by one: of two that say the same, one is enough
                fewer = {key: value for key, value in found.items() if key != name}
                if bars({**given, **fewer}) == bars({**given, **found}):
                    found = fewer
            return found
        except ValueError:
            return {}

    def _backends(self, one: QemuObject) -> tuple[Properties, dict[str, int]]:
        for name in BAR_BACKENDS:
            path = self.monitor.get(one.path, name)
            size = self.monitor.get(path, "size") if isinstance(path, str) and path else None
            if isinstance(size, int):
                backend = str(path).rpartition("/")[2]
                return {name: backend}, {backend: size}
        return {}, {}

    def _changed(self, one: QemuObject, names: tuple[str, ...], *, unset: bool = False) -> Properties:
        """Of these names, those that are not at their defaults; `unset` also those that have none."""
        defaults = self._defaults(one.kind)
        wanted = tuple(name for name in names if name in defaults and (unset or defaults[name] is not None))
        return {name: value for name, value in self._read(one, wanted).items() if value != _plain(name, defaults[name])}

    def _read(self, one: QemuObject, names: tuple[str, ...]) -> Properties:
        values = ((name, self.monitor.get(one.path, name)) for name in names)
        return {name: canonical(name, value) for name, value in values if isinstance(value, bool | int | float | str)}

    def _defaults(self, kind: str) -> dict[str, Any]:
        if kind not in self._types:
            try:
                listed = self.monitor.rows("device-list-properties", {"typename": kind}, "name")
            except CommandError:
                listed = []
            self._types[kind] = {one["name"]: one.get("default-value") for one in listed}
        return self._types[kind]


def _plain(name: str, value: Any) -> Any:
    return canonical(name, value) if isinstance(value, bool | int | float | str) else value


def _mode_of(kind: str, switches: Properties, model: DeviceModel) -> VirtioMode | None:
    """The mode that type or switches make: of a device that runs QEMU has set both."""
    if model.virtio is None:
        return None
    mode = (named_by_qemu(kind) or (kind, None))[1] or switched_mode(switches)
    return None if mode is None else VirtioMode(mode)
