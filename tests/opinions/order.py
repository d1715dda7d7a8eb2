"""What other layouts say of an answer to a request with an order: one that keeps all rules and costs less, or that is
there at all where there should be none, refutes it."""

from collections.abc import Iterator

from qslot.schema import Guest, Layout, Outcome
from qslot.schema.layout.outcome import Infeasible, known_layout
from qslot.schema.request.fields import Term
from qslot.schema.verify import verify
from qslot.schema.verify.objective import objective
from qslot.solver import Options, solve
from qslot.testing.generator.draw import Draw, SeededDraw

from ..ordering import answering, in_an_order
from . import oracle

STATEMENTS = ("hash", "objective", "prediction")
"""Rules of what a layout says of itself, which is of another request."""


def others(draw: Draw, guest: Guest, number: int) -> Iterator[dict[Term, int]]:
    """Costs of layouts of the guest, found as those of other requests."""
    for _ in range(number):
        request = answering(draw, guest)
        layout = None if request is None else known_layout(solve(request, Options()))
        if layout is not None:
            by_id = {one.id: one for one in layout.devices}
            layout = layout.model_copy(update={"devices": tuple(by_id[one.id] for one in guest.devices)})
            if not [one for one in verify(guest, layout) if one.severity == "error" and one.rule not in STATEMENTS]:
                yield objective(guest, layout)


def refuted(outcome: Outcome, costs: dict[Term, int]) -> str:
    """Why an answer cannot be right beside a layout of these costs; empty where it can."""
    if isinstance(outcome, Infeasible):
        return f"infeasible, but there is a layout of {costs}"
    layout = known_layout(outcome)
    terms = layout.objective if layout is not None else ()
    for term in terms:
        if costs[term.term] != term.bound:
            return f"{term}, but another has {costs}" if costs[term.term] < term.bound else ""
        if term.gap:
            return ""
    return ""


def errors(guest: Guest, layout: Layout) -> list[str]:
    """Rules that the answer itself breaks."""
    return [str(one) for one in verify(guest, layout) if one.severity == "error"]


def opinion(guest: Guest, _: Outcome) -> str:
    """What the oracle says of the guest once it asks for an order, which follows from the guest."""
    request = in_an_order(SeededDraw(int(guest.sha256[:8], 16)), guest)
    if request is None:
        return "n/a: no order to ask for"
    outcome = solve(request, Options())
    layout = known_layout(outcome)
    if layout is not None and (broken := errors(request, layout)):
        return f"DISAGREE: {broken[0]}"
    return oracle.opinion(request, outcome)
