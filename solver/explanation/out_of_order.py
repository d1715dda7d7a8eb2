"""Why no layout has the devices in the order that the request asks for: whom it is about, and what else these want."""

from collections.abc import Iterator, Sequence
from typing import Final

from ...schema.explanation.conflict import CAPACITY_RULES, Conflict, Fact, Facts
from ...schema.explanation.facts import facts_of
from ...schema.explanation.remedy import Change, Remedy
from ...schema.explanation.restrict import restricted
from ...schema.finding import Finding
from ...schema.layout.outcome import Infeasible, known_layout
from ...schema.request.guest import Guest
from ..search.cpsat import Limits
from ..solving import best_known

NEW_NUMBERS: Final = ("max-depth", "max-controllers")
"""Changes that must name another number, which is not sought here."""


def out_of_order(guest: Guest, limits: Limits) -> Infeasible:
    """Of a guest that has layouts without its order. What can be left out is, as long as the rest is proved to clash:
    first devices of the order, then all devices beside it, then single wishes."""
    names = tuple(guest.order)
    for name in guest.order:
        fewer = tuple(one for one in names if one != name)
        names = fewer if _is_infeasible(_having(guest, fewer), limits) else names
    guest = _having(guest, names)
    facts = facts_of(guest)
    about = tuple(one for one in facts if _is_about(one, names))
    facts = about if _is_infeasible(restricted(guest, about), limits) else facts
    for fact in _wishes(facts):
        fewer_facts = tuple(one for one in facts if one is not fact)
        facts = fewer_facts if _is_infeasible(restricted(guest, fewer_facts), limits) else facts
    kept = _wishes(facts)
    helping = list(_helping(guest, names, kept, limits))
    return Infeasible(
        findings=(Finding(rule="order", subjects=names),),
        conflict=Conflict(
            facts=(*(one for one in facts if one.rule == "order"), *kept),
            minimal=len(helping) == len(names) + len(kept),
        ),
        remedies=tuple(Remedy(changes=(one,)) for one in helping if one.what not in NEW_NUMBERS),
    )


def _having(guest: Guest, order: tuple[str, ...]) -> Guest:
    return guest.model_copy(update={"order": order})


def _is_infeasible(guest: Guest, limits: Limits) -> bool:
    return isinstance(best_known(guest, limits), Infeasible)


def _is_about(fact: Fact, names: tuple[str, ...]) -> bool:
    """About the devices of the order, or about all: those that are listed must all be named, lest the order name who is
    not there."""
    return not fact.subjects or not {*names}.isdisjoint(fact.subjects)


def _wishes(facts: Facts) -> list[Fact]:
    """What can be left out without leaving out a device, or what the platform is."""
    return [one for one in facts if one.rule not in ("complete", "order") and one.rule not in CAPACITY_RULES]


def _helping(guest: Guest, names: tuple[str, ...], wishes: Sequence[Fact], limits: Limits) -> Iterator[Change]:
    """Each wish left out by itself, then each device left out of the order, where there is a layout then."""
    facts = facts_of(guest)
    for wish in wishes:
        without = restricted(guest, tuple(one for one in facts if one.key != wish.key))
        if known_layout(best_known(without, limits)) is not None:
            yield Change.of(wish)
    for name in names:
        if known_layout(best_known(_having(guest, tuple(one for one in names if one != name)), limits)) is not None:
            yield Change(what="order", subjects=(name,))
