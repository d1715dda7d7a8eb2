"""Guests that ask for an order of guest addresses: the best layout without is put in order where that costs nothing."""

from .ordered import ordered as ordered
from .ordered import unordered as unordered
