"""qslot.solver: how to find a layout, the proof that none is better, and why there is none."""

from ..schema.lazy import loader

TYPE_CHECKING = False
if TYPE_CHECKING:  # the same names as below, for those who read without running
    from .advice.advise import advise as advise
    from .advice.machine_choice import Decision as Decision
    from .advice.machine_choice import choose_machine as choose_machine
    from .explanation.explain import explain as explain
    from .explanation.why_here import placement as placement
    from .fleet.solve_many import solve_many as solve_many
    from .more_devices import capacity as capacity
    from .options import Options as Options
    from .options import Stop as Stop
    from .solving import solve as solve

__getattr__ = loader(
    __name__,
    {
        "advice.advise": ("advise",),
        "advice.machine_choice": ("Decision", "choose_machine"),
        "explanation.explain": ("explain",),
        "explanation.why_here": ("placement",),
        "fleet.solve_many": ("solve_many",),
        "more_devices": ("capacity",),
        "options": ("Options", "Stop"),
        "solving": ("solve",),
    },
)
