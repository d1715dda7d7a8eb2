"""Where the oracle gives no answer."""

LAYOUTS = 600
"""That the firmware is asked about."""


class NoAnswer(Exception):  # noqa: N818 - of the oracle's own
    """The oracle does not know."""


class TooMany(NoAnswer):
    """More than the oracle's arguments cover: the guest is not tiny."""


class MemoryDecides(NoAnswer):
    """The firmware refused a layout that would have been better; another order of its slots it might take."""
