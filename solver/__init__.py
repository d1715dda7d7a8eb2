"""qslot.solver: how to find a layout, the proof that none is better, and why there is none."""

from .advice.advise import advise as advise
from .advice.machine_choice import Decision as Decision
from .advice.machine_choice import choose_machine as choose_machine
from .explanation.explain import explain as explain
from .explanation.why_here import placement as placement
from .options import Options as Options
from .options import Stop as Stop
from .solving import solve as solve
