"""What a running guest can take: its free slots, and what each has room for."""

from ..lazy import loader

TYPE_CHECKING = False
if TYPE_CHECKING:  # the same names as below, for those who read without running
    from .room import FreeSlot as FreeSlot
    from .room import Room as Room
    from .room import free_slots as free_slots
    from .slots import free_places as free_places
    from .slots import why_no_hotplug as why_no_hotplug

__getattr__ = loader(__name__, {"room": ("FreeSlot", "Room", "free_slots"), "slots": ("free_places", "why_no_hotplug")})
