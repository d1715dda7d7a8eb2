"""What standard output is: how wide, and whether in colour."""

import os
import sys


def columns() -> int | None:
    """How wide it is: COLUMNS, or the terminal's own width; None where it is no terminal and nobody says it."""
    stated = os.environ.get("COLUMNS", "")
    if stated.isdecimal() and int(stated):
        return int(stated)
    if not sys.stdout.isatty():
        return None
    from shutil import get_terminal_size

    return get_terminal_size().columns


def has_colour() -> bool:
    """On a terminal that can, unless NO_COLOR is set to anything: https://no-color.org."""
    return sys.stdout.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"
