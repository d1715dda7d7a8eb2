"""Rules about what was there before: judged from both layouts, by paths, whatever the two call their controllers."""

from collections.abc import Iterator, Mapping
from typing import Final

from ..finding import Finding
from ..layout.known_model import known_model
from ..layout.layout import Layout, PlacedController, PlacedDevice
from ..pci.qemu_properties import Properties, Scalar, canonical
from ..previous import Path, Step
from .context import Context

Place = tuple[Step, ...]


def kept_controllers(known: Context) -> Iterator[Finding]:
    """Each controller that is gone, or has another value of a property than before, though nobody asked for that."""
    if known.standing is None or known.standing.is_conversion:
        return
    before = known.standing.before
    now = _by_place(known.layout, known.paths)
    stated: dict[str, Properties] = {one.id: one.properties for one in known.asked.controllers}
    occupied = [before.paths[name] for name in before.stayed(known.layout, known.paths)]
    for place, old in _by_place(before.layout, before.paths).items():
        if known.asked.policy.prune and all(path.above[: len(place)] != place for path in occupied):
            continue
        new = now.get(place)
        if new is None:
            details: dict[str, Scalar] = {"model": old.model, "path": str(before.paths[old.id]), "placed": 0}
            yield Finding(rule="kept-controllers", subjects=(old.id,), details=details)
        elif changed := _changed(old, new, stated.get(new.id, {})):
            yield Finding(rule="kept-controllers", subjects=(new.id,), details=changed)


def _by_place(layout: Layout, paths: Mapping[str, Path]) -> dict[Place, PlacedController]:
    there = ((one, paths[one.id]) for one in layout.controllers if one.id in paths)
    return {_place(one, path): one for one, path in there}


def _place(controller: PlacedController, path: Path) -> Place:
    return (*path.above, Step(controller.model, path.slot, path.function))


SAID_BY_FIELDS = frozenset({"hotplug", "numa_node"})
"""Properties that a request may state as fields: rule as-requested holds these against it."""


def _changed(old: PlacedController, new: PlacedController, stated: Properties) -> dict[str, Scalar]:
    """Properties of before that are not as they were, but for those that the request states."""
    differing: dict[str, Scalar] = {}
    for name, value in old.properties.items():
        given = new.properties.get(name)
        if (
            name not in stated
            and name not in SAID_BY_FIELDS
            and (given is None or canonical(name, given) != canonical(name, value))
        ):
            differing[name] = "none" if given is None else given
    return differing


def frozen(known: Context) -> Iterator[Finding]:
    """With policy.frozen, each device that moves."""
    if known.standing is None or not known.asked.policy.frozen:
        return
    before, now = known.standing.before, known.paths
    for name in before.moved(known.layout, now):
        details: dict[str, Scalar] = {
            "before": str(before.paths.get(name, "nowhere")),
            "now": str(now.get(name, "nowhere")),
        }
        yield Finding(rule="frozen", subjects=(name,), details=details)


BOOTABLE: Final = frozenset({"block", "scsi", "nvme"})
"""Categories of the catalogue that a guest may start from, host devices aside."""


def boot_disk(known: Context) -> Iterator[Finding]:
    """Who was found first of these, if another is now, and nobody says by bootindex who is to be."""
    if known.standing is None or known.prediction is None:
        return
    before = known.standing.before
    if any("bootindex" in one.properties for one in known.layout.devices):
        return
    was = _first_found(before.layout, {name: address for name, (address, _) in (before.seen or {}).items()})
    now = _first_found(known.layout, known.prediction.guest_addresses)
    if was is not None and now is not None and now != was and was in known.places:
        details: dict[str, Scalar] = {"before": was, "now": now}
        yield Finding(rule="boot-disk", severity="warning", subjects=(was,), details=details)


def _first_found(layout: Layout, addresses: Mapping[str, str | None]) -> str | None:
    found = [(address, one.id) for one in layout.devices if _boots(one) and (address := addresses.get(one.id))]
    return min(found)[1] if found else None


def _boots(device: PlacedDevice) -> bool:
    model = known_model(device)
    return model is not None and model.category in BOOTABLE
