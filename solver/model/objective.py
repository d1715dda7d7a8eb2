"""The terms of the objective as sums over the variables: what each is of a solution, in the units of the answer.

They are minimised one after the other in the policy's order, see search/lexicographic.py. schema/verify/objective.py is
a second reading, of a layout: only where both agree is an answer called optimal.
"""

from ...schema.firmware.budget import PAGE
from ...schema.request.fields import Term
from ...schema.weights import WEIGHTS
from .address_spaces import AddressSpaces
from .bus_tree import controllers
from .io_windows import Windows
from .linear import LinearExpr, sum_of
from .variables import Variables


def objective(v: Variables, windows: Windows, spaces: AddressSpaces) -> dict[Term, LinearExpr]:
    """By term: preferences is a sum of weights, io_windows are bytes, controllers are counted, depth are bridges."""
    return {
        "preferences": preferences(v) + spaces.cost(),
        "io_windows": windows.pages() * PAGE,
        "controllers": controllers(v),
        "depth": depth(v),
    }


def preferences(v: Variables) -> LinearExpr:
    """The sum of fixed weights, but for address spaces: each option's own, what joined occupants pay, undemanded
    switches, pinned devices'.

    What a seat costs a device is in aggregate/preferences.py.
    """
    result = sum_of(v.counts[i] * option.weight for i, option in enumerate(v.options) if option.weight)
    for bus in v.classes:
        result.add(v.controller_count(bus), bus.base_weight)
        if bus.created and bus.model == "x3130-upstream":
            result.add(v.controller_count(bus), WEIGHTS["switch"])
        for index, slot in enumerate(bus.slots):
            if slot.cost:
                result.add(sum_of(count for _, count in v.patterns(bus, index)), slot.cost)
    return result


def depth(v: Variables) -> LinearExpr:
    """Bridges between endpoint and root bus, summed over functions."""
    result = LinearExpr()
    for option, count in zip(v.options, v.counts, strict=True):
        result.add(count, option.kind.size * option.bus.level.depth)
    for bus in v.classes:
        result.add(v.controller_count(bus), bus.base_functions * bus.level.depth)
    return result
