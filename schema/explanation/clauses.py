"""What facts say in words: clauses that follow "because"."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Final

from ..finding import Finding
from ..pci.qemu_properties import Scalar
from ..words import FEW, listed
from .conflict import CAPACITY_RULES, Fact
from .wishes import wish_of

MERGED: Final = ("pin", "hotplug", "numa", "as-requested", "complete", "iommu-group")
"""Facts that are told together where they are about devices of one model."""


def clauses(facts: Iterable[Fact], findings: Sequence[Finding]) -> Iterator[str]:
    """A clause a fact. A limit of the platform has one for each finding that says how much of it is used."""
    for fact in facts:
        if fact.rule in CAPACITY_RULES:
            numbers = [finding.details for finding in findings if finding.rule == fact.rule]
            yield from (LIMITS[fact.rule](fact, one) for one in numbers or [{}])
        else:
            yield clause(fact)


def clause(fact: Fact) -> str:
    """What a wish says."""
    wish = wish_of(fact)
    many = (fact.least if fact.whose in ("device", "controller") else fact.count) != 1
    be, have, take = ("are", "have", "take") if many else ("is", "has", "takes")
    words = wish.clause_for.get(fact.value, wish.clause)
    return words.format(
        who=_who(fact),
        names=listed(fact.subjects),
        first=listed(fact.subjects[:1]),
        others=listed(fact.subjects[1:]),
        value=_value(fact),
        be=be,
        have=have,
        take=take,
        entry=f" ({fact.subjects[0]})" if fact.one_of_several else "",
    )


def together(facts: Iterable[Fact]) -> list[Fact]:
    """Facts of one kind about single devices of one model as one."""
    groups: dict[object, list[Fact]] = {}
    for number, fact in enumerate(facts):
        single = fact.rule in MERGED and len(fact.subjects) == 1
        value = fact.value if fact.rule != "pin" else None
        key = (fact.rule, value, fact.whose, fact.model) if single else number
        groups.setdefault(key, []).append(fact)
    return [_merged(group) for group in groups.values()]


def _merged(group: Sequence[Fact]) -> Fact:
    first, size = group[0], len(group)
    if size == 1:
        return first
    value = listed([str(fact.value) for fact in group]) if first.rule == "pin" else first.value
    subjects = tuple(fact.subjects[0] for fact in group)
    return first.model_copy(update={"subjects": subjects, "value": value, "least": size, "count": size})


def _who(fact: Fact) -> str:
    """`e1000 net0`, `all 5 e1000 net0 to net4`, `at least 2 of the 3 slots 01, 02 and 03 of pcie.0`."""
    least, count, some = fact.least, fact.count, f"at least {fact.least} of the {fact.count}"
    if fact.whose == "spare":
        slots = f"spare {fact.model} slots"
        return f"a spare {fact.model} slot" if count == 1 else f"{least if least == count else some} {slots}"
    if fact.rule == "reserve":
        slots, bus = listed([slot.rpartition(":")[2] for slot in fact.subjects]), fact.subjects[0].rpartition(":")[0]
        known = f"slots {slots} of {bus}"
        return f"slot {slots} of {bus}" if count == 1 else f"{f'the {count}' if least == count else some} {known}"
    known = f"{fact.model} {listed(fact.subjects)}"
    if least != count:
        return f"{some} {known}"
    return known if count <= FEW else f"all {count} {known}"


def _value(fact: Fact) -> str:
    """Of a pin to a function alone, that function."""
    value = str(fact.value)
    return f"function {value[1:]}" if fact.rule == "pin" and value.startswith(".") else value


def _slots(_: Fact, numbers: dict[str, Scalar]) -> str:
    rooms = [f"{name} has {count} free {'slot' if count == 1 else 'slots'}" for name, count in numbers.items()]
    return ", ".join(rooms) or "there are no more slots than there are"


def _io(fact: Fact, numbers: dict[str, Scalar]) -> str:
    if "used" not in numbers:
        return f"the windows and reserves cannot be laid side by side in the IO space of {fact.value}"
    return (
        f"{fact.value} shares out {numbers['available']} bytes of IO space, "
        f"and no layout uses less than {numbers['used']}"
    )


def _memory(fact: Fact, numbers: dict[str, Scalar]) -> str:
    if "used" not in numbers:
        return f"the memory that {fact.value} shares out cannot hold it"
    part = str(numbers.get("memory"))
    where = part if part.startswith("below 4 GiB") else "for 64-bit BARs" if part == "64-bit" else "in all"
    block = f", in blocks of {_mib(numbers['block'])} each at a multiple of its size" if "block" in numbers else ""
    return (
        f"{fact.value} shares out {_mib(numbers['available'])} of memory {where}{block}, "
        f"and no layout uses less than {_mib(numbers['used'])}"
    )


def _mib(size: Scalar) -> str:
    return f"{-(-int(size) // (1 << 20))} MiB"


def _bus_numbers(_: Fact, numbers: dict[str, Scalar]) -> str:
    if "used" not in numbers:
        return "bus numbers cannot be given within the expanders' ranges"
    return f"there are {numbers['available']} bus numbers, and no layout uses less than {numbers['used']}"


LIMITS: Final[dict[str, Callable[[Fact, dict[str, Scalar]], str]]] = {
    "address-unique": _slots,
    "io-space": _io,
    "memory-space": _memory,
    "bus-numbers": _bus_numbers,
}
"""What a limit of the platform says, by its rule, with the details of a finding."""
