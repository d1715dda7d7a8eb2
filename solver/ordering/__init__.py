"""Guests that ask for an order of guest addresses: the best layout without is put in order where that costs nothing."""

from ...schema.request.guest import Guest


def unordered(guest: Guest) -> Guest:
    """The request without its order."""
    return guest.model_copy(update={"order": ()})
