"""Which of a guest's models is written, and what follows from its answers."""

from ..schema.records import record


@record(frozen=True)
class Formulation:
    """Switches of the counting model, and what follows from the answers of each.

    What a switch makes of the model decides what its answers prove:

    ============================== ================= ===================== ===========================================
    switch                         the model is a    no solution means     the optimum is
    ============================== ================= ===================== ===========================================
    cheapest_only, switches=False  restriction       nothing               optimal, if preferences are the first term
    (none of them)                 relaxation        there is no layout    optimal where it is laid out at that cost
    chains=False                   relaxation        there is no layout    optimal where it is laid out at that cost
    without                        relaxation        there is no layout    of another question
    exact_io                       refinement        there is no layout    optimal where it is laid out at that cost
    guarded                        reformulation     the same              the same
    ============================== ================= ===================== ===========================================

    A restriction has fewer solutions than the guest has layouts, a relaxation has one for each layout at least, of no
    higher cost; a refinement is a relaxation with fewer solutions that are no layouts; a reformulation has the same.
    A model from which layouts had to be left out, as there are too many, says so itself (`Model.incomplete`): that is
    a restriction whose optimum proves nothing, either.
    """

    switches: bool = True
    """PCI Express switches may be created."""
    exact_io: bool = False
    """Created bridges with IO one by one, where counting them together hides a packing."""
    chains: bool = True
    """Created bridges nest as deep as that may save windows; without, two levels, and where more might save windows,
    an empty bridge opens none: no layout costs less than this model says."""
    cheapest_only: bool = False
    """Each kind has its options of least weight only, so any answer has the least preferences that there are."""
    without: frozenset[str] = frozenset()
    """Rules of CAPACITY_RULES that need not be kept."""
    guarded: bool = False
    """Each demand and limit has a guard, so that a core of them can be asked for."""

    @property
    def is_restriction(self) -> bool:
        """Whether layouts are left out, so that no solution says nothing."""
        return self.cheapest_only or not self.switches

    def keeps(self, rule: str) -> bool:
        """Whether a capacity rule is part of the model."""
        return rule not in self.without
