"""Whether controllers of a class may be elsewhere than below a certain one.

Of a class of several what is on one of its buses is not told from what is on another: where all of them are below one
controller, it is below that.
"""

from dataclasses import field

from ...schema.records import record
from ..aggregate.bus_classes import BusClass
from .linear import LinearExpr, sum_of
from .variables import Variables


@record
class Elsewhere:
    """Asked for by class and the class of one controller, `top`."""

    v: Variables
    _known: dict[tuple[BusClass, BusClass], LinearExpr] = field(default_factory=dict)

    def of(self, bus: BusClass, top: BusClass) -> LinearExpr:
        """0 where all controllers of a class are below the one of `top`, or are that one; else at most 1."""
        if bus is top:
            return LinearExpr()
        if bus not in self.v.below(top):
            return LinearExpr(constant=1)
        if (bus, top) not in self._known:
            hanging = sum_of(self._hanging(bus, host, top) for host in bus.above)
            most = min(1, self.v.linear.upper_bound(hanging))
            self._known[bus, top] = result = self.v.linear.variable(0, most, "elsewhere", bus, top)
            self.v.linear.add_le(result, hanging)
        return self._known[bus, top]

    def _hanging(self, bus: BusClass, host: BusClass, top: BusClass) -> LinearExpr:
        """How many hang on buses of `host`, or 1, if any of those may be elsewhere; else 0."""
        number = self.v.attached(bus, host)
        host_elsewhere = self.of(host, top)
        if not host_elsewhere.terms:
            return number * host_elsewhere.constant
        result = self.v.linear.variable(0, 1, "hanging_elsewhere", bus, host, top)
        self.v.linear.add_le(result, number)
        self.v.linear.add_le(result, host_elsewhere)
        return result
