"""qslot.solver: how to find a layout, and the proof that none is better."""

from .options import Options as Options
from .search import solve as solve
