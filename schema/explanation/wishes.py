"""The table of wishes: all that a request can state and do without.

What a request states fact by fact (facts.py), the request without some of it (restrict.py), the words (clauses.py)
and the changes that help (remedy.py) derive from it: a new wish is one entry here. `OWN` are wishes that facts.py and
restrict.py treat each by itself.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal

from ..pci.controllers import CONTROLLERS, RESERVES
from ..pci.qemu_properties import Properties, Scalar, as_text
from ..request.device import Controller
from .conflict import Fact, Whose

BINDING: Final = RESERVES | {"bus_nr", "shpc"}
"""Properties of demanded controllers that decide what fits."""

Form = Literal["each", "alike", "others", "group", "own"]
"""How a wish becomes facts: one of each part that has it; one of all parts that differ in nothing but names, with their
number; one that also names the parts wished for; one of all members of a group; by code of its own."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """`rule` and `whose` identify a wish, `field` is where the request says it, `absent` what it holds without."""

    rule: str
    whose: Whose
    field: str
    absent: object = None
    form: Form = "each"
    is_stated: Callable[[Any], bool] | None = None
    """Whether a part has the wish; else it does where the field is not `absent`."""
    value_of: Callable[[Any], Scalar | None] | None = None
    """What is told of a part that has it; else the field."""
    dropped: Callable[[Any], object] | None = None
    """What the field of a part holds without the wish, where that depends on the part; else `absent`."""
    clause: str
    """Follows "because". {who}, {names}, {first}, {others} and {value} are of the fact, {be}, {have} and {take} verbs
    that agree with its number, {entry} is " (spare[0])" where it must be told which one."""
    clause_for: Mapping[Scalar | None, str] | None = None
    """Other words for some values."""
    what: str = ""
    """What a `Change` calls it; the rule, unless it says otherwise."""
    instead: Scalar | None = None
    """What the request says in its place, where something must be said."""
    is_number: bool = False
    """It is lessened or raised, and never taken away whole to see what else clashes."""
    remedy: str
    """Words of the change: {who}, {before}, {after}, {model} and {entry} of it."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "what", self.what or self.rule)

    def stated_by(self, part: object) -> bool:
        return self.is_stated(part) if self.is_stated else getattr(part, self.field) != self.absent

    def value(self, part: object) -> Scalar | None:
        if self.value_of:
            return self.value_of(part)
        value: Scalar | None = getattr(part, self.field)
        return value

    def without(self, part: object) -> object:
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
PINNED: Final = "{who} {be} pinned to {value}"
LESS: Final = "leave out {count_of}{who}"

WISHES: Final = (
    Wish(
        rule="reserve",
        whose="guest",
        field="reserve",
        absent=(),
        form="own",
        clause="{who} {be} reserved",
        remedy="do not reserve {who}",
    ),
    Wish(
        rule="spare",
        whose="spare",
        field="count",
        absent=0,
        form="own",
        clause="{who} {be} asked for{entry}",
        is_number=True,
        remedy="ask for {after} spare {model} slots instead of {before}{entry}",
    ),
    Wish(
        rule="complete",
        whose="device",
        field="devices",
        form="own",
        clause="{who} {be} to be placed",
        what="leave-out",
        remedy=LESS,
    ),
    Wish(
        rule="complete",
        whose="controller",
        field="controllers",
        form="own",
        clause="{who} {be} demanded",
        what="leave-out",
        remedy=LESS,
    ),
    Wish(
        rule="near",
        whose="device",
        field="near",
        absent=(),
        form="others",
        value_of=_nothing,
        clause="{first} wants {others} to share its root bus (near)",
        remedy="leave out near of {who}",
    ),
    Wish(
        rule="near-switch",
        whose="device",
        field="near_switch",
        absent=(),
        form="others",
        value_of=_nothing,
        clause="{first} wants {others} to sit below the same switch (near-switch)",
        remedy="leave out near_switch of {who}",
    ),
    Wish(
        rule="group",
        whose="device",
        field="group",
        form="group",
        clause="{names} make up group {value}, functions of one slot",
        remedy="leave out group {before}",
    ),
    Wish(
        rule="numa",
        whose="device",
        field="numa",
        form="alike",
        clause=NODE,
        remedy="leave out numa of {who}",
    ),
    Wish(
        rule="hotplug",
        whose="device",
        field="hotplug",
        absent="preferred",
        form="alike",
        is_stated=lambda device: device.hotplug == "required",
        value_of=_nothing,
        clause="{who} must be hot-pluggable",
        instead="preferred",
        remedy="hotplug: {after} for {who}",
    ),
    Wish(
        rule="as-requested",
        whose="device",
        field="virtio",
        absent="auto",
        form="alike",
        is_stated=lambda device: device.demands_mode,
        clause="{who} must offer virtio 0.9 (virtio: {value})",
        clause_for={"modern": "{who} must be modern by its slot alone (virtio: modern, virtio_by: slot)"},
        what="virtio",
        instead="auto",
        remedy="virtio: {after} for {who}",
    ),
    Wish(
        rule="pin",
        whose="device",
        field="address",
        form="alike",
        value_of=_address,
        clause=PINNED,
        remedy="free {who} of the address {before}",
    ),
    Wish(
        rule="numa",
        whose="controller",
        field="numa",
        # an expander's node is no wish: it is what the expander is
        is_stated=lambda one: one.numa is not None and not CONTROLLERS[one.model].is_expander,
        clause=NODE,
        remedy="leave out numa of {who}",
    ),
    Wish(
        rule="hotplug",
        whose="controller",
        field="hotplug",
        absent=True,
        value_of=lambda _: "off",
        clause="{who} {take} no hot-plug (hotplug: off)",
        instead="on",
        remedy="hotplug: {after} for {who}",
    ),
    Wish(
        rule="as-requested",
        whose="controller",
        field="properties",
        is_stated=lambda one: bool(_binding(one)),
        value_of=lambda one: ", ".join(f"{name}={as_text(value)}" for name, value in _binding(one).items()),
        dropped=_not_binding,
        clause="{who} {have} {value}",
        what="properties",
        remedy="leave out {before} of {who}",
    ),
    Wish(
        rule="pin",
        whose="controller",
        field="address",
        value_of=_address,
        clause=PINNED,
        remedy="free {who} of the address {before}",
    ),
    Wish(
        rule="preset",
        whose="policy",
        field="preset",
        absent="default",
        # other presets choose the machine, and say nothing of places
        is_stated=lambda policy: policy.preset == "libvirt",
        clause="preset {value} puts each device alone where libvirt would",
        instead="default",
        remedy="preset {after} instead of {before}",
    ),
    Wish(
        rule="viommu-host-device",
        whose="guest",
        field="needs",
        is_stated=lambda guest: "viommu" in guest.needs,
        value_of=_nothing,
        dropped=lambda guest: tuple(need for need in guest.needs if need != "viommu"),
        clause="with a vIOMMU no host device may sit behind a conventional bridge",
        what="viommu",
        remedy="leave viommu out of needs",
    ),
    Wish(
        rule="max-depth",
        whose="policy",
        field="max_depth",
        clause="max_depth is {value}: no device may have more bridges above it",
        is_number=True,
        remedy="max_depth {after} instead of {before}",
    ),
    Wish(
        rule="max-controllers",
        whose="policy",
        field="max_controllers",
        clause="max_controllers is {value}",
        is_number=True,
        remedy="max_controllers {after} instead of {before}",
    ),
)
"""In the order in which an explanation would rather do without them, part by part."""

BY_CODE: Final = {(wish.rule, wish.whose): wish for wish in WISHES}


def wish_of(fact: Fact) -> Wish:
    """Raises KeyError for a fact that is no wish: one of CAPACITY_RULES."""
    return BY_CODE[fact.rule, fact.whose]


def wishes_of(whose: Whose, *forms: Form) -> tuple[Wish, ...]:
    return tuple(wish for wish in WISHES if wish.whose == whose and wish.form in (forms or ("each",)))
