"""What planning can answer: solved, proved impossible, or undecided. Bad input is none of them: it raises."""

from pydantic import Field

from .device import Frozen
from .finding import Finding
from .layout import Layout, ObjectiveTerm


class Solved(Frozen):
    """A verified layout, every term of its objective proved optimal."""

    layout: Layout


class Infeasible(Frozen):
    """Proved: no layout keeps all rules. `findings` say which rule cannot be met, where that is known."""

    findings: tuple[Finding, ...] = ()
    remedies: tuple[str, ...] = ()


class Undecided(Frozen):
    """A limit was hit: the best verified layout so far, if any, and the proved bounds of the objective's terms."""

    layout: Layout | None = None
    bound: tuple[ObjectiveTerm, ...] = Field(default=())


Outcome = Solved | Infeasible | Undecided
