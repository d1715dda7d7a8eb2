"""What is known of a layout that is there already."""

from typing import Final, NamedTuple

from ..layout.layout import Layout

UNCOMPARED_HASH: Final = 1
"""Version of a layout's hash that nobody compares with a request's."""


class PlacedGuest(NamedTuple):
    """A layout that is there already."""

    layout: Layout
    domain: bytes | None = None
    """The domain that states it, if one does: ids are then not its own words."""
    warnings: tuple[str, ...] = ()
    says_versions: bool = True
    """Whether it says which QEMU and which firmware run it. Neither a domain nor a command line does."""
