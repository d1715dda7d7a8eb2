"""The words of explanations: which facts clash and what would help; why a device sits where it does.

Because A,
and because B:
  no layout.
hint: ...
"""

from collections.abc import Callable, Sequence
from typing import Final

from ..explanation.facts import spare_id
from ..finding import Finding
from ..layout.outcome import Infeasible
from ..layout.placement import OtherPlace, PlacementReport, UnmetPreference
from ..layout.remedy import Change, Remedy
from ..pci.qemu_properties import Scalar
from ..pci.size import MIB
from ..request.guest import Guest
from ..rules import RULES
from .text_layout import TERM_WORDS

NAMED_AT_MOST: Final = 4
"""Ids that are all named; of more, the first and the last."""
MERGED: Final = ("pin", "hotplug", "numa", "as-requested", "complete")
"""Facts that are told together where they are about devices of one model."""
UNIT_WORDS: Final = {"io-space": "bytes of IO space", "bus-numbers": "bus numbers", "max-controllers": "controllers"}


def explanation(guest: Guest, outcome: Infeasible) -> str:
    """Several lines, the last without an end."""
    words = _Words(guest)
    clauses = [words.clause(finding) for finding in words.alike(outcome.findings)]
    lines = ["infeasible (proved): no layout keeps every rule", "Because " + ",\nand because ".join(clauses) + ":"]
    lines.append("  no layout.")
    if outcome.broken_rule:
        rule = RULES[outcome.broken_rule]
        lines.append(f"Rule {rule.code}: {rule.sentence} ({rule.source}).")
    if not outcome.minimal:
        lines.append("Not proved to be the smallest such set: a limit was hit.")
    lines += [f"hint: {text}" for text in words.remedies(outcome.remedies)] or ["hint: no single change helps"]
    return "\n".join(lines)


def listed(names: Sequence[str]) -> str:
    """Up to NAMED_AT_MOST names, else the first and the last.

    >>> listed(["a", "b", "c"]), listed([f"n{number}" for number in range(300)])
    ('a, b and c', 'n0 to n299')
    """
    if len(names) > NAMED_AT_MOST:
        return f"{names[0]} to {names[-1]}"
    return " and ".join(filter(None, (", ".join(names[:-1]), names[-1])))


def whereabouts(guest: Guest, known: PlacementReport) -> str:
    """Why a device sits where it does. Several lines, the last without an end."""
    mode = f", {known.virtio}" if known.virtio else ""
    seen = f"; the guest sees it at {known.guest_address}" if known.guest_address else ""
    lines = [f"{known.device} ({known.model}{mode}) sits at {known.address}, {_place(known)}{seen}"]
    if known.pinned:
        lines.append("It is pinned there.")
    lines.append(f"Preferences that are not met for it: {_paid(known.paid) or 'none'}")
    words = _Words(guest)
    return "\n".join([*lines, "Elsewhere:", *(f"  {words.elsewhere(known.device, one)}" for one in known.elsewhere)])


def _paid(paid: Sequence[UnmetPreference]) -> str:
    """The first few, by reason."""
    told = [f"{one.reason} of {one.who}, {one.weight}" for one in paid[:NAMED_AT_MOST]]
    return "; ".join([*told, f"{len(paid) - NAMED_AT_MOST} more"] if len(paid) > NAMED_AT_MOST else told)


def _place(where: PlacementReport | OtherPlace) -> str:
    bus = where.address.rpartition(":")[0]
    return f"on {where.bus_model} {bus}" if where.bus_model else "on the root bus"


class _Words:
    """Of one guest, whose ids have models."""

    def __init__(self, guest: Guest) -> None:
        self.guest = guest
        self.models = {part.id: part.model for part in guest.parts}
        self.controllers = {controller.id for controller in guest.controllers}
        self.spares = {spare_id(number): one for number, one in enumerate(guest.spare)}

    # ---- facts

    def alike(self, findings: Sequence[Finding]) -> list[Finding]:
        """Facts of one kind about single devices of one model are told together."""
        groups: dict[object, list[Finding]] = {}
        for number, finding in enumerate(findings):
            single = finding.rule in MERGED and len(finding.subjects) == 1
            value = finding.details.get("value") if finding.rule != "pin" else None
            name = finding.subjects[0] if single else ""
            key = (finding.rule, value, name in self.controllers, self.models.get(name)) if single else number
            groups.setdefault(key, []).append(finding)
        return [_together(group) for group in groups.values()]

    def clause(self, finding: Finding) -> str:
        """What one fact says, to follow "because"."""
        numbers, value = finding.details, finding.details.get("value")
        if finding.rule in CAPACITY_WORDS:
            return CAPACITY_WORDS[finding.rule](self.guest, numbers)
        if finding.rule == "spare":
            return f"{_spares(numbers)} asked for{self.entry(finding.subjects)}"
        if finding.rule == "reserve":
            return f"{_reserved(finding)} reserved"
        if finding.rule in ("near", "near-switch"):
            what = "share its root bus" if finding.rule == "near" else "sit below the same switch"
            return f"{finding.subjects[0]} wants {listed(finding.subjects[1:])} to {what} ({finding.rule})"
        if finding.rule == "group":
            return f"{listed(finding.subjects)} make up group {value}, functions of one slot"
        who, many = self.who(finding), finding.details.get("least", len(finding.subjects)) != 1
        of_controllers = finding.subjects[0] in self.controllers
        return f"{who} {_asked(finding.rule, value, of_controllers=of_controllers, many=many)}"

    def who(self, finding: Finding) -> str:
        """`e1000 net0`, `e1000 net0 and net1`, `at least 2 of the 3 e1000 net0, net1 and net2`."""
        names, least = finding.subjects, finding.details.get("least", len(finding.subjects))
        known = f"{self.models.get(names[0], 'device')} {listed(names)}"
        if least != len(names):
            return f"at least {least} of the {len(names)} {known}"
        return known if len(names) <= NAMED_AT_MOST else f"all {len(names)} {known}"

    def entry(self, names: Sequence[str]) -> str:
        """Which one of the spare entries, where there are several."""
        return f" ({names[0]})" if len(self.spares) > 1 else ""

    def elsewhere(self, device: str, there: OtherPlace) -> str:
        where = f"behind a new {there.bus_model}" if there.new else f"at {there.address}, {_place(there)}"
        if there.refused:
            return f"{where}: {there.refused.removeprefix(f'devices.{device}.address: ')}"
        if there.possible:
            pinned = "; only by pin" if there.only_by_pin else ""
            best = "" if there.proved else " at most, not proved the least"
            if there.term is None:
                return f"{where}: no worse{pinned or '; of equal plans the first in a fixed order is taken'}"
            why = f" ({_paid(there.paid)})" if there.term == "preferences" and there.paid else ""
            return f"{where}: {TERM_WORDS[there.term]} {there.before} -> {there.after}{why}{best}{pinned}"
        own = (device,)
        reasons = [self.clause(one) for one in there.findings if (one.rule, one.subjects) != ("pin", own)]
        if there.breaks or not reasons:
            rule = RULES[there.breaks or "connect"]
            reasons.append(f"rule {rule.code} holds: {rule.sentence}")
        return f"{where}: impossible, because " + ", and because ".join(reasons)

    # ---- remedies

    def remedies(self, remedies: Sequence[Remedy]) -> list[str]:
        """Those that change one of several in the same way, to the same effect, are told as one."""
        groups: dict[object, list[Remedy]] = {}
        for number, remedy in enumerate(remedies):
            change = remedy.changes[0]
            same = (
                change.what,
                None if change.what == "pin" else change.before,
                change.after,
                remedy.limit,
                remedy.used,
            )
            groups.setdefault(same if len(change.subjects) == len(remedy.changes) == 1 else number, []).append(remedy)
        return [self.remedy(group[0]) if len(group) == 1 else self.any_of(group) for group in groups.values()]

    def any_of(self, group: Sequence[Remedy]) -> str:
        change = group[0].changes[0]
        who = f"one of {listed([remedy.changes[0].subjects[0] for remedy in group])}"
        before = "that it is pinned to" if change.what == "pin" else change.before
        return self.remedy(
            group[0].model_copy(
                update={"changes": (change.model_copy(update={"subjects": (who,), "before": before}),), "places": {}}
            )
        )

    def remedy(self, remedy: Remedy) -> str:
        text = ", and ".join(self.change(change) for change in remedy.changes)
        if remedy.places:
            seats = ", ".join(f"{name} at {place}" for name, place in remedy.places.items())
            text += f": then {seats}"
        if remedy.limit:
            text += f" ({remedy.used} of {remedy.available} {UNIT_WORDS[remedy.limit]} used)"
        return text

    def change(self, change: Change) -> str:
        who, count = listed(change.subjects) if change.subjects else "", len(change.subjects)
        if change.what == "leave-out":
            some = f"{count} of the {change.before}: " if change.after else ""
            return f"leave out {some}{who}"
        who = who if count <= NAMED_AT_MOST else f"the {count} {who}"
        if change.what == "spare":
            kind = self.spares[who].kind
            return f"ask for {change.after or 'no'} spare {kind} slots instead of {change.before}{self.entry((who,))}"
        if change.what == "pin":
            return f"free {who} of the address {change.before}"
        if change.what == "group":
            return f"leave out group {change.before}"
        if change.what == "reserve":
            return f"do not reserve {who}"
        if change.what == "viommu":
            return "leave viommu out of needs"
        if change.what in ("max-controllers", "max-depth", "preset", "machine", "firmware"):
            name = change.what.replace("-", "_")
            return f"{name} {change.after} instead of {change.before}"
        if change.after is not None:
            return f"{change.what}: {change.after} for {who}"
        what = str(change.before) if change.what == "properties" else change.what.replace("-", "_")
        return f"leave out {what} of {who}"


def _together(group: Sequence[Finding]) -> Finding:
    if len(group) == 1:
        return group[0]
    values = [str(finding.details["value"]) for finding in group if "value" in finding.details]
    value = {} if not values else {"value": listed(values) if group[0].rule == "pin" else group[0].details["value"]}
    return Finding(rule=group[0].rule, subjects=tuple(finding.subjects[0] for finding in group), details=value)


def _spares(numbers: dict[str, Scalar]) -> str:
    least, of, kind = numbers.get("least", 1), numbers.get("of", 1), numbers.get("value")
    if of == 1:
        return f"a spare {kind} slot is"
    return f"{least} spare {kind} slots are" if least == of else f"at least {least} of the {of} spare {kind} slots are"


def _reserved(finding: Finding) -> str:
    bus = finding.subjects[0].rpartition(":")[0]
    slots = [place.rpartition(":")[2] for place in finding.subjects]
    least = finding.details.get("least", len(slots))
    if len(slots) == 1:
        return f"slot {slots[0]} of {bus} is"
    many = f"at least {least} of " if least != len(slots) else ""
    return f"{many}the {len(slots)} slots {listed(slots)} of {bus} are"


def _asked(rule: str, value: Scalar | None, *, of_controllers: bool, many: bool) -> str:
    """What a fact asks of whom it is about."""
    be, have, take = ("are", "have", "take") if many else ("is", "has", "takes")
    if rule == "numa":
        return f"must sit below an expander of NUMA node {value}"
    if rule == "pin":
        return f"{be} pinned to {f'function {str(value)[1:]}' if str(value).startswith('.') else value}"
    if of_controllers:
        words = {"complete": f"{be} demanded", "hotplug": f"{take} no hot-plug (hotplug: off)"}
        return words.get(rule, f"{have} {value}")
    words = {"complete": f"{be} to be placed", "hotplug": "must be hot-pluggable"}
    if value == "modern":
        return words.get(rule, "must be modern by its slot alone (virtio: modern, virtio_by: slot)")
    return words.get(rule, f"must offer virtio 0.9 (virtio: {value})")


def _slots(_: Guest, numbers: dict[str, Scalar]) -> str:
    rooms = [f"{name} has {count} free {'slot' if count == 1 else 'slots'}" for name, count in numbers.items()]
    return ", ".join(rooms) or "there are no more slots than there are"


def _io(guest: Guest, numbers: dict[str, Scalar]) -> str:
    if "used" not in numbers:
        return f"the windows and reserves cannot be laid side by side in the IO space of {guest.firmware.name}"
    return (
        f"{guest.firmware.name} shares out {numbers['available']} bytes of IO space, "
        f"and no layout uses less than {numbers['used']}"
    )


def _memory(guest: Guest, numbers: dict[str, Scalar]) -> str:
    if "used" not in numbers:
        return f"the memory that {guest.firmware.name} shares out cannot hold it"
    part = str(numbers.get("memory"))
    where = part if part.startswith("below 4 GiB") else "for 64-bit BARs" if part == "64-bit" else "in all"
    block = f", in blocks of {_mib(numbers['block'])} each at a multiple of its size" if "block" in numbers else ""
    return (
        f"{guest.firmware.name} shares out {_mib(numbers['available'])} of memory {where}{block}, "
        f"and no layout uses less than {_mib(numbers['used'])}"
    )


def _mib(size: Scalar) -> str:
    return f"{-(-int(size) // MIB)} MiB"


def _numbers(_: Guest, numbers: dict[str, Scalar]) -> str:
    if "used" not in numbers:
        return "bus numbers cannot be given within the expanders' ranges"
    return f"there are {numbers['available']} bus numbers, and no layout uses less than {numbers['used']}"


CAPACITY_WORDS: Final[dict[str, Callable[[Guest, dict[str, Scalar]], str]]] = {
    "address-unique": _slots,
    "io-space": _io,
    "memory-space": _memory,
    "bus-numbers": _numbers,
    "max-controllers": lambda _, numbers: f"max_controllers is {numbers['value']}",
    "max-depth": lambda _, numbers: f"max_depth is {numbers['value']}: no device may have more bridges above it",
    "preset": lambda _, numbers: f"preset {numbers['value']} puts each device alone where libvirt would",
    "viommu-host-device": lambda *_: "with a vIOMMU no host device may sit behind a conventional bridge",
}
"""Facts that are about nobody in particular."""
