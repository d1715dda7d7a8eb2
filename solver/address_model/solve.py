"""The address-level model solved: term by term in the policy's order, each answer held against the checker."""

from dataclasses import field, replace
from typing import Any

from ...schema.firmware import exceeds_memory, fails_in_any_order
from ...schema.layout.layout import Layout
from ...schema.layout.outcome import Infeasible, Outcome, Solved, Undecided
from ...schema.records import record
from ...schema.request.fields import Term
from ...schema.request.guest import Guest
from ...schema.verify import verify_context
from ...schema.verify.context import Context, context_of
from ...schema.verify.objective import objective_of
from ..decode.in_order import in_order
from ..search.cpsat import Limits, TimeIsUp
from ..search.engines import Asked, solve_documented
from ..search.lexicographic import Optimum
from ..search.optimize import with_costs
from . import rules
from .bus_numbers import BusNumbering
from .costs import terms
from .keepers import Keepers
from .order import order
from .spaces import SharedSpaces
from .symmetry import break_symmetry
from .things import Contradiction
from .tree import Tree
from .variables import Seats
from .windows import WindowPages
from .written import layout_of

PREDICTED = frozenset({"memory-space", "io-space", "bus-numbers", "spare", "controller-properties", "order"})
"""Rules that an answer may break though the model allows it: only the exact prediction knows, and of reserves how large
they come to be."""


SUMS = frozenset({"memory-space", "io-space"})
"""Those of them of which it can be said that other slots would not help."""
UNCONFIRMED = Undecided(reason="unconfirmed")
MOST_CUTS = 200


@record
class AddressModel:
    """Raises Contradiction where pins alone exclude a layout."""

    guest: Guest
    limits: Limits
    apart: bool = False
    """Whether bridges are not made one where memory might tell them apart: see candidates."""
    pooled: bool = False
    """Whether one slot may stand for many: see buses.pool."""
    most_cuts: int = MOST_CUTS
    """After so many answers that the prediction refuses it gives up."""
    bounds: dict[Term, int] = field(default_factory=dict)
    cuts: int = 0

    def __post_init__(self) -> None:
        from ortools.sat.python import cp_model

        self.cp_model: Any = cp_model
        self.model: Any = cp_model.CpModel()
        self.seats = Seats(self.guest, self.model, self.apart, self.pooled, self.limits.check)
        self.tree = Tree(self.seats)
        rules.state_all(self.seats, self.tree)
        if len(self.guest.order) > 1:
            order(self.seats)
        spaces = SharedSpaces(self.seats, self.tree)
        spaces.iommu_group()
        keepers = Keepers(self.seats, self.tree, WindowPages(self.seats, self.tree))
        BusNumbering(self.seats, self.tree)
        self.terms = terms(self.seats, self.tree, spaces, keepers.io_space())
        break_symmetry(self.seats)

    def best(self) -> Any | None:
        """A solver with an optimal answer; None where there is none. Raises TimeIsUp.

        What was the least before the last answer was cut off bounds what is the least now, and mostly is that.
        """
        if self.bounds:
            model = self.model.clone()
            for term, what in self.terms.items():
                model.add(what == self.bounds[term])
            as_before = self._solved(model)
            if as_before is not None:
                return as_before
        return self._term_by_term(self.bounds)

    def _term_by_term(self, least: dict[Term, int]) -> Any | None:
        """The same, each term minimised and fixed before the next; `least` are bounds, each given that the terms before
        are at theirs."""
        model = self.model.clone()
        known = None
        self.bounds = dict.fromkeys(self.guest.policy.order, 0)
        for term in self.guest.policy.order:
            what = self.terms.get(term, 0)
            if isinstance(what, int):
                self.bounds[term] = what
                continue
            if least:
                model.add(what >= least[term])
            model.minimize(what)
            if known is not None:
                model.clear_hints()
                for index, value in enumerate(known.response_proto.solution):
                    model.add_hint(model.get_int_var_from_proto_index(index), value)
            known = self._solved(model, term)
            if known is None:
                return None
            self.bounds[term] = known.value(what)
            if least and self.bounds[term] > least[term]:
                least = {}
            model.clear_objective()
            model.add(what == self.bounds[term])
        return known or self._solved(model)

    def _solved(self, model: Any, term: Term | None = None) -> Any | None:
        solver = self.cp_model.CpSolver()
        solver.parameters.num_workers = 1
        solver.parameters.random_seed = 0
        solver.parameters.cp_model_probing_level = 0
        solver.parameters.catch_sigint_signal = False
        left = self.limits.left()
        if left is not None:
            solver.parameters.max_time_in_seconds = left
        if self.limits.effort is not None:
            solver.parameters.max_deterministic_time = self.limits.effort
        status = solve_documented(solver, model, Asked({}, self.limits.stop, self.limits.watch, term))
        if status == self.cp_model.INFEASIBLE:
            return None
        if status != self.cp_model.OPTIMAL:
            raise TimeIsUp
        return solver

    def cut(self, solver: Any, layout: Layout) -> None:
        """Leaves this answer out: everything on the same buses, and what has more controllers besides. Devices that
        memory would run out without may be anywhere."""
        self.cuts += 1
        needless = set() if any(spare.memory for spare in self.guest.spare) else self._needless(layout)
        chosen = [
            here
            for key, on in self.seats.on.items()
            for here in on.values()
            if key not in needless and not isinstance(here, int) and solver.value(here)
        ]
        self.model.add(sum(chosen) <= len(chosen) - 1)

    def _needless(self, layout: Layout) -> set[str]:
        """Items that memory runs out without, where they alone decide what there is beside the controllers."""
        given = {controller.id for controller in self.guest.controllers}
        bare = [  # whether the planner's own keep their SHPC depends on what is below
            one if one.id in given else one.model_copy(update={"properties": {**one.properties, "shpc": False}})
            for one in layout.controllers
        ]
        left = layout.model_copy(update={"controllers": tuple(bare)})
        needless: set[str] = set()
        if not exceeds_memory(left):
            return needless
        for item in self.seats.things.items:
            devices = tuple(device for device in left.devices if device.id not in item.ids)
            less = left.model_copy(update={"devices": devices})
            if exceeds_memory(less):
                left = less
                needless.add(item.key)
        return needless


@record(frozen=True)
class Considered:
    """`fault` says what is wrong with the model itself, if an answer of its breaks a rule or costs something else."""

    outcome: Outcome
    fault: str = ""
    cuts: int = 0


def consider(guest: Guest, limits: Limits, *, pooled: bool = False, cuts: int = MOST_CUTS) -> Considered:
    """`pooled` is the quicker and the less plain way: see buses.pool."""
    try:
        return _search(AddressModel(guest, limits, pooled=pooled, most_cuts=cuts))
    except Contradiction:
        return Considered(Infeasible())
    except TimeIsUp:
        return Considered(Undecided())


def _search(model: AddressModel) -> Considered:
    """Answers that the exact prediction refuses are cut off. Where other slots might do, nothing is claimed beyond what
    holds without that cut."""
    proved: dict[Term, int] | None = None
    while model.cuts < model.most_cuts:
        solver = model.best()
        if solver is None:
            return Considered(Infeasible() if proved is None else UNCONFIRMED, cuts=model.cuts)
        known = layout_of(model.seats, model.tree, solver.value)
        if model.guest.order:
            known = context_of(model.guest, in_order(model.guest, known.layout))
        broken = tuple(finding for finding in verify_context(known) if finding.severity != "warning")
        if not broken:
            return _claimed(model, known, proved or model.bounds)
        broken_rules = {finding.rule for finding in broken}
        if "memory-space" in broken_rules and not model.apart:
            return _search(replace(model, apart=True, bounds={}))
        if not broken_rules <= PREDICTED:
            return Considered(UNCONFIRMED, f"breaks {broken}", model.cuts)
        if not (broken_rules & SUMS and "bus-numbers" not in broken_rules and fails_in_any_order(known.layout)):
            proved = proved or model.bounds
        model.cut(solver, known.layout)
    return Considered(UNCONFIRMED, cuts=model.cuts)


def _claimed(model: AddressModel, known: Context, proved: dict[Term, int]) -> Considered:
    """Solved where the layout's own costs are the least ones."""
    values = objective_of(known)
    if values != model.bounds:
        return Considered(UNCONFIRMED, f"takes {model.bounds} for {values}", model.cuts)
    layout = with_costs(known, Optimum((), proved, {}, proved=True))
    if layout.status == "optimal":
        return Considered(Solved(layout=layout), cuts=model.cuts)
    return Considered(Undecided(reason="unconfirmed", layout=layout, bound=layout.objective), cuts=model.cuts)
