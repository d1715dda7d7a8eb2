"""Rule iommu-group: the devices of one IOMMU group stay in one address space; and what it costs where several share."""

from collections.abc import Iterator
from dataclasses import field

from ...schema.records import record
from ...schema.weights import WEIGHTS
from ..aggregate.bus_classes import BusClass
from ..aggregate.iommu import OPEN_SPACE
from ..aggregate.item_kinds import ItemKind
from .linear import LinearExpr, sum_of
from .variables import Variables


@record
class AddressSpaces:
    """`chosen` says by IOMMU group which address space its devices have, `lone` how many other groups are in each."""

    v: Variables
    chosen: dict[int, dict[str, LinearExpr]] = field(default_factory=dict)
    lone: dict[str, LinearExpr] = field(default_factory=dict)
    _spaces: list[str] = field(init=False)

    def __post_init__(self) -> None:
        self._spaces = list(dict.fromkeys(bus.level.space for bus in self.v.classes if bus.level.space is not None))
        for option, count in zip(self.v.options, self.v.counts, strict=True):
            self._sits(option.kind, option.bus, count, len(self.v.items.free[option.kind]))
        for bus in self.v.classes:
            for occupant in self.v.occupants(bus):
                self._sits(occupant.item.kind, bus, self.v.controller_count(bus), 1)
        for choices in self.chosen.values():
            self.v.linear.add_eq(sum_of(choices.values()), 1)
        for space in self._spaces:
            if space.startswith(OPEN_SPACE):
                self.v.linear.add_le(sum_of(self._topmost(space)), 1)

    def _topmost(self, space: str) -> Iterator[LinearExpr]:
        """Bridges whose address space that is, by where they hang."""
        for bus in self.v.classes:
            for host in bus.possible_parents if bus.level.space == space else ():
                if host.level.space != space:
                    yield self.v.attached(bus, host)

    def _sits(self, kind: ItemKind, bus: BusClass, count: LinearExpr, most: int) -> None:
        """`count` items, `most` at most, sit there."""
        space = bus.level.space
        for group in sorted(kind.iommu_groups):
            if group not in self.chosen:
                variable = self.v.linear.variable
                self.chosen[group] = {one: variable(0, 1, "address_space", group, one) for one in self._spaces}
            self.v.linear.add_le(count, self.chosen[group][space] * most if space is not None else 0)
        if space is not None and kind.lone_iommu_groups:
            self.lone.setdefault(space, LinearExpr()).add(count, kind.lone_iommu_groups)

    def cost(self) -> LinearExpr:
        """The preference `iommu-space`: at least the weight of each group but the first in a space, and just that where
        it is least."""
        result = LinearExpr()
        for space in self._spaces:
            here = sum_of(choices[space] for choices in self.chosen.values()) + self.lone.get(space, LinearExpr())
            most = self.v.linear.upper_bound(here) - 1
            if most > 0:
                beyond = self.v.linear.variable(0, most, "groups_beyond_one", space)
                self.v.linear.add_le(here - 1, beyond)
                result.add(beyond, WEIGHTS["iommu-space"])
        return result
