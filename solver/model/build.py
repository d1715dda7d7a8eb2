"""Guest -> model: bus classes, options, rules, objective. One function a rule, all called here."""

from collections.abc import Callable
from copy import copy
from dataclasses import replace

from ...schema.explanation.conflict import ENOUGH_SLOTS
from ...schema.pci.controllers import Connector
from ...schema.records import record
from ...schema.request.fields import Term
from ...schema.request.guest import Guest
from ..aggregate.bus_class_builder import BusClassBuilder
from ..aggregate.iommu import outbid
from ..aggregate.item_kinds import ItemKind
from ..aggregate.items import Items
from ..aggregate.listed_controllers import ListedControllers
from ..aggregate.pins import Occupancy, PinConflict
from ..formulation import Formulation
from .address_spaces import AddressSpaces
from .bus_tree import bus_numbers, max_controllers, near
from .io_space import io_space
from .io_windows import Windows, io_windows
from .linear import Capacity, LinearExpr, LinearModel
from .memory import memory_space
from .objective import objective
from .seat_options import Option, options_of
from .slots import every_controller_attached, every_item_seated, slots_suffice
from .spare_slots import spares_have_room
from .variables import Variables


@record(frozen=True)
class Model:
    """A model and the terms of its objective, in units of the answer."""

    variables: Variables
    windows: Windows
    terms: dict[Term, LinearExpr]
    capacities: tuple[Capacity, ...]
    formulation: Formulation
    incomplete: bool
    """Layouts that might be better are left out, as there are too many: the model proves nothing."""

    @property
    def no_objective(self) -> LinearExpr:
        """An objective for the question whether there is any layout."""
        return LinearExpr()

    def limited(self, what: LinearExpr, limit: int) -> "Model":
        """The same model, asked only for assignments with `what <= limit`."""
        variables = copy(self.variables)
        variables.linear = self.variables.linear.limited(what, limit)
        return replace(self, variables=variables)


def build(guest: Guest, items: Items, formulation: Formulation, *, check: Callable[[], object] = bool) -> Model:
    """The model of a guest. Raises PinConflict where a pinned part breaks a rule by itself, and what `check` raises."""
    # of slots that are not to run out there are enough for all that is listed, and a controller for each of it
    copies = 1 if formulation.keeps(ENOUGH_SLOTS) else 2 * items.number + 1
    tree = Occupancy(guest, items)
    builder = BusClassBuilder(ListedControllers(guest, items, tree, copies), formulation, check)
    classes = builder.build()
    options = options_of(guest, items, classes, tree.all_homes())
    _all_may_sit(guest, items, options)
    if formulation.cheapest_only:
        weights = _least_weights(options)
        builder.incomplete |= outbid(items.free, weights)
        options = [option for option in options if option.weight == weights[option.kind]]
    v = Variables(guest, items, classes, options, LinearModel(check=check), guarded=formulation.guarded)
    begin = v.linear.begin
    begin("complete: each item has a seat")
    every_item_seated(v)
    begin("complete: each controller hangs on one bus")
    every_controller_attached(v)
    begin("address-unique, slot-sharing, group, function-zero: slots suffice, and who shares one may")
    slots_suffice(v)
    begin("near, near-switch: a cluster stays below one root bus, one upstream port")
    near(v)
    begin("iommu-group: an IOMMU group has one address space")
    spaces = AddressSpaces(v)
    begin("max-controllers")
    max_controllers(v)
    begin("pages of IO windows; reserves: io-reserve=0 forwards none")
    windows = io_windows(v, bounded=formulation.keeps("io-space"))
    begin("spare: bridges keep room for spare slots")
    spares_have_room(v, windows)
    capacities = _capacities(v, windows, formulation)
    begin("further restrictions")
    terms = objective(v, windows, spaces)
    return Model(v, windows, terms, capacities, formulation, builder.incomplete or v.incomplete)


def _capacities(v: Variables, windows: Windows, formulation: Formulation) -> tuple[Capacity, ...]:
    """Rules bus-numbers, io-space, memory-space."""
    begin = v.linear.begin
    begin("bus-numbers: of complexes and bus-reserves")
    capacities = [bus_numbers(v, bounded=formulation.keeps("bus-numbers"))]
    begin("io-space: what alignment loses")
    capacities += io_space(v, windows, bounded=formulation.keeps("io-space"))
    begin("memory-space: windows and reserves")
    capacities += memory_space(v, bounded=formulation.keeps("memory-space"))
    begin("bus-numbers, io-space, memory-space: no more is used than there is")
    for capacity in capacities:
        if formulation.keeps(capacity.rule):
            v.limit(capacity.used, capacity.available, capacity.rule)
    return tuple(capacities)


def _all_may_sit(guest: Guest, items: Items, options: list[Option]) -> None:
    """Raises PinConflict for what nobody else keeps from having a place: there is none."""
    seated = {option.kind for option in options}
    spared = {kind for members in items.open.instead.values() for kind in members}
    for kind, waiting in items.free.items():
        if kind not in seated | spared and items.open.least.get(kind, len(waiting)):
            connectors = {items.resolved[one].connector for item in waiting if kind.spare is None for one in item.ids}
            reasons = {
                "spare": kind.spare is not None,
                "iommu-group": bool(kind.iommu_groups),
                "integrated": Connector.INTEGRATED in connectors,
                "hotplug": kind.hotplug == "required",
                "numa": kind.numa is not None,
                "near-switch": kind.near_switch is not None,
                "max-depth": guest.policy.max_depth is not None,
                "preset": kind.alone_by_preset,
            }
            rule = next((rule for rule, applies in reasons.items() if applies), "connect")
            raise PinConflict(rule, tuple(one for item in waiting for one in item.ids))


def _least_weights(options: list[Option]) -> dict[ItemKind, int]:
    least: dict[ItemKind, int] = {}
    for option in options:
        if option.kind not in least or option.weight < least[option.kind]:
            least[option.kind] = option.weight
    return least
