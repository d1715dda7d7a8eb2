"""Requests that say one thing otherwise."""

from collections.abc import Iterator

from pydantic import ValidationError

from ...schema.catalog.virtual_functions import PHYSICAL
from ...schema.explanation.remedy import Change
from ...schema.pci.qemu_properties import Scalar
from ...schema.request.device import Controller
from ...schema.request.guest import Guest


def no_longer_virtual(guest: Guest, changed: Guest) -> Iterator[Change]:
    """Listed virtual functions need a slot that says whose they are: without it they are devices like others."""
    stating = {one.id: one.properties[PHYSICAL] for one in guest.devices if PHYSICAL in one.properties}
    for one in changed.devices:
        if one.id in stating and PHYSICAL not in one.properties:
            yield Change(what=PHYSICAL, subjects=(one.id,), before=stating[one.id])


def with_policy(guest: Guest, **changes: object) -> Guest:
    """The request with these fields of its policy changed."""
    return guest.model_copy(update={"policy": guest.policy.model_copy(update=changes)})


def with_bus_nr(guest: Guest, expander: Controller, number: Scalar | None) -> Guest:
    """The request whose expander says that bus number, or none."""
    others = {name: value for name, value in expander.properties.items() if name != "bus_nr"}
    changed = expander.model_copy(update={"properties": others | ({} if number is None else {"bus_nr": number})})
    return guest.model_copy(
        update={"controllers": tuple(changed if one is expander else one for one in guest.controllers)}
    )


def revalidated(guest: Guest, change: Change) -> Guest | None:
    """The request with another machine or firmware; None where that contradicts something else that it says."""
    try:
        return Guest.model_validate({**guest.model_dump(exclude_none=True), change.what: change.after})
    except ValidationError:
        return None
