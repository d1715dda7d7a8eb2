"""What a running guest can take: its free slots, and what each has room for."""

from .room import FreeSlot as FreeSlot
from .room import Room as Room
from .room import free_slots as free_slots
from .slots import free_places as free_places
from .slots import why_no_hotplug as why_no_hotplug
