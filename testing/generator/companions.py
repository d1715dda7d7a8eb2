"""What binds devices together: groups and neighbours."""

from ...schema.catalog import find
from ...schema.pci.controllers import Need
from .draft import Data, Draft
from .pins import pin


def draw_groups(draft: Draft) -> None:
    """Makes groups of some devices, with functions or an address of their own now and then."""
    draw = draft.draw
    free = [device for device in draft.devices if "address" not in device and "group" not in device]
    count = draw.integer(1, 2 if draft.size.small else 4) if "groups" in draft.themes else int(draw.chance(0.05))
    for number in range(count):
        members = free[: draw.integer(1, 4)]
        free = free[len(members) :]
        for member in members:
            member["group"] = f"g{number}"
            if member is not members[0]:
                member.pop("numa", None)
        _pin_members(draft, members)


def _pin_members(draft: Draft, members: list[Data]) -> None:
    draw = draft.draw
    functions = draw.sample(range(8), len(members))
    if draw.chance(0.4):
        for member, function in zip(members, functions, strict=True):
            if draw.chance(0.5):
                member["address"] = f".{function}"
    elif members and draw.chance(0.15):
        integrated = any(
            "integrated" in (find(member["model"], described=True).connector, member.get("connect"))
            for member in members
        )
        address = pin(draft, Need.EXPRESS, root_only=integrated)
        if address is not None:
            members[0]["address"] = address


def draw_neighbours(draft: Draft) -> None:
    """Wishes to be near another device; those of pinned devices, too."""
    draw = draft.draw
    if len(draft.devices) < 2 or not ("near" in draft.themes or draft.themed("inside", 0.3, 0.05)):
        return
    for _ in range(draw.integer(1, 2)):
        one, other = draw.sample(draft.devices, 2)
        word = "near_switch" if draft.family == "q35" and draw.chance(0.5) else "near"
        one[word] = [other["id"]]
