"""Kinds of bus that take endpoints, and which of them suit a connector."""

from enum import StrEnum
from typing import Final

from ...schema.pci.controllers import Connector


class Place(StrEnum):
    """Kinds of bus that take endpoints: a port, a conventional bridge's bus, the main root bus."""

    PORT = "port"
    CONVENTIONAL = "conventional"
    ROOT = "root"


ANYWHERE: Final = frozenset(Place)

ALLOWED: Final = {
    Connector.EXPRESS: frozenset({Place.PORT, Place.ROOT}),
    Connector.HYBRID: frozenset(Place),
    Connector.CONVENTIONAL: frozenset({Place.CONVENTIONAL, Place.ROOT}),
    Connector.INTEGRATED: frozenset({Place.ROOT}),
}
"""Where automatic placement puts a device."""
