"""Rows of the model against layouts that fit, found without them: none may be refused."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from random import Random
from typing import Any

import pytest
from pydantic import ValidationError

from qslot.schema import Guest, Layout
from qslot.schema.request.fields import Term
from qslot.schema.verify import verify
from qslot.solver.aggregate.items import items_of
from qslot.solver.aggregate.pins import PinConflict
from qslot.solver.decode.assemble import assemble
from qslot.solver.decode.decoder import decode
from qslot.solver.decode.seats import NoDecode
from qslot.solver.formulation import Formulation
from qslot.solver.model.build import build
from qslot.solver.model.linear import LinearExpr, sum_of
from qslot.solver.search.cpsat import CpSatModel, Limits, Status
from qslot.solver.search.formulations import formulations
from qslot.solver.search.lexicographic import Optimum
from qslot.solver.search.optimize import with_costs

from ..laws.changes import costs_of, pinned_back

LIMITS = Limits(effort=0.1)
Patch = Callable[[pytest.MonkeyPatch], None]


class _All(Random):
    """Chooses to pin everything."""

    def random(self) -> float:
        return 0.0

    def choice(self, seq: Any) -> Any:
        return seq[-1]


@dataclass(frozen=True)
class Rows:
    """`without` makes the model lack the rows, `whole` sees to it that it has them."""

    without: Patch
    whole: Patch = lambda _: None
    variants: Callable[[Layout], Iterable[Layout]] = lambda layout: (layout,)
    """Layouts to try in place of what is found; the first one that fits is taken."""

    def hold(self, request: dict[str, Any], seed: int) -> bool:
        """Whether a layout of that request fits; rows hold of it, wherever it may be and where it is."""
        try:
            guest = Guest.model_validate(request)
        except ValidationError:
            return False
        layout = self._any_that_fits(guest, Random(seed))
        if layout is None:
            return False
        assert self._refused(guest, costs_of(layout), 1) == [], seed
        pinned = pinned_back(guest, layout, _All())
        assert pinned is None or self._refused(pinned.guest, {}, 2) == [], seed
        return True

    def _any_that_fits(self, guest: Guest, rng: Random) -> Layout | None:
        """A layout that verifies."""
        layout = self.drawn(guest, rng)
        return None if layout is None else next((one for one in self.variants(layout) if fits(guest, one)), None)

    def drawn(self, guest: Guest, rng: Random) -> Layout | None:
        """A layout of counts found without these rows for weights drawn at random, which may fit or not."""
        with pytest.MonkeyPatch.context() as patch:
            self.without(patch)
            try:
                items = items_of(guest)
                model = build(guest, items, Formulation(exact_io=rng.random() < 0.5))
            except PinConflict:
                return None
            rows = model.variables.linear
            if rows.infeasible:
                return None
            drawn = sum_of(LinearExpr({index: rng.randint(-2, 3)}) for index in range(len(rows.ranges)))
            result = CpSatModel(rows, LIMITS).minimize(drawn + model.terms["controllers"] * 3)
            try:
                known = assemble(guest, items, decode(model, result.values, bool)) if result.values else None
            except NoDecode:
                return None
        return None if known is None else with_costs(known, Optimum((), {}, {}, proved=False))

    def _refused(self, guest: Guest, terms: dict[Term, int], models: int) -> list[Formulation]:
        """Models that have no answer that pays no more of any term."""
        refused = []
        with pytest.MonkeyPatch.context() as patch:
            self.whole(patch)
            items = items_of(guest)
            for formulation in formulations(guest, items)[-2:][:models]:
                model = build(guest, items, formulation)
                for term in terms:
                    # what is never of use is not looked at, as long chains of empty bridges are: then less is paid
                    model = model.limited(model.terms[term], terms[term]) if term in model.terms else model
                program = CpSatModel(model.variables.linear, LIMITS)
                if (
                    model.variables.linear.infeasible
                    or program.minimize(model.no_objective).answer is Status.INFEASIBLE
                ):
                    refused.append(formulation)
        return refused


def fits(guest: Guest, layout: Layout) -> bool:
    """Whether it breaks no rule."""
    return all(finding.severity != "error" for finding in verify(guest, layout))
