"""Random requests, drawn through one interface: a seed names a guest, and Hypothesis drives the same code.

What is drawn must be interesting: each guest gets a few themes, and each theme makes something scarce or mixes a
feature in. Lower draws are plainer.
"""

from .draft import Data as Data
from .draft import Size as Size
from .draft import Wanted as Wanted
from .draw import Draw as Draw
from .draw import SeededDraw as SeededDraw
from .guest import any_guest as any_guest
from .guest import any_size as any_size
from .guest import draw_request as draw_request
from .guest import guest as guest
from .guest import request as request
from .guest import small_guest as small_guest
from .guest import small_size as small_size
from .guest import valid as valid
