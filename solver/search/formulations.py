"""Which formulations are tried, in which order, and what the answer of each proves: see Formulation.

The restriction to each kind's cheapest places comes first. It is asked only for layouts that pay the least for every
part by itself: those are all the layouts of least preferences, so its optimum is the full model's (as long as
preferences are the first term that counts).
"""

from dataclasses import replace

from ...schema.request.guest import Guest
from ..aggregate.bridge_nesting import may_nest_deeper
from ..aggregate.items import Items
from ..formulation import Formulation
from ..model.build import Model
from .lexicographic import Optimum


def formulations(guest: Guest, items: Items) -> list[Formulation]:
    """Coarse ones first: each either settles the guest, or is told to be too coarse when its answer is judged. What one
    finds infeasible is, and so do those after it, which have fewer solutions."""
    finer = [Formulation(), Formulation(exact_io=True)]
    return [Formulation(chains=False), *finer] if may_nest_deeper(guest, items) else finer


def series(guest: Guest, items: Items) -> list[list[Formulation]]:
    """The restricted ones where they may be of use, then the others; each series from coarse to fine, so where one has
    no solution the rest of its series has none."""
    whole = formulations(guest, items)
    switches = any(kind.near_switch is not None for kind in items.free)
    order = [term for term in guest.policy.order if term not in ("moved", "guest_visible")]
    if order[0] != "preferences" or switches:
        return [whole]
    return [[replace(one, switches=False, cheapest_only=True) for one in whole], whole]


def restricted_to_least_weights(model: Model, least_preferences: int) -> Model:
    """Who joins a pinned neighbour makes that one pay, too: the sum of least weights is then not what is paid. A model
    of cheapest places is asked only for layouts that pay no more than that."""
    if not model.formulation.cheapest_only:
        return model
    return model.limited(model.terms["preferences"], least_preferences)


def proves_infeasible(model: Model) -> bool:
    """Whether there is no layout where the model has no solution."""
    return not model.formulation.is_restriction and not model.incomplete


def proved_by(model: Model, optimum: Optimum) -> Optimum:
    """The optimum, of which no more is said than the model proves of every layout.

    What leaves layouts out says only what all have in common; of those alike in preferences, it may say more.
    """
    if proves_infeasible(model):
        return optimum
    common = {term: model.variables.linear.lower_bound(what) for term, what in model.terms.items()}
    if model.incomplete:
        return replace(optimum, unconditional_bounds=common, conditional_bounds=common, proved=False)
    return replace(optimum, unconditional_bounds=common)
