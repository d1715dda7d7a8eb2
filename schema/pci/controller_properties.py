"""Which QEMU properties each controller model has, and what each takes.

`controller_properties.json` is what QEMU itself says, made by `catalog.measure.controllers`. Those on which a plan
depends are the model's own (`ControllerModel.properties`), and take what `qemu_properties` says of them.
"""

import json
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import Any, Final

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
    text = (files(__package__) / "controller_properties.json").read_text(encoding="utf-8")
    data: Mapping[str, Any] = json.loads(text)
    return data
