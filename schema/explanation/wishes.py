"""The table of wishes: all that a request can state and do without.

What a request states fact by fact (facts.py), the request without some of it (restrict.py), the words (clauses.py)
and the changes that help (remedy.py) derive from it: a new wish is one entry here. Only those of form "own" are more:
what is listed, spare and reserved is counted and left out by code of its own in facts.py and restrict.py.
"""

import dataclasses
from collections.abc import Callable, Mapping
from dataclasses import KW_ONLY
from typing import Any, Final, Literal

from ..pci.controllers import CONTROLLERS, RESERVES
from ..pci.qemu_properties import Properties, Scalar, as_text
from ..records import record
from ..request.device import Controller
from .conflict import Fact, Whose

BINDING: Final = RESERVES | {"bus_nr", "shpc"}
"""Properties of demanded controllers that decide what fits."""

Form = Literal["each", "alike", "others", "group", "own"]
"""How a wish becomes facts: one of each part that has it; one of all parts that differ in nothing but names, with their
number; one that also names the devices wished for; one of all members of a group; by code of its own."""


@record(frozen=True)
class Wish:
    """`rule` and `whose` identify a wish; `field` of such a part says it."""

    rule: str
    whose: Whose
    field: str
    clause: str
    """Words that follow "because". {who}, {names}, {first}, {others} and {value} are of the fact; {be}, {have} and
    {take} agree with its number; {entry} is " (spare[0])" where it must be told which one."""
    remedy: str
    """Words of its change: {who}, {before}, {after}, {model}, {entry}; {count_of} is "2 of the 7: "."""
    _: KW_ONLY
    form: Form = "each"
    absent: object = None
    """What the field holds without the wish."""
    is_stated: Callable[[Any], bool] | None = None
    """Whether a part has the wish; else it does where the field is not `absent`."""
    value_of: Callable[[Any], Scalar | None] | None = None
    """What is told of a part that has it; else the field."""
    dropped: Callable[[Any], object] | None = None
    """What the field of a part holds without the wish, where that depends on the part; else `absent`."""
    clause_for: Mapping[Scalar | None, str] = dataclasses.field(default_factory=dict)
    """Other words for some values."""
    change: str = ""
    """What a `Change` calls it, if not by its rule."""
    instead: Scalar | None = None
    """What the request says in its place, where something must be said."""
    is_number: bool = False
    """Its change is another number: of those that are kept, or of the limit."""

    @property
    def what(self) -> str:
        """What a `Change` calls it."""
        return self.change or self.rule

    def stated_by(self, part: object) -> bool:
        """Whether a part of the request has the wish."""
        return self.is_stated(part) if self.is_stated else getattr(part, self.field) != self.absent

    def value(self, part: object) -> Scalar | None:
        """What the part asks for; None where the rule says it all."""
        if self.value_of:
            return self.value_of(part)
        value: Scalar | None = getattr(part, self.field)
        return value

    def without(self, part: object) -> object:
        """What the part's field holds once the wish is dropped."""
        return self.dropped(part) if self.dropped else self.absent


def _nothing(_: object) -> None:
    """The rule says it all."""


def _binding(one: Controller) -> Properties:
    return {name: value for name, value in one.properties.items() if name in BINDING}


def _not_binding(one: Controller) -> Properties:
    return {name: value for name, value in one.properties.items() if name not in BINDING}


def _address(one: Any) -> str:
    return str(one.address)


NODE: Final = "{who} must sit below an expander of NUMA node {value}"
NO_NODE: Final = "leave out numa of {who}"
PINNED: Final = "{who} {be} pinned to {value}"
FREED: Final = "free {who} of the address {before}"
HOTPLUG: Final = "hotplug: {after} for {who}"
FEWER: Final = "leave out {count_of}{who}"

WISHES: Final = (
    Wish("reserve", "guest", "reserve", "{who} {be} reserved", "do not reserve {who}", form="own"),
    Wish(
        "spare",
        "spare",
        "count",
        "{who} {be} asked for{entry}",
        "ask for {after} spare {model} slots instead of {before}{entry}",
        form="own",
        is_number=True,
    ),
    Wish(
        "complete",
        "device",
        "devices",
        "{who} {be} to be placed",
        FEWER,
        form="own",
        change="leave-out",
        is_number=True,
    ),
    Wish(
        "complete",
        "controller",
        "controllers",
        "{who} {be} demanded",
        FEWER,
        form="own",
        change="leave-out",
        is_number=True,
    ),
    Wish(
        "near",
        "device",
        "near",
        "{first} wants {others} to share its root bus (near)",
        "leave out near of {who}",
        form="others",
        absent=(),
        value_of=_nothing,
    ),
    Wish(
        "near-switch",
        "device",
        "near_switch",
        "{first} wants {others} to sit below the same switch (near-switch)",
        "leave out near_switch of {who}",
        form="others",
        absent=(),
        value_of=_nothing,
    ),
    Wish(
        "order",
        "guest",
        "order",
        "{names} are to have ascending guest addresses (order)",
        "leave {who} out of order",
        form="own",
        absent=(),
        value_of=_nothing,
    ),
    Wish(
        "group",
        "device",
        "group",
        "{names} make up group {value}, functions of one slot",
        "leave out group {before}",
        form="group",
    ),
    Wish(
        "iommu-group",
        "device",
        "iommu_group",
        "{who} {be} of IOMMU group {value} of the host",
        "leave out iommu_group of {who}",
        form="alike",
        change="iommu-group",
    ),
    Wish("numa", "device", "numa", NODE, NO_NODE, form="alike"),
    Wish(
        "hotplug",
        "device",
        "hotplug",
        "{who} must be hot-pluggable",
        HOTPLUG,
        form="alike",
        absent="preferred",
        is_stated=lambda device: device.hotplug == "required",
        value_of=_nothing,
        instead="preferred",
    ),
    Wish(
        "as-requested",
        "device",
        "virtio",
        "{who} must offer virtio 0.9 (virtio: {value})",
        "virtio: {after} for {who}",
        form="alike",
        absent="auto",
        is_stated=lambda device: device.demands_mode,
        clause_for={"modern": "{who} must be modern by its slot alone (virtio: modern, virtio_by: slot)"},
        change="virtio",
        instead="auto",
    ),
    Wish("pin", "device", "address", PINNED, FREED, form="alike", value_of=_address),
    # an expander's node is no wish: it is what the expander is
    Wish(
        "numa",
        "controller",
        "numa",
        NODE,
        NO_NODE,
        is_stated=lambda one: one.numa is not None and not CONTROLLERS[one.model].is_expander,
    ),
    Wish(
        "hotplug",
        "controller",
        "hotplug",
        "{who} {take} no hot-plug (hotplug: off)",
        HOTPLUG,
        absent=True,
        value_of=lambda _: "off",
        instead="on",
    ),
    Wish(
        "as-requested",
        "controller",
        "properties",
        "{who} {have} {value}",
        "leave out {before} of {who}",
        is_stated=lambda one: bool(_binding(one)),
        value_of=lambda one: ", ".join(f"{name}={as_text(value)}" for name, value in _binding(one).items()),
        dropped=_not_binding,
        change="properties",
    ),
    Wish("pin", "controller", "address", PINNED, FREED, value_of=_address),
    # other presets choose the machine, and say nothing of places
    Wish(
        "preset",
        "policy",
        "preset",
        "preset {value} puts each device alone where libvirt would",
        "preset {after} instead of {before}",
        absent="default",
        is_stated=lambda policy: policy.preset == "libvirt",
        instead="default",
    ),
    Wish(
        "eject",
        "policy",
        "eject",
        "eject: {value} takes hot-plug from pci.0",
        "eject: {after} instead of {before}",
        absent="allow",
        instead="allow",
    ),
    Wish(
        "iommu-group",
        "guest",
        "needs",
        "with a vIOMMU all devices of one IOMMU group must share an address space",
        "leave viommu out of needs",
        is_stated=lambda guest: "viommu" in guest.needs,
        value_of=_nothing,
        dropped=lambda guest: tuple(need for need in guest.needs if need != "viommu"),
        change="viommu",
    ),
    Wish(
        "max-depth",
        "policy",
        "max_depth",
        "max_depth is {value}: no device may have more bridges above it",
        "max_depth {after} instead of {before}",
        is_number=True,
    ),
    Wish(
        "max-controllers",
        "policy",
        "max_controllers",
        "max_controllers is {value}",
        "max_controllers {after} instead of {before}",
        is_number=True,
    ),
)
"""In the order in which an explanation would rather do without them, part by part."""

BY_CODE: Final = {(wish.rule, wish.whose): wish for wish in WISHES}


def wish_of(fact: Fact) -> Wish:
    """Raises KeyError for a fact that is no wish: one of CAPACITY_RULES."""
    return BY_CODE[fact.rule, fact.whose]


def wishes_of(whose: Whose, *forms: Form) -> tuple[Wish, ...]:
    """Those of one kind of part and of one form."""
    return tuple(wish for wish in WISHES if wish.whose == whose and wish.form in forms)
