"""Address spaces of a guest with a vIOMMU: rule iommu-group, and the preference against sharing one."""

from functools import cached_property

from ...schema.records import record
from ...schema.weights import WEIGHTS
from .connectors import iommu_group as group_of
from .tree import Tree
from .variables import Expression, Seats

AROUND = ""
"""The space of what bypasses the vIOMMU; no bridge is called that."""


@record
class SharedSpaces:
    """A space is named by the topmost conventional bridge that all in it sit behind; one is AROUND."""

    seats: Seats
    tree: Tree

    @cached_property
    def _groups(self) -> dict[str, list[str]]:
        """Items by the IOMMU groups of their members; an item is there once for each member."""
        groups: dict[str, list[str]] = {}
        for item in self.seats.things.items:
            for one in item.members:
                group = group_of(self.seats.guest, one)
                if group is not None:
                    groups.setdefault(group, []).append(item.key)
        return groups

    @cached_property
    def _conventional(self) -> list[str]:
        return [key for key in self.seats.bridges if self.seats.buses[key].is_conventional]

    @cached_property
    def _behind(self) -> dict[tuple[str, str], Expression]:
        """Whether a bus is behind that bridge, with no conventional bridge above it."""
        seats, root = self.seats, self.seats.guest.machine_model.root
        behind: dict[tuple[str, str], Expression] = {(root, top): 0 for top in self._conventional}
        for key in seats.bridges:
            for top in self._conventional:
                behind[key, top] = seats.model.new_bool_var(f"{key} behind {top}")
        for key, bridge in seats.bridges.items():
            others = [top for top in self._conventional if top != key]
            for top in others:
                if bridge.is_expander:
                    seats.forbid(behind[key, top])
                else:
                    seats.inherits(key, behind[key, top], lambda bus, top=top: behind[bus, top])  # type: ignore[misc]
            if key in self._conventional:
                seats.model.add(behind[key, key] + sum(behind[key, top] for top in others) == 1)
        return behind

    def _bypasses(self, bus: str) -> Expression:
        """Whether it is below a pxb-pcie that bypasses the vIOMMU; a pxb never does."""
        roots = (one for one in self.seats.roots if one.model == "pxb-pcie" and one.given.get("bypass_iommu") is True)
        return sum(self.tree.inside(root.key)[bus] for root in roots)

    def _shares(self, bus: str, space: str) -> Expression:
        return self._bypasses(bus) if space == AROUND else self._behind[bus, space]

    def iommu_group(self) -> None:
        """Rule iommu-group: those of one group are all in one of the spaces that can be shared."""
        seats = self.seats
        for group, items in self._groups.items():
            if len(items) < 2:
                continue
            chosen = {space: seats.model.new_bool_var(f"{group} in {space}") for space in self._spaces}
            seats.model.add(sum(chosen.values()) == 1)
            for key in dict.fromkeys(items):
                for bus, here in seats.on[key].items():
                    for space, choice in chosen.items():
                        seats.model.add(choice + here <= 1 + self._shares(bus, space))

    @property
    def _spaces(self) -> list[str]:
        return [*self._conventional, AROUND]

    def cost(self) -> Expression:
        """At least the weight of each group but the first in a space."""
        if len(self._groups) < 2:
            return 0
        seats, cost = self.seats, 0
        for space in self._spaces:
            present = [seats.model.new_bool_var(f"{group} shares {space}") for group in self._groups]
            for here, items in zip(present, self._groups.values(), strict=True):
                for key in dict.fromkeys(items):
                    for bus, on in seats.on[key].items():
                        apart = 0 if space == AROUND else self._bypasses(bus)
                        seats.model.add(on + self._shares(bus, space) - apart <= 1 + here)
            beyond = seats.model.new_int_var(0, len(present), f"groups beyond one in {space}")
            seats.model.add(beyond >= sum(present) - 1)
            cost += WEIGHTS["iommu-space"] * beyond
        return cost
