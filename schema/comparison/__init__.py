"""Two layouts of a guest, compared as the guest, QEMU and the firmware tell devices apart."""

from .compare import diff as diff
from .difference import Differing as Differing
from .difference import Following as Following
from .difference import LayoutDiff as LayoutDiff
from .difference import PartDifference as PartDifference
from .difference import Trade as Trade
from .difference import WindowDifference as WindowDifference
