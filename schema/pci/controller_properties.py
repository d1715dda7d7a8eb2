"""Which QEMU properties each controller model has, and what each takes.

`controller_properties.json` is what QEMU itself says, made by `catalog.measure.controllers`. Those on which a plan
depends are the model's own (`ControllerModel.properties`), and take what `qemu_properties` says of them.
"""

from collections.abc import Mapping
from functools import cache
from typing import Any, Final

from ..packaged import packaged_json
from .controllers import CONTROLLERS
from .qemu_properties import MOST_BYTES, PROPERTY_TYPES, UINT16, UINT32, Number, OneOf, Scalar, Switch, Text

PropertyKind = Switch | Number | OneOf | Text

KIND_OF_TYPE: Final[Mapping[str, PropertyKind]] = {
    "bool": Switch(),
    "uint8": Number(0, 255),
    "uint16": Number(0, UINT16),
    "uint32": Number(0, UINT32),
    "int32": Number(-(1 << 31), (1 << 31) - 1),
    "size": Number(0, MOST_BYTES, size=True),
    "str": Text(),
}
"""By QEMU's names of types; another one lists the values of an enumeration."""
CALLED_SINCE: Final[Mapping[str, str]] = {"x-native-hotplug": "x-do-not-expose-native-hotplug-cap"}
"""What a property is called, and turned round, by QEMU 10.0.13 and 11.1.3."""
NARROWER: Final[Mapping[str, PropertyKind]] = {
    "acpi-index": Number(0, (1 << 14) - 1),
    "aer_log_max": Number(0, 128),
    "x-speed": OneOf(("2_5", "5", "8", "16", "32", "64")),
}
"""What QEMU takes of a value whose type is wider: "acpi-index should be less or equal to 16383", "The max number of aer
log is 128". The two fastest speeds are 11.1.3's."""

PLANNED: Final = frozenset({"addr", "multifunction"})
UNPLANNED: Final[Mapping[str, str]] = {
    **dict.fromkeys(("romfile", "romsize"), "the option ROM of a bridge is not planned: leave it out"),
    "failover_pair_id": "QEMU takes it of network cards alone: leave it out",
}
"""Properties that QEMU has and a plan cannot have, and why."""
NATIVE_HOTPLUG: Final = {"x-native-hotplug": False, "x-do-not-expose-native-hotplug-cap": True}
"""With these values a port hides its own hot-plug from the guest, and is left with ACPI's."""

OF_EVERY_DEVICE: Final = frozenset({"hotpluggable", "hotplugged", "parent_bus", "realized"})
OF_EVERY_BRIDGE: Final = frozenset({
    "addr", "busnr", "multifunction", "sriov-pf", "x-max-bounce-buffer-size", "x-pci-express-writeable-slt-bug",
    "x-pcie-ari-nextfn-1", "x-pcie-err-unc-mask", "x-pcie-ext-tag",
})  # fmt: skip
OF_EXPANDERS_HOST: Final = frozenset({"bypass-iommu", "x-config-reg-migration-enabled"})
"""Properties of QEMU's objects that no request sets; those of the host bridge that QEMU makes for an expander."""


@cache
def impossible_ids(model: str) -> frozenset[str]:
    """Names that a controller of the model cannot have: QEMU makes its bus a property of it, or of an expander's host
    bridge, that is called by its id, and ends where there is one (7.2, 10.0, 11.1: tests/real/test_properties.py).

    >>> "port" in impossible_ids("pcie-root-port"), "bus_nr" in impossible_ids("pxb-pcie")
    (True, False)
    """
    own = OF_EXPANDERS_HOST if CONTROLLERS[model].is_expander else OF_EVERY_BRIDGE | _kinds(model).keys()
    return OF_EVERY_DEVICE | own


@cache
def property_names(model: str) -> frozenset[str]:
    """All that a controller model of CONTROLLERS may be given."""
    return frozenset(_kinds(model).keys() - UNPLANNED.keys())


def unfit_for(model: str, name: str, value: Scalar) -> str | None:
    """What the property takes, where it does not take this value; None where it does.

    >>> unfit_for("ioh3420", "disable-acs", "on"), unfit_for("pcie-root-port", "x-width", 3)
    (None, 'one of 1, 2, 4, 8, 12, 16, 32')
    """
    kind = _kinds(model).get(name)
    return None if kind is None or kind.read(value) is not None else kind.words


@cache
def _kinds(model: str) -> Mapping[str, PropertyKind]:
    """By name, but those that a plan writes itself."""
    told: Mapping[str, str] = {**_data()["all"], **_data()["models"][model]}
    found = {name: KIND_OF_TYPE.get(kind) or OneOf(tuple(kind.split("/"))) for name, kind in told.items()}
    found |= {CALLED_SINCE[name]: kind for name, kind in found.items() if name in CALLED_SINCE}
    found |= {name: kind for name, kind in NARROWER.items() if name in found}
    found |= {name: PROPERTY_TYPES[name] for name in CONTROLLERS[model].properties}
    return {name: kind for name, kind in found.items() if name not in PLANNED}


@cache
def _data() -> Mapping[str, Any]:
    data: Mapping[str, Any] = packaged_json(__file__, "controller_properties.json")
    return data
