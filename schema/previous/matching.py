"""What of two layouts is one and the same: devices have ids, controllers only places."""

from ..layout.layout import Layout
from .paths import paths_of


def same_controllers(before: Layout, after: Layout) -> dict[str, str]:
    """Of the later layout's controllers, by id, those of the earlier one that they are: model, slot and function are
    the same, and so for each controller above. Ids of controllers are labels, another layout may call the same one
    otherwise.

    Devices are the same where id and model are. Those of domains without aliases are told apart by what they are:
    `libvirt.same_devices` says which are the same, and `renamed` gives them the same ids first.
    """
    if before.machine_model.family != after.machine_model.family:
        return {}
    ways, later = paths_of(before), paths_of(after)
    there = {(one.model, ways[one.id]): one.id for one in before.controllers if one.id in ways}
    found = ((one.id, there.get((one.model, later[one.id]))) for one in after.controllers if one.id in later)
    return {name: same for name, same in found if same is not None}


def renamed(layout: Layout, names: dict[str, str]) -> Layout:
    """The layout in which devices have other ids; `names` gives the new one for each that has one. Who else has that id
    is called otherwise, so that it is nobody's."""
    taken = set(names.values())
    called = {one.id: names.get(one.id) or free_name(one.id, taken) for one in layout.devices}
    devices = tuple(one.model_copy(update={"id": called[one.id]}) for one in layout.devices)
    spoken = {
        name: {called.get(one, one): value for one, value in getattr(layout, name).items()}
        for name in ("guest_addresses", "guest_names")
    }
    return layout.model_copy(update={"devices": devices, **spoken})


def free_name(name: str, taken: set[str]) -> str:
    """The id itself, or what is not taken instead; it is taken from then on."""
    while name in taken:
        name += "-before"
    taken.add(name)
    return name
