"""What planning can answer: solved, proved impossible, or undecided. Bad input is none of them: it raises."""

from collections.abc import Iterator
from typing import Final, Literal

from pydantic import Field

from ..base import Frozen
from ..errors import QslotError
from ..explanation.conflict import Conflict
from ..explanation.remedy import Remedy, alternatives_as_one
from ..finding import Finding
from ..rules import RULES
from .layout import TERM_WORDS, Layout, ObjectiveTerm, telling

ASK_EXPLAIN: Final = "hint: qslot.explain(guest), or the command `qslot explain`, says which facts clash and what helps"


BESIDE_A_PREVIOUS: Final = ("kept-controllers", "frozen")
"""Rules of what was there before: where it stands in the way, the request says nothing of it itself."""

MOVED: Final = "moved"
"""What a finding of rule order says beside a previous layout: how many devices move without the order."""


class NoLayoutError(QslotError):
    """There is none, or none was found: `outcome` says which, and the text is `str` of it. What clashes is in it if it
    is of `explain`."""

    def __init__(self, outcome: "Infeasible | Undecided") -> None:
        super().__init__(str(outcome))
        self.outcome = outcome


class Solved(Frozen):
    """A verified layout, every term of its objective proved optimal. `str` is what `qslot plan` prints."""

    layout: Layout
    """The layout; its `status` is "optimal"."""

    def __str__(self) -> str:
        return str(self.layout)

    def require(self) -> Layout:
        """The layout."""
        return self.layout


class Infeasible(Frozen):
    """Proved: no layout keeps all rules. `str` of the answer of `explain` is what `qslot explain` prints."""

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
        raise NoLayoutError(self)

    def _lines(self) -> Iterator[str]:
        yield "infeasible (proved): no layout keeps every rule"
        if self.conflict is None:
            yield from map(str, self.findings)
            yield ASK_EXPLAIN
            return
        from ..explanation.clauses import clauses, together

        yield "Because " + ",\nand because ".join(clauses(together(self.conflict.facts), self.findings)) + ":"
        yield "  no layout."
        yield from (str(one) for one in self.findings if one.rule in BESIDE_A_PREVIOUS or MOVED in one.details)
        if self.conflict.broken_rule:
            rule = RULES[self.conflict.broken_rule]
            yield f"Rule {rule.code}: {rule.sentence} ({rule.source})."
        if not self.conflict.minimal:
            yield "Not proved to be the smallest such set: a limit was hit, or one of them cannot be asked without."
        hints = alternatives_as_one(self.remedies)
        yield from (f"hint: {remedy}" for remedy in hints) if hints else ["hint: no single change helps"]


WHY_UNDECIDED: Final = {
    "limit": "a limit was hit, more time may help",
    "unconfirmed": "no limit was hit and more time will not help: qslot finds no proof here, please report the request",
    "ordered": "no limit was hit and more time will not help: what the order of devices costs at least is not proved",
    "replanned": "no limit was hit and more time will not help: beside a previous layout not every term is proved",
}


class Undecided(Frozen):
    """No proof: the best verified layout so far, if any, and the proved bounds of the objective's terms."""

    reason: Literal["limit", "unconfirmed", "ordered", "replanned"] = "limit"
    """`limit`: a limit was hit, so that more time may help. `unconfirmed`: what was found could not be confirmed, and
    more time will not help: no fault of the request, and worth a report. `ordered`: it is not proved what an
    `order` of devices takes, nor that there is nothing better. `replanned`: beside a previous layout, of some
    term nothing better was found, but it is not proved that there is nothing; more time will not help either."""
    layout: Layout | None = None
    """The best one that was found and verified; None where none was."""
    bound: tuple[ObjectiveTerm, ...] = Field(default=())
    """What is proved of each term, whatever layout has it: its `bound`."""

    def __str__(self) -> str:
        why = WHY_UNDECIDED[self.reason]
        if self.layout is None:
            lines = [f"undecided: no layout was found, and none was proved impossible; {why}"]
            least = [
                f"  {TERM_WORDS[term.term]}: at least {term.bound}" for term in telling(self.bound, replanned=False)
            ]
            return "\n".join(lines + least)
        lines = [f"not proved optimal ({why}); the best layout found keeps every rule"]
        return "\n".join(
            lines + [f"  {term}" for term in telling(self.bound, replanned=self.layout.replanned is not None)]
        )

    def require(self) -> Layout:
        """The best layout found, which keeps every rule but is not proved optimal. Raises NoLayoutError without one."""
        if self.layout is None:
            raise NoLayoutError(self)
        return self.layout


Outcome = Solved | Infeasible | Undecided
"""What is answered of a guest: the best layout, a proof that there is none, or neither in the time given."""


class RefusedGuest(Frozen):
    """Of `solve_many`: this guest is not valid, or its worker failed; the others go on."""

    message: str
    """What is wrong, in the words of the error."""

    def __str__(self) -> str:
        return self.message

    def require(self) -> Layout:
        """Raises QslotError: what is wrong."""
        raise QslotError(self.message)


def known_layout(outcome: Outcome) -> Layout | None:
    """The best layout that is known, proved or not; None where there is none."""
    return None if isinstance(outcome, Infeasible) else outcome.layout
