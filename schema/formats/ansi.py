"""Colours of terminals, and lines that fit one."""

import re
from collections.abc import Callable, Iterator
from typing import Final

Paint = Callable[[str, str], str]
"""A text in a style, which is one of STYLES; an empty style is none."""

STYLES: Final = {
    "id": "1",
    "soft": "2",
    "address": "36",
    "modern": "32",
    "transitional": "33",
    "legacy": "31",
    "window": "34",
    "free": "32",
    "good": "32",
    "warning": "33",
    "error": "31",
}
_CODE: Final = re.compile(r"\x1b\[[0-9;]*m")


def plain(text: str, _style: str) -> str:
    """No colour."""
    return text


def coloured(text: str, style: str) -> str:
    """In colour, by ANSI's escape sequences.

    >>> coloured("net0", "id")
    '\\x1b[1mnet0\\x1b[0m'
    """
    return f"\x1b[{STYLES[style]}m{text}\x1b[0m" if text and style else text


def seen(text: str) -> int:
    """How many columns it takes, colours apart."""
    return len(_CODE.sub("", text))


def padded(text: str, width: int) -> str:
    """With spaces behind it, up to that width."""
    return text + " " * (width - seen(text))


def wrapped(text: str, width: int, indent: str) -> Iterator[str]:
    """Lines of at most that width, broken between words; those after the first begin with `indent`. A word that is
    longer stays whole: nothing is cut."""
    line = ""
    for word in re.split(r"(?<=\S) ", text):
        if seen(line) + 1 + seen(word) > width and line.strip():
            yield line
            line = indent + word.lstrip()
        else:
            line = f"{line} {word}" if line else word
    yield line
