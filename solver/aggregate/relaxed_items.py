"""A relaxation -> items: what must be placed, and what is left open about it and about the rest.

Wherever the counting model cannot say just what is open, it says less: what it has no solution for has none.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cached_property

from ...schema.explanation.restrict import Relaxation
from ...schema.firmware.need import upsets_alignment
from ...schema.pci.address import Pin
from ...schema.pci.controllers import CONTROLLERS
from ...schema.records import record
from ...schema.request.device import MODES, Controller, Device
from ...schema.request.guest import Guest
from ...schema.request.resolved import model_of
from .item_kinds import ItemKind, ItemKinds, Readings
from .items import Home, Item, Items, Occupant, Open, companions_of, items_of, pins_of


def relaxed_items(relaxation: Relaxation) -> Items:
    """Raises PinConflict as `items_of` does. Devices that may be absent are counted only where one may be of use."""
    return _Reader(relaxation).items()


@record(frozen=True)
class _Reader:
    relaxation: Relaxation

    @property
    def whole(self) -> Guest:
        return self.relaxation.whole

    @property
    def stated(self) -> Guest:
        return self.relaxation.stated

    def items(self) -> Items:
        """All that must hold as items of its own; then what is open."""
        kinds = ItemKinds(self.stated)
        freed = [name for name, pin in self._pins.items() if pin.function is not None and self._is_freed(name)]
        items = items_of(self.stated, kinds, self._readings, freed, self._companions)
        pinned = [replace(one, group=self._left_groups.get(one.item.ids[0])) for one in items.pinned]
        least: dict[ItemKind, int] = {}
        instead = self._groups(items, kinds, least)
        self._fillers(items, pinned, kinds, least)
        return replace(
            items,
            pinned=pinned,
            open=Open(
                least=least,
                instead=instead,
                homes=(*self._homes(items), *self._controller_homes()),
                controllers=self.relaxation.optional_controllers,
                readings=self._controller_readings(),
                nodes=_nodes(self.whole),
                upset=upsets_alignment(self.relaxation.optional_devices),
                more_io=bool(self.relaxation.optional_devices) or any(len(one) > 1 for one in self._readings.values()),
            ),
        )

    # ---- pins

    @cached_property
    def _pins(self) -> dict[str, Pin]:
        return pins_of(self.whole)

    @cached_property
    def _companions(self) -> dict[str, Pin]:
        """That are in the same slot whichever pins are kept: the more are, the higher it is. Others may be anywhere."""
        whole = companions_of(self.whole)
        return {name: pin for name, pin in companions_of(self.stated).items() if whole.get(name) == pin}

    @cached_property
    def _stated_pins(self) -> dict[str, Pin]:
        return pins_of(self.stated)

    def _is_freed(self, name: str) -> bool:
        """Whether the function of its pin need not be kept."""
        pin = self._stated_pins.get(name)
        return pin is None or pin.function is None

    def _left_home(self, name: str) -> Pin | None:
        """Its slot by a pin that need not be kept."""
        pin, stated = self._pins.get(name), self._stated_pins.get(name)
        return pin if pin is not None and pin.bus and (stated is None or not stated.bus) else None

    def _homes(self, items: Items) -> Iterator[Home]:
        """Of items that wait for a seat, and of devices that may be absent."""
        for kind, waiting in items.free.items():
            for item in waiting:
                yield from self._home(item.ids, kind)
        for device in self.relaxation.optional_devices:
            yield from self._home((device.id,), None)

    def _home(self, ids: Sequence[str], kind: ItemKind | None) -> Iterator[Home]:
        pins = [pin for one in ids if (pin := self._left_home(one)) is not None]
        if pins and pins[0].bus is not None and pins[0].slot is not None:
            named = [pin.function for pin in pins if pin.function is not None]
            functions = frozenset(named) if len(named) == len(ids) else None
            group = self._left_groups.get(ids[0])
            yield Home(tuple(ids), pins[0].bus, pins[0].slot, functions, kind=kind, group=group)

    def _controller_homes(self) -> Iterator[Home]:
        for one in self.whole.controllers:
            pin = self._left_home(one.id)
            if pin is not None and pin.bus is not None and pin.slot is not None:
                functions = None if pin.function is None else frozenset({pin.function})
                yield Home((one.id,), pin.bus, pin.slot, functions, controller=one.model)

    # ---- groups

    @cached_property
    def _left_groups(self) -> dict[str, str]:
        """Devices of groups that need not be kept."""
        kept = self.stated.groups
        return {one.id: one.group for one in self.whole.devices if one.group is not None and one.group not in kept}

    def _groups(
        self, items: Items, kinds: ItemKinds, least: dict[ItemKind, int]
    ) -> dict[ItemKind, Mapping[ItemKind, int]]:
        """Each group that need not be kept as one item that may be there in place of its members."""
        alone = {item.ids[0]: kind for kind, waiting in items.free.items() for item in waiting if len(item.ids) == 1}
        members: dict[str, list[str]] = {}
        for name, group in self._left_groups.items():
            if name in alone:
                members.setdefault(group, []).append(name)
        instead: dict[ItemKind, Mapping[ItemKind, int]] = {}
        for names in members.values():
            if len(names) > 1:
                clusters = [alone[name] for name in names]
                kind = kinds.of(
                    [self._readings[name] for name in names],
                    None,
                    near=next((one.near for one in clusters if one.near is not None), None),
                    near_switch=next((one.near_switch for one in clusters if one.near_switch is not None), None),
                )
                kind = replace(kind)  # each group its own: like ones may stand for others
                items.free[kind] = [Item(tuple(names), kind, None)]
                least[kind], instead[kind] = 0, Counter(clusters)
        return instead

    # ---- devices that may be absent

    def _fillers(self, items: Items, pinned: Sequence[Occupant], kinds: ItemKinds, least: dict[ItemKind, int]) -> None:
        """They can only be of use at function 0 of a slot where others have theirs."""
        functions = [item.functions for waiting in items.free.values() for item in waiting]
        functions += [one.item.functions for one in pinned]
        if all(one is None or 0 in one for one in functions):
            return
        for device in self.relaxation.optional_devices:
            asked, readings = self._devices[device.id], self._readings[device.id]
            lone = asked.group is None and asked.address is None
            at = (0,) if lone and readings[0].virtual_functions is not None else None
            kind = kinds.of([readings], at, near=None, near_switch=None)
            least.setdefault(kind, len(items.free.get(kind, ())))
            items.free.setdefault(kind, []).append(Item((device.id,), kind, at))

    # ---- what devices and controllers may be

    @cached_property
    def _readings(self) -> dict[str, Readings]:
        """By virtio mode, where that is open; by who else is there to claim a place of the chipset's; and by whether
        it shares its IOMMU group, which decides how it connects."""
        absent = self.relaxation.optional_devices
        everybody = self.stated.model_copy(update={"devices": _merged(self.whole, (*self.stated.devices, *absent))})
        result = {one.id: [self.stated.resolved.get(one.id) or everybody.resolved[one.id]] for one in everybody.devices}
        others = [everybody] if absent and self.stated.policy.preset == "libvirt" else []
        for mode in MODES:
            changed = tuple(self._with_mode(one, mode) for one in everybody.devices)
            others += [everybody.model_copy(update={"devices": changed})] if changed != everybody.devices else []
        for name, known in result.items():
            if self.whole.resolved[name].shares_iommu_group and not known[0].shares_iommu_group:
                known.append(self.whole.resolved[name])
        for other in others:
            for name, known in result.items():
                if (reading := other.resolved[name]) not in known:
                    known.append(reading)
        return {name: tuple(known) for name, known in result.items()}

    def _with_mode(self, device: Device, mode: str) -> Device:
        asked = self._devices[device.id]
        model = model_of(device).virtio
        if not asked.demands_mode or device.demands_mode or model is None or MODES[mode] not in model.modes:
            return device
        return device.model_copy(update={"virtio": mode})

    @cached_property
    def _devices(self) -> dict[str, Device]:
        return {one.id: one for one in self.whole.devices}

    def _controller_readings(self) -> dict[str, tuple[Controller, ...]]:
        asked = {one.id: one for one in self.whole.controllers}
        result: dict[str, tuple[Controller, ...]] = {}
        for one in (*self.stated.controllers, *self.relaxation.optional_controllers):
            known = [one]
            for name in ("properties", "hotplug"):
                own = getattr(asked[one.id], name)
                if own != getattr(one, name):
                    known += [reading.model_copy(update={name: own}) for reading in known]
            if len(known) > 1:
                result[one.id] = tuple(known)
        return result


def _merged(whole: Guest, devices: Sequence[Device]) -> tuple[Device, ...]:
    """In the order of the whole request."""
    known = {one.id: one for one in devices}
    return tuple(known[one.id] for one in whole.devices)


def _nodes(guest: Guest) -> frozenset[int]:
    """That something asks for."""
    wishes = {one.numa for one in guest.devices} | {one.numa for one in guest.spare}
    wishes |= {one.numa for one in guest.controllers if not CONTROLLERS[one.model].is_expander}
    return frozenset(node for node in wishes if node is not None)
