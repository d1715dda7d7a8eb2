"""Plain data as TOML text: a table for each mapping of the top, one for each entry of a list of mappings."""

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

_BARE: Final = re.compile(r"[A-Za-z0-9_-]+")


def toml_text(data: Mapping[str, Any]) -> str:
    """The data as TOML, which has no null: what is null is left out.

    >>> print(toml_text({"machine": "q35", "devices": [{"id": "a", "numa": None}]}), end="")
    machine = "q35"
    <BLANKLINE>
    [[devices]]
    id = "a"
    """
    tables = {name: value for name, value in data.items() if isinstance(value, Mapping) or _is_list_of_tables(value)}
    lines = list(_pairs({name: value for name, value in data.items() if name not in tables}))
    for name, value in tables.items():
        brackets = "[%s]" if isinstance(value, Mapping) else "[[%s]]"
        for one in [value] if isinstance(value, Mapping) else value:
            lines += ["", brackets % _key(name), *_pairs(one)]
    return "\n".join(lines) + "\n"


def _is_list_of_tables(value: object) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(one, Mapping) for one in value)


def _pairs(table: Mapping[str, Any]) -> Iterator[str]:
    return (f"{_key(name)} = {_value(value)}" for name, value in table.items() if value is not None)


def _key(name: str) -> str:
    return name if _BARE.fullmatch(name) else _text(name)


def _value(value: Any) -> str:
    if isinstance(value, Mapping):
        return f"{{{', '.join(_pairs(value))}}}"
    if isinstance(value, list):
        return f"[{', '.join(_value(one) for one in value if one is not None)}]"
    return _text(value) if isinstance(value, str) else json.dumps(value)


def _text(value: str) -> str:
    """JSON's escapes are TOML's, but for one character that JSON need not escape."""
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007F")
