"""Sizes in bytes, written as numbers or as text with a binary unit; rounding up."""

import re
from typing import Annotated, Final

from pydantic import BeforeValidator, Field

KIB: Final = 1 << 10
MIB: Final = 1 << 20
"""Bytes: also the granularity of a bridge's memory windows (PCI-to-PCI Bridge 1.2, 3.2.5.8)."""


def align(address: int, to: int) -> int:
    """The next multiple of `to`, a power of two or not."""
    return -(-address // to) * to


def power_of_two(size: int) -> int:
    """The next one from `size` on; 0 for 0."""
    return 1 << (size - 1).bit_length() if size > 0 else 0


_UNITS = {"": 1, "B": 1, "KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30, "TiB": 1 << 40}
_TEXT = re.compile(r"(\d+)\s*([A-Za-z]*)")


def parse_size(value: object) -> object:
    """Bytes from `4096`, `"4KiB"`, `"2 GiB"`; anything else is left for pydantic to refuse.

    >>> parse_size("4KiB")
    4096
    """
    if not isinstance(value, str):
        return value
    match = _TEXT.fullmatch(value.strip())
    if match is None or match[2] not in _UNITS:
        raise ValueError(
            f"size {value!r} is not a number of bytes or a number with one of {', '.join(list(_UNITS)[1:])}"
        )
    return int(match[1]) * _UNITS[match[2]]


_Bytes = Annotated[int, Field(ge=0, le=1 << 62)]
_Text = Annotated[str, Field(pattern=rf"^\s*\d+\s*({'|'.join(_UNITS)})\s*$", examples=["4KiB", "16GiB"])]
Size = Annotated[_Bytes, BeforeValidator(parse_size, json_schema_input_type=_Bytes | _Text)]
"""Bytes, from 0 to 2^62."""
