"""Why a device sits where it does, found by planning it elsewhere: pinned there, all else anew."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count
from typing import Final

from pydantic import ValidationError

from ...schema.errors import ArgumentError, expect
from ...schema.firmware import predict
from ...schema.layout.layout import Layout, PlacedDevice
from ...schema.layout.outcome import Infeasible, Undecided
from ...schema.layout.placement import OtherPlace, PlacementReport
from ...schema.layout.preference import UnmetPreference
from ...schema.pci.address import SLOTS, Pin
from ...schema.pci.controllers import CONTROLLERS
from ...schema.request.device import Controller, Device
from ...schema.request.guest import Guest, valid
from ...schema.request.problems import nearest, problems
from ...schema.verify import verify
from ...schema.verify.context import context_of
from ...schema.verify.objective import unmet_preferences
from ..options import Options
from ..search.cpsat import Limits
from .explain import explain, with_conflict

_NUMBER: Final = re.compile(r"(0000:)?(?P<number>[0-9a-fA-F]{2})")


def placement(
    guest: Guest, device: str, at: str | None = None, options: Options | None = None
) -> PlacementReport | Infeasible | Undecided:
    """Why `device` sits where it does, or, with `at` ("pcie.0:05.0"), what it would cost to have it there.

    Buses of the plan can be named in `at`, too, and by the number that the guest sees, as lspci prints it (`02:00.0`,
    `0000:02:00.0`). Without a plan: the outcome that says so. Raises ArgumentError for a device that the guest does not
    list, and for an address that cannot be read or whose bus is not there.
    """
    guest = valid(guest)
    asked = _device(guest, device)
    pin = None if at is None else _pin(at)
    options = Options() if options is None else options
    outcome = explain(guest, options)
    if isinstance(outcome, Infeasible):
        return outcome
    layout = outcome.layout
    if layout is None:
        assert isinstance(outcome, Undecided)
        return outcome
    seat = next(one for one in layout.devices if one.id == device)
    search = _Elsewhere(guest, asked, seat, layout, options)
    if pin is not None and pin.bus not in search.buses:
        pin = pin._replace(bus=_numbered(layout, str(pin.bus)))
        if pin.bus not in search.buses:
            raise ArgumentError("at", at, f"{at} names no bus of the plan: {', '.join(search.buses)}")
    return PlacementReport(
        device=device,
        model=seat.model,
        virtio=None if seat.virtio is None else seat.virtio.value,
        address=str(seat.address),
        bus_model=search.model_of(seat.bus),
        guest_address=layout.guest_addresses.get(device),
        pinned=asked.address is not None and asked.address.bus is not None,
        paid=tuple(one for one in _paid(guest, layout) if one.who == device),
        objective=layout.objective,
        elsewhere=tuple(search.all() if pin is None else [search.at(pin)]),
    )


def _numbered(layout: Layout, name: str) -> str | None:
    """The bus that the guest sees under a number, as in `02` or `0000:02`; None where there is none."""
    match = _NUMBER.fullmatch(name)
    number = None if match is None else int(match["number"], 16)
    if number == 0:
        return layout.machine_model.root
    return next((bus for bus, seen in predict(layout).secondary.items() if seen == number), None)


def _device(guest: Guest, name: str) -> Device:
    """The device that is asked about. Raises ArgumentError."""
    found = next((one for one in guest.devices if one.id == name), None)
    if found is None:
        known = [one.id for one in guest.devices]
        raise ArgumentError("device", name, f"{name!r} is none of the guest's devices{nearest(str(name), known)}")
    return found


def _pin(text: str) -> Pin:
    """The address that is asked for. Raises ArgumentError."""
    expect("at", text, str, "an address as text, as in 'pcie.0:05.0'")
    try:
        return Pin.parse(text)
    except ValueError as error:
        raise ArgumentError("at", text, str(error)) from None


def _paid(guest: Guest, layout: Layout) -> tuple[UnmetPreference, ...]:
    return unmet_preferences(context_of(guest, layout))


def _names(start: str) -> Iterator[str]:
    yield start
    yield from (f"{start}{number}" for number in count(2))


def _open(device: Device) -> Pin | None:
    """Its address without a slot: the function alone, where that is a wish of its own or of its group's."""
    pin = device.address
    if pin is None or pin.function is None or (pin.bus is not None and device.group is None):
        return None
    return Pin(None, None, pin.function)


@dataclass(frozen=True, slots=True)
class _Elsewhere:
    guest: Guest
    asked: Device
    seat: PlacedDevice
    layout: Layout
    options: Options

    def all(self) -> Iterator[OtherPlace]:
        """A place of each other sort: on the root bus, behind a port, on a conventional bus."""
        here = self._sort(self.seat.bus)
        sorts = ("root", "port", "bridge") if self.guest.machine_model.family == "q35" else ("root", "bridge")
        for sort in sorts:
            if sort != here:
                bus = self.guest.machine_model.root if sort == "root" else self._bus(sort)
                slot = 0 if sort == "port" else self._free_slot(bus)
                if slot is not None:
                    yield self.at(Pin(bus, slot, None))

    def at(self, pin: Pin) -> OtherPlace:
        """The best plan with the device there, held against the one that there is."""
        new = pin.bus in self._new.values()
        there = OtherPlace(address=str(pin), bus_model=self.model_of(str(pin.bus)), new=new)
        try:
            changed = self._pinned(pin)
        except ValidationError as error:
            return there.model_copy(update={"refused": "; ".join(map(str, problems(error, {}, Guest)))})
        outcome = with_conflict(changed, Limits.of(self.options))
        if isinstance(outcome, Infeasible):
            return there.model_copy(update={"findings": outcome.findings, "conflict": outcome.conflict})
        if outcome.layout is None:
            return there.model_copy(update={"refused": "not decided: more time may help", "proved": False})
        before, after = ({term.term: term.value for term in one.objective} for one in (self.layout, outcome.layout))
        term = next((term for term in self.guest.policy.order if before[term] != after[term]), None)
        costs = {} if term is None else {"term": term, "before": before[term], "after": after[term]}
        known = _paid(self.guest, self.layout)
        paid = tuple(one for one in _paid(changed, outcome.layout) if one not in known)
        proved, objective = not isinstance(outcome, Undecided), outcome.layout.objective
        answer = {"paid": paid, "objective": objective, "proved": proved}
        return there.model_copy(update={**costs, **answer, "only_by_pin": self._only_by_pin(outcome.layout)})

    def _only_by_pin(self, layout: Layout) -> bool:
        """Whether the device's seat breaks a rule once nobody pins it."""
        members = self.guest.groups.get(self.asked.group or "", (self.asked,))
        names = {one.id for one in members}
        devices = (
            one.model_copy(update={"address": _open(one)}) if one.id in names else one for one in self.guest.devices
        )
        free = self.guest.model_copy(update={"devices": tuple(devices)})
        return any(one.severity == "error" and names & set(one.subjects) for one in verify(free, layout))

    def _pinned(self, pin: Pin) -> Guest:
        """Validated. A bus that only the plan has, or that is to be new, is listed for it."""
        own = self.asked.address
        if pin.function is None and own is not None:
            pin = pin._replace(function=own.function)
        listed, devices = self.guest.controllers, self.guest.devices
        devices = tuple(one.model_copy(update={"address": pin}) if one is self.asked else one for one in devices)
        if pin.bus in self._created and all(one.id != pin.bus for one in listed):
            node = self.asked.numa if pin.bus in self._new.values() else None
            listed = (*listed, Controller(id=str(pin.bus), model=self._created[pin.bus], numa=node))
        changed = self.guest.model_copy(update={"devices": devices, "controllers": listed})
        return Guest.model_validate(changed.model_dump(exclude_none=True))

    @property
    def buses(self) -> list[str]:
        return [self.guest.machine_model.root, *(one.id for one in self.layout.controllers)]

    @property
    def _created(self) -> dict[str | None, str]:
        planned: dict[str | None, str] = {one.id: one.model for one in self.layout.controllers}
        bridge = "pcie-pci-bridge" if self.guest.machine_model.family == "q35" else "pci-bridge"
        return {self._new["port"]: "pcie-root-port", self._new["bridge"]: bridge, **planned}

    @property
    def _new(self) -> dict[str, str]:
        """Ids, which nothing has, for what is created to ask for a place behind it."""
        taken = {one.id for one in (*self.guest.parts, *self.layout.controllers)}
        return {sort: next(name for name in _names(f"new{sort}") if name not in taken) for sort in ("port", "bridge")}

    def _bus(self, sort: str) -> str:
        """A conventional bus of the plan, if it has one; a port of the device's own is always new."""
        there = (one.id for one in self.layout.controllers if sort == "bridge" and self._sort(one.id) == "bridge")
        return next(there, self._new[sort])

    def _sort(self, bus: str) -> str:
        if bus == self.guest.machine_model.root:
            return "root"
        model = CONTROLLERS[str(self._created[bus])]
        return "port" if model.is_port else "root" if model.bus.express else "bridge"

    def model_of(self, bus: str) -> str:
        return "" if bus == self.guest.machine_model.root else self._created.get(bus, "")

    def _free_slot(self, bus: str) -> int | None:
        """The first slot that nobody is pinned to; whatever else is there is planned anew."""
        fixed = {(pin.bus, pin.slot) for pin in self.guest.reserve}
        fixed |= {one.address[:2] for one in self.guest.parts if one.address is not None}
        platform = self.guest.machine_model
        first, last = (platform.first_slot, platform.last_slot) if bus == platform.root else (1, SLOTS - 1)
        return next((slot for slot in range(first, last + 1) if (bus, slot) not in fixed), None)
