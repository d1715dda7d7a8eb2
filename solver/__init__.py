"""qslot.solver: how to find a layout, the proof that none is better, and why there is none."""

from .advise import advise as advise
from .decision import Decision as Decision
from .decision import decide_for as decide_for
from .explain import explain as explain
from .options import Options as Options
from .options import Stop as Stop
from .placement import placement as placement
from .solve import solve as solve
