"""Rules about what stands in the layout, and about what the layout says of itself."""

from collections import Counter
from collections.abc import Iterator

from ..finding import Finding
from ..layout.layout import HASH_VERSION, HISTORY, IoWindow
from ..pci.controllers import CONTROLLERS, CREATED_ON
from ..words import FEW
from .context import Context
from .objective import objective_of, unmet_preferences


def complete(known: Context) -> Iterator[Finding]:
    """One finding for each that is missing or was not asked for."""
    placed = {device.id for device in known.layout.devices}
    for name in known.resolved:
        if name not in placed:
            yield Finding(rule="complete", subjects=(name,), details={"placed": 0})
    for device in known.layout.devices:
        if device.id not in known.resolved:
            yield Finding(rule="complete", subjects=(device.id,), details={"asked": 0})
    for controller in known.guest.controllers:
        if controller.id not in known.topology.controllers:
            yield Finding(rule="complete", subjects=(controller.id,), details={"placed": 0})
    yield from _uncalled(known)


def _uncalled(known: Context) -> Iterator[Finding]:
    """Controllers of models that are never added; expanders of a node that nothing asks for, or a second one of it."""
    guest = known.guest
    demanded = {controller.id: controller for controller in guest.controllers}
    wished = {device.numa for device in guest.devices} | {spare.numa for spare in guest.spare if spare.count}
    wished |= {one.numa for one in guest.controllers if not CONTROLLERS[one.model].is_expander}
    for bus in known.topology.buses.values():
        if bus.controller is None or bus.id in demanded:
            continue
        fits = CONTROLLERS[bus.controller.model].machine in (None, known.machine.family)  # else rule machine-model
        if fits and bus.controller.model not in CREATED_ON[known.machine.family]:
            yield Finding(rule="complete", subjects=(bus.id,), details={"model": bus.controller.model, "asked": 0})
        elif bus.is_expander:
            if bus.node is None or bus.node not in wished:
                node = "none" if bus.node is None else bus.node
                yield Finding(rule="complete", subjects=(bus.id,), details={"node": node, "asked": 0})
            wished.discard(bus.node)


def tree(known: Context) -> Iterator[Finding]:
    """Ids used twice, then every seat and spare slot whose bus nothing earlier offers."""
    root = known.machine.root
    seats = (*known.layout.controllers, *known.layout.devices)
    for name, count in Counter([root, *(seat.id for seat in seats)]).items():
        if count > 1:
            yield Finding(rule="tree", subjects=(name,), details={"count": count})
    offered = {root}
    for controller in known.layout.controllers:
        if controller.bus not in offered:
            yield Finding(rule="tree", subjects=(controller.id,), details={"bus": controller.bus})
        if controller.model in CONTROLLERS:
            offered.add(controller.id)
    for device in known.layout.devices:
        if device.bus not in offered:
            yield Finding(rule="tree", subjects=(device.id,), details={"bus": device.bus})
    for spare in known.layout.spare:
        if spare.bus not in offered:
            yield Finding(rule="tree", details={"bus": spare.bus, "slot": spare.slot})


def machine_model(known: Context) -> Iterator[Finding]:
    """Controllers that no such machine takes."""
    for controller in known.layout.controllers:
        kind = CONTROLLERS.get(controller.model)
        if kind is None or kind.machine not in (None, known.machine.family):
            yield Finding(
                rule="machine-model",
                subjects=(controller.id,),
                details={"model": controller.model, "machine": known.guest.machine},
            )


def objective(known: Context) -> Iterator[Finding]:
    """Every stated value and bound; of an optimal layout, that each term is there, in order, and proved."""
    unmet = unmet_preferences(known)
    actual = objective_of(known)
    optimal = known.layout.status == "optimal"
    yield from _replanned(known)
    judged = [one for one in known.layout.objective if one.term not in HISTORY or not _unknown_before(known)]
    for stated in judged:
        if stated.value != actual[stated.term]:
            yield Finding(
                rule="objective", details={"term": stated.term, "stated": stated.value, "actual": actual[stated.term]}
            )
        if stated.bound > stated.value or (optimal and stated.bound != stated.value):
            yield Finding(
                rule="objective", details={"term": stated.term, "stated": stated.value, "bound": stated.bound}
            )
    told = known.layout.unmet
    if told is not None and told != unmet:
        differing = [one for one in dict.fromkeys((*unmet, *told)) if (one in told) != (one in unmet)]
        wrong = list(map(str, sorted(differing, key=lambda one: one.reason)))
        yield Finding(rule="objective", details={"unmet": "; ".join(wrong[:FEW]) or "in another order"})
    terms = [stated.term for stated in known.layout.objective]
    order = known.guest.policy.order
    if terms != [term for term in order if term in terms] or (optimal and {*order} - {*terms} - HISTORY):
        yield Finding(rule="objective", details={"terms": ", ".join(terms), "order": ", ".join(order)})


def _unknown_before(known: Context) -> bool:
    """Whether the layout was planned beside another one that is not at hand."""
    return known.standing is None and known.layout.replanned is not None


def _replanned(known: Context) -> Iterator[Finding]:
    """What it says to be otherwise than before; a warning where the layout before is not at hand."""
    if _unknown_before(known):
        yield Finding(rule="objective", severity="warning", details={"previous": "not given"})
    elif known.layout.replanned is not None and known.layout.replanned != known.replanned:
        for name in sorted(HISTORY):
            told, actual = getattr(known.layout.replanned, name), getattr(known.replanned, name)
            if told != actual:
                details = {name: ", ".join(told) or "none", "actual": ", ".join(actual) or "none"}
                yield Finding(rule="objective", details={**details})


def hash_(known: Context) -> Iterator[Finding]:
    """One finding where the layout answers another request; a warning where that is not known.

    What an older qslot made of a request cannot be made again, as fields have been added since.
    """
    if known.layout.versions.hash < HASH_VERSION:
        yield Finding(rule="hash", severity="warning", details={"version": known.layout.versions.hash})
        return
    asked = known.asked.sha256
    if known.layout.input_sha256 != asked:
        yield Finding(rule="hash", details={"stated": known.layout.input_sha256, "actual": asked})


def prediction(known: Context) -> Iterator[Finding]:
    """A layout may state nothing, but nothing wrong."""
    if known.prediction is None:
        return
    yield from _misstated(known.layout.guest_addresses, known.prediction.guest_addresses)
    yield from _misstated(known.layout.guest_names, known.names)
    windows, wanted = ({w.controller: w for w in one.io_windows} for one in (known.layout, known.prediction))
    for name in windows | wanted if windows or known.layout.guest_addresses else ():
        if windows.get(name) != wanted.get(name):
            told = {"stated": _told(windows.get(name)), "predicted": _told(wanted.get(name))}
            yield Finding(rule="prediction", subjects=(name,), details={**told})


def _misstated(stated: dict[str, str | None], predicted: dict[str, str | None]) -> Iterator[Finding]:
    for name, value in stated.items():
        if name in predicted and value != predicted[name]:
            numbers = {"stated": value or "none", "predicted": predicted[name] or "none"}
            yield Finding(rule="prediction", subjects=(name,), details={**numbers})


def _told(window: IoWindow | None) -> str:
    return "no window" if window is None else f"{window.size} bytes at {window.base or 0:#x}"
