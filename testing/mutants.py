"""Layouts broken in one rule: each is an edit that, by the checker, breaks that rule and none beside."""

from collections.abc import Iterator
from typing import Final

from ..schema import Guest, Layout
from ..schema.errors import ArgumentError
from ..schema.formats.placed import with_predictions
from ..schema.pci.qemu_versions import version_text
from ..schema.previous import standing_of
from ..schema.rules import LAYOUT_RULES, STATEMENT_RULES
from ..schema.verify import CHECKS, verify
from ..schema.verify.context import context_of
from . import edits, misstatements
from .edits import Answer, Edit

_MOVED: Final = (
    *("address-range", "address-unique", "chipset", "reserve", "pin", "function-zero", "slot-sharing", "group"),
    *("virtual-functions", "sriov-pf", "connect", "virtio-slot", "integrated", "companion", "iommu-group", "hotplug"),
    *("numa", "near", "near-switch", "order", "preset", "frozen", "max-depth"),
)
_TOLD: Final = (
    *("kept-controllers", "bus-numbers", "io-space", "memory-space", "controller-properties", "chassis", "chassis-nr"),
    *("eject", "shpc", "reserves"),
)
EDITS: Final[dict[str, tuple[Edit, ...]]] = {
    "complete": (edits.left_out, edits.twice),
    "tree": (edits.astray,),
    "machine-model": (edits.one_more,),
    "as-requested": (edits.renamed, edits.told_otherwise),
    "multifunction": (edits.switched,),
    "single-balloon": (edits.twice,),
    "single-model": (edits.twice,),
    "spare": (edits.spares_moved,),
    "max-controllers": (edits.one_more,),
    **dict.fromkeys(_MOVED, (edits.moved,)),
    **dict.fromkeys(_TOLD, (edits.told_otherwise,)),
}
"""By rule, the edits that may break it."""
MISSTATEMENTS: Final[dict[str, Edit]] = {
    "objective": misstatements.objective,
    "hash": misstatements.request,
    "prediction": misstatements.prediction,
}
BESIDE: Final[dict[str, frozenset[str]]] = {
    "single-balloon": frozenset({"complete"}),
    "single-model": frozenset({"complete"}),
    "sriov-pf": frozenset({"group"}),
    "companion": frozenset({"companion-order"}),
    "kept-controllers": frozenset({"as-requested"}),
}
"""Rules that cannot but be broken, too: no request has two balloons, so the second one is also one too many; virtual
functions are a group with their physical function; a controller is kept as the request has it."""


def restate(layout: Layout) -> Layout:
    """The layout as it says of itself after an edit: guest addresses, names and IO windows predicted anew; feasible,
    with no costs stated, as nothing is proved of it."""
    unsaid = {"status": "feasible", "objective": (), "unmet": None, "replanned": None, "warnings": ()}
    return with_predictions(layout.model_copy(update=unsaid))


def mutations(guest: Guest, layout: Layout, rule: str, previous: Layout | None = None) -> Iterator[Layout]:
    """Layouts like this one that break this rule as answers to the guest, and no other but those that `BESIDE` says;
    restated, so that only what is meant is wrong. None where nothing in guest and layout gives the rule a hold.

    Each is judged by `qslot.verify`, so they come slowly: some milliseconds for each edit tried. Raises ArgumentError
    for a rule that is not one of a layout: warnings, and what depends on the guest's OS and the hosts.
    """
    if rule not in {one.code for one in (*LAYOUT_RULES, *STATEMENT_RULES)}:
        raise ArgumentError("rule", rule, "this is no rule that a layout must keep: see qslot.RULES")
    answer = Answer(guest, restate(layout))
    if rule in MISSTATEMENTS:
        candidates = MISSTATEMENTS[rule](answer)
    else:
        edited = (one for edit in EDITS[rule] for one in edit(answer))
        candidates = (_predicted(one) for one in edited if _breaks(guest, one, rule, previous))
    for one in candidates:
        broken = {finding.rule for finding in verify(guest, one, previous) if finding.severity == "error"}
        if rule in broken and broken <= {rule} | BESIDE.get(rule, frozenset()):
            yield one


def _breaks(guest: Guest, layout: Layout, rule: str, previous: Layout | None) -> bool:
    """Whether it breaks the rule, whatever beside: one check is sooner asked than all, and most edits do not."""
    asked = guest.run_by(version_text(layout.qemu_version), layout.firmware)
    standing = None if previous is None else standing_of(asked, previous)
    known = context_of(asked, layout) if standing is None else context_of(asked, layout, standing)
    return any(finding.severity == "error" for finding in CHECKS[rule](known))


def _predicted(layout: Layout) -> Layout:
    """Restated where there is a prediction: not of a layout whose buses hang nowhere, which then states nothing."""
    try:
        return restate(layout)
    except (KeyError, ValueError):
        return layout.model_copy(update={"guest_addresses": {}, "guest_names": {}, "io_windows": ()})
