"""A brute-force reference for tiny guests: a third reading of docs/semantics.md that shares no code with the solver.

It enumerates every tree of controllers and every seat that the page allows, and keeps the best. From `qslot.schema` it
takes facts about devices and machines only; what is legal and what it costs, it derives by itself.
"""

from qslot.schema import Guest

from .measure import Costs as Costs
from .search import Search as Search
from .search import TooMany as TooMany


def best(guest: Guest) -> Costs | None:
    """The objective of the best layout, term by term in the policy's order; None where no layout keeps all rules."""
    return Search(guest).run()
