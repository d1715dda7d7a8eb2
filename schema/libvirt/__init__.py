"""libvirt's domain XML: read as a request, and given back with every address and controller filled in."""

from .read import guest_data as guest_data
from .read import read as read
from .splice import SourceError as SourceError
from .write import Written as Written
from .write import write as write
