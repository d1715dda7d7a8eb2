"""Bus classes of controllers that the planner may create: one a level, or one for each single bus."""

from dataclasses import field
from typing import NamedTuple

from ...schema.firmware.budget import PAGE, io_budget
from ...schema.pci.address import BUS_NUMBERS
from ...schema.pci.controllers import CONTROLLERS
from ...schema.records import record
from ..formulation import Formulation
from .bridge_nesting import BRIDGE_LEVELS, shpc_costs, turns_shpc_off, useful_nesting
from .bus_class_drafts import BusClassDraft
from .bus_classes import (
    ALL_FUNCTIONS,
    NO_ROOM,
    ROOT_KINDS,
    BusClass,
    BusKind,
    KeptRoom,
    Level,
    SharedBy,
    SlotKind,
    takes_hotplug,
)
from .controller_reserves import ports_look_hot, ports_reserve
from .listed_controllers import KIND_OF_BUS, ListedControllers


class _Key(NamedTuple):
    model: str
    level: Level
    io_bus_number: int | None


@record
class CreatedControllers:
    """Drafts these classes, and adds them to those of the listed ones."""

    listed: ListedControllers
    formulation: Formulation
    _known: dict[_Key, BusClassDraft] = field(default_factory=dict)

    def at(
        self, model: str, where: Level, most: int, *, io_bus_number: int | None = None, alone: bool = False
    ) -> BusClassDraft:
        """The class of that model and level, which may be known already. `io_bus_number` is that of a single bus of the
        exact IO model; `alone`: it is the only bridge there, with or without IO."""
        key = _Key(model, where, io_bus_number)
        if key not in self._known:
            guest, offer = self.listed.guest, KIND_OF_BUS[CONTROLLERS[model].bus]
            slots = self._slots(model, offer, where)
            several = offer is BusKind.CONVENTIONAL and io_bus_number is None and not alone
            one = BusClass(
                kind=offer,
                model=model,
                level=where,
                slots=(slots,),
                takes_hotplug=slots.takes_hotplug,
                created=True,
                max_count=most,
                io_reserve_pages=int(ports_reserve(guest) and model == "pcie-root-port"),
                shpc=self._opens_a_page(model, where),
                shpc_optional=model == "pci-bridge" and where.acpi_reaches and turns_shpc_off(guest),
                room=KeptRoom() if self._keeps_room(model) else NO_ROOM,
                io_bus_number=io_bus_number,
                without_io_devices=self.formulation.exact_io and several,
            )
            self._known[key] = BusClassDraft(one, nesting=1 << 30)
            self.listed.drafts.append(self._known[key])
        return self._known[key]

    def _slots(self, model: str, offer: BusKind, where: Level) -> SlotKind:
        """All are alike: nobody is there yet."""
        bus = CONTROLLERS[model].bus
        return SlotKind(
            ALL_FUNCTIONS,
            SharedBy.EMPTY,
            has_zero=False,
            cost=0,
            takes_hotplug=takes_hotplug(self.listed.guest, model, where, on=True, shpc=True),
            numbers=tuple(range(bus.first_slot, bus.last_slot + 1)),
            copies=self.listed.copies_on(offer),
        )

    def _keeps_room(self, model: str) -> bool:
        """Whether the firmware heeds the reserves of a created one, which keeps its SHPC where it has spare slots."""
        return model == "pci-bridge" or (model == "pcie-root-port" and ports_look_hot(self.listed.guest))

    def _opens_a_page(self, model: str, where: Level) -> bool:
        """Whether an empty one has a window: a pci-bridge, unless its SHPC is off or a bridge below it has one."""
        if model == "pcie-pci-bridge":
            return shpc_costs(self.listed.guest)
        if model != "pci-bridge" or not shpc_costs(self.listed.guest):
            return False
        chain = useful_nesting(self.listed.guest, self.listed.items, acpi_reaches=where.acpi_reaches)
        return self.formulation.chains or chain <= BRIDGE_LEVELS

    def room(self, host: BusClass) -> int:
        """Controllers that the slots of `host` could hold at most; of a class with several hosts this is no bound."""
        single = host.kind in ROOT_KINDS
        slots = sum(slot.mask.bit_count() * slot.count for slot in host.slots)
        return min(self._most, slots) if single else self._most

    @property
    def _most(self) -> int:
        """Controllers of a class: each takes a bus number. If those may not run out, one for all that is listed."""
        numbers = BUS_NUMBERS - 1
        return numbers if self.formulation.keeps("bus-numbers") else max(numbers, self.listed.items.number)

    @property
    def io_buses(self) -> int:
        """More buses with IO than windows or IO devices there cannot be, nor with other reserves than spare slots."""
        guest, free = self.listed.guest, self.listed.items.free
        budget = io_budget(guest.machine_model, guest.firmware.name)
        wet = sum(len(items) for kind, items in free.items() if any(fit.io for fit in kind.fits))
        kept = ((kind.spare, len(items)) for kind, items in free.items())
        reserving = sum(count for spare, count in kept if spare and spare.memory and not spare.io)
        return (min(wet, budget.limit // PAGE) if self.formulation.keeps("io-space") else wet) + reserving
