"""Files that somebody else wrote, within limits: what is too large, or is no text, is one error."""

import re
from pathlib import Path
from typing import Final

from .errors import QslotError

MAX_BYTES: Final = 32 << 20
"""The largest file read. A layout of 20,000 devices is about a third of this."""
_ENDLESS: Final = re.compile(
    r"(?<![\d_])[\d_]{1000}|0[xX][\da-fA-F_]{1000}|(?<![:\d])\d+(?::[0-5]?\d){500}"  # the last is YAML's sexagesimal
)
ENDLESS_NUMBER: Final = "a number of a thousand digits or more"
"""What is said of a text that has one: see `has_endless_number`."""


class UnreadableError(QslotError, ValueError):
    """What cannot be read; the text says why, in words that follow the file's name."""


def reason(error: OSError | ValueError) -> str:
    """Why a file cannot be read, or written. ValueError is what Python raises of a name that no file can have."""
    return (getattr(error, "strerror", None) or str(error)).lower()


def read_bytes(path: str | Path) -> bytes:
    """What is in the file. Raises UnreadableError, for one larger than MAX_BYTES, too."""
    try:
        with Path(path).open("rb") as file:
            return limited(file.read(MAX_BYTES + 1))
    except (OSError, ValueError) as error:
        if isinstance(error, UnreadableError):
            raise
        raise UnreadableError(f"can't be read: {reason(error)}") from None


def limited(raw: bytes) -> bytes:
    """These bytes, of which one more than MAX_BYTES was asked for. Raises UnreadableError where there are that many."""
    if len(raw) > MAX_BYTES:
        raise UnreadableError(f"larger than {MAX_BYTES >> 20} MiB, the most that is read")
    return raw


def has_endless_number(text: str) -> bool:
    """Whether there is a number of a thousand digits in it. No input means one, and Python raises ValueError where it
    reads, or prints, one of 4300.

    >>> has_endless_number("memory: " + "9" * 5000), has_endless_number("memory: 4GiB")
    (True, False)
    """
    return len(text) >= 1000 and _ENDLESS.search(text) is not None
