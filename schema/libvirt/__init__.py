"""libvirt's domain XML: read as a request, and given back with every address and controller filled in."""

from .metadata import emulator as emulator
from .metadata import operating_system as operating_system
from .read import guest_data as guest_data
from .read import read as read
from .splice import SourceError as SourceError
from .unsaid import unsaid as unsaid
from .write import Written as Written
from .write import write as write
