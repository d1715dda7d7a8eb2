"""What planning can answer: solved, proved impossible, or undecided. Bad input is none of them: it raises."""

from collections.abc import Iterator
from typing import Final, Literal

from pydantic import Field

from ..base import Frozen
from ..errors import QslotError
from ..explanation.clauses import clauses, together
from ..explanation.conflict import Conflict
from ..explanation.remedy import Remedy, alternatives_as_one
from ..finding import Finding
from ..rules import RULES
from .layout import TERM_WORDS, Layout, ObjectiveTerm


class NoLayoutError(QslotError):
    """There is none, or none was found; the text is `str` of the outcome. Reasons are in it if `explain` was asked."""


class Solved(Frozen):
    """A verified layout, every term of its objective proved optimal."""

    layout: Layout
    """The layout; its `status` is "optimal"."""

    def require(self) -> Layout:
        """The layout."""
        return self.layout


class Infeasible(Frozen):
    """Proved: no layout keeps all rules. `str` is what `qslot explain` prints."""

    findings: tuple[Finding, ...] = ()
    """What runs out, with the least that any layout uses of it, and who uses it; or who breaks a rule alone. Only as
    far as the proof itself knows: there may be none where `conflict` says what is wrong."""
    conflict: Conflict | None = None
    """Of `explain` only: what the request cannot have together."""
    remedies: tuple[Remedy, ...] = ()
    """Of `explain` only: what would help, the smallest first."""

    def __str__(self) -> str:
        return "\n".join(self._lines())

    def require(self) -> Layout:
        """Raises NoLayoutError: why there is none."""
        raise NoLayoutError(str(self))

    def _lines(self) -> Iterator[str]:
        yield "infeasible (proved): no layout keeps every rule"
        if self.conflict is None:
            yield from map(str, self.findings)
            return
        yield "Because " + ",\nand because ".join(clauses(together(self.conflict.facts), self.findings)) + ":"
        yield "  no layout."
        if self.conflict.broken_rule:
            rule = RULES[self.conflict.broken_rule]
            yield f"Rule {rule.code}: {rule.sentence} ({rule.source})."
        if not self.conflict.minimal:
            yield "Not proved to be the smallest such set: a limit was hit."
        hints = alternatives_as_one(self.remedies)
        yield from (f"hint: {remedy}" for remedy in hints) if hints else ["hint: no single change helps"]


WHY_UNDECIDED: Final = {
    "limit": "a limit was hit, more time may help",
    "unconfirmed": "no limit was hit and more time will not help: qslot finds no proof here, please report the request",
}


class Undecided(Frozen):
    """No proof: the best verified layout so far, if any, and the proved bounds of the objective's terms."""

    reason: Literal["limit", "unconfirmed"] = "limit"
    """`limit`: a limit was hit, so that more time may help. `unconfirmed`: what was found could not be confirmed, and
    more time will not help: no fault of the request, and worth a report."""
    layout: Layout | None = None
    """The best one that was found and verified; None where none was."""
    bound: tuple[ObjectiveTerm, ...] = Field(default=())
    """What is proved of each term, whatever layout has it: its `bound`."""

    def __str__(self) -> str:
        why = WHY_UNDECIDED[self.reason]
        if self.layout is None:
            lines = [f"undecided: no layout was found, and none was proved impossible; {why}"]
            return "\n".join(lines + [f"  {TERM_WORDS[term.term]}: at least {term.bound}" for term in self.bound])
        lines = [f"not proved optimal ({why}); the best layout found keeps every rule"]
        return "\n".join(lines + [f"  {term}" for term in self.bound])

    def require(self) -> Layout:
        """The best layout found, which keeps every rule but is not proved optimal. Raises NoLayoutError without one."""
        if self.layout is None:
            raise NoLayoutError(str(self))
        return self.layout


Outcome = Solved | Infeasible | Undecided
