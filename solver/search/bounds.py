"""Lower bounds of the objective's terms without any search: what each kind needs by itself, wherever the others go.

Where one layout meets all of them at once, one solve finds it and proves it. They are separable on purpose: nothing
here weighs what several kinds want of the same bus, as bounds that did were wrong too often (measured).
"""

from collections.abc import Iterator, Mapping
from typing import Final

from ...schema.firmware.budget import PAGE
from ...schema.records import record
from ...schema.request.fields import Term
from ..aggregate.item_kinds import ItemKind
from ..model.build import Model
from ..model.linear import LinearExpr
from ..model.variables import Variables
from .least_needs import Needs, demands_of

ARGUMENTS: Final = {
    "each-by-itself": "each item costs at least what it does in the cheapest place for it",
    "io-pages": "an item alone on a port has pages of its own; what shares a bus shares them, also with what is pinned",
    "bridges-with-io": "what has IO and fits on conventional buses only fills so many of them, each with a page",
    "reserves": "listed controllers open what they reserve side by side, or the largest where all others may be inside",
    "empty-bridge": "the first conventional bridge opens a page though it be empty",
    "ports-for-lone-items": "what fits on ports only and shares with nobody takes a whole port",
    "ports-for-functions": "what fits on ports only takes its functions, of which a port has eight",
    "conventional-bridges": "what fits on bridges' buses only takes its slots",
    "expanders": "each node that something asks for has an expander",
}
"""Why no layout has less, by code. Demanded controllers are counted in each argument about controllers."""


@record(frozen=True)
class Bound:
    """No assignment of the model has less of the term than `value`, in the units of the answer."""

    term: Term
    argument: str
    """A code of ARGUMENTS."""
    value: int
    amounts: Mapping[str, int]
    """What the value is computed from: numbers of controllers, slots or pages."""


def bounds(model: Model) -> dict[Term, int]:
    """The largest bound of each term."""
    result: dict[Term, int] = {}
    for bound in arguments(model):
        result[bound.term] = max(bound.value, result.get(bound.term, bound.value))
    return result


def arguments(model: Model) -> Iterator[Bound]:
    """Every bound of every term."""
    v = model.variables
    for term, what in model.terms.items():
        yield Bound(term, "each-by-itself", _seated_least(v, what), {})
    needs = Needs(v, demands_of(v))
    yield from _io_windows(needs)
    yield from _controllers(needs, v.guest.machine_model.family)


def _io_windows(needs: Needs) -> Iterator[Bound]:
    pages = needs.pages()
    yield Bound("io_windows", "io-pages", PAGE * (pages["alone"] + max(pages["shared"], pages["pinned"])), pages)
    wet = needs.bridges_with_io()
    yield Bound("io_windows", "bridges-with-io", PAGE * wet, {"bridges": wet})
    kept = needs.reserved_pages()
    if any(kept.values()):
        yield Bound("io_windows", "reserves", PAGE * max(kept.values()), kept)
    if needs.empty_bridge:
        yield Bound("io_windows", "empty-bridge", PAGE, {"bridges": 1})


def _controllers(needs: Needs, family: str) -> Iterator[Bound]:
    """On pc a pxb is the bridge of its node; on q35 bridges, expanders and ports are different controllers."""
    demanded = len(needs.v.guest.controllers)
    fixed = {"demanded": demanded, "bridges": needs.bridges, "expanders": needs.expanders}
    if family == "pc":
        yield Bound("controllers", "conventional-bridges", demanded + needs.bridges, fixed)
        yield Bound("controllers", "expanders", demanded + needs.expanders, fixed)
        return
    for argument, ports in zip(("ports-for-lone-items", "ports-for-functions"), needs.ports().values(), strict=True):
        amounts = {**fixed, "ports": ports}
        yield Bound("controllers", argument, sum(amounts.values()), amounts)


def _seated_least(v: Variables, what: LinearExpr) -> int:
    """The least that ranges allow, given that each kind's items all sit somewhere."""
    rest = dict(what.terms)
    least: dict[ItemKind, int] = {}
    for option, count in zip(v.options, v.counts, strict=True):
        (variable,) = count.terms
        factor = rest.pop(variable, 0)
        if option.kind not in least or factor < least[option.kind]:
            least[option.kind] = factor
    seated = sum(len(v.items.free[kind]) * factor for kind, factor in least.items())
    return v.linear.lower_bound(LinearExpr(rest, what.constant)) + seated
