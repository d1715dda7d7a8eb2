"""A layout as it stands, for whoever wants to look at it. Of a file that holds one nothing else is loaded."""

from ..layout.layout import Layout
from .files import read_stated
from .placed_guest import UNCOMPARED_HASH, PlacedGuest
from .sources import Source, called


def read_as_it_is(source: Source) -> PlacedGuest:
    """As `read_placed`, but that a layout in a file is not judged. What states none answers whatever request. Raises
    InputError."""
    read, _ = read_stated(source)
    if isinstance(read, Layout):
        return PlacedGuest(read)
    from .placed import as_stated

    layout = as_stated(read, called(source))
    any_request = layout.versions.model_copy(update={"hash": UNCOMPARED_HASH})
    return PlacedGuest(layout.model_copy(update={"versions": any_request}), warnings=tuple(read.unread))
