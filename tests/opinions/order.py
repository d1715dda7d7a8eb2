"""What other layouts say of an answer to a request with an order: one that keeps all rules and costs less, or that is
there at all where there should be none, refutes it."""

from collections.abc import Iterator

from qslot.schema import Guest, Layout, Outcome
from qslot.schema.layout.outcome import Infeasible, known_layout
from qslot.schema.request.fields import Term
from qslot.schema.verify import verify
from qslot.schema.verify.objective import objective
from qslot.solver import Options, solve
from qslot.testing.generator.draw import Draw

from ..ordering import answering

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
