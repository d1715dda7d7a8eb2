"""A brute-force reference for tiny guests: a third reading of docs/semantics.md that shares no code with the solver.

It enumerates every tree of controllers and every seat that the page allows, and keeps the best. From `qslot.schema` it
takes facts about devices and machines only, and what a firmware does with a layout (docs/model.md lists them); what is
legal and what it costs, it derives by itself.
"""

from qslot.schema import Guest, Layout

from .limits import MemoryDecides as MemoryDecides
from .limits import NoAnswer as NoAnswer
from .limits import TooMany as TooMany
from .measure import Costs as Costs
from .search import Search as Search


def best(guest: Guest, nodes: int | None = None) -> Costs | None:
    """The objective of the best layout, term by term in the policy's order; None where no layout keeps all rules.

    Raises NoAnswer where the search has more `nodes`, or where memory decides and order may matter.
    """
    return searched(guest, nodes).costs


def best_layout(guest: Guest) -> Layout | None:
    """A layout that costs that."""
    return searched(guest).layout


def searched(guest: Guest, nodes: int | None = None) -> Search:
    """With the merging of controllers, or where memory decides what merging may lose, without; so is an order."""
    search = Search(guest, merge=not guest.order, nodes=nodes)
    try:
        search.run()
    except MemoryDecides:
        if guest.order:
            raise
        search = Search(guest, merge=False, nodes=nodes)
        try:
            search.run()
        except TooMany as error:
            raise MemoryDecides(*error.args) from error
    return search
