"""`-readconfig`: a file of sections, each of which stands for an option."""

import re
from collections.abc import Callable, Sequence
from typing import Final

from ..bounded_input import ENDLESS_NUMBER, has_endless_number
from .command_line import options_in
from .values import QemuArgumentError, option_text

Opener = Callable[[str], str]
"""The text of a file by its name. Raises QemuArgumentError where it can't be read."""

OPTION_OF: Final = {"memory": "m", "smp-opts": "smp", "boot-opts": "boot"}
"""Options by groups that are called otherwise."""

_SECTION: Final = re.compile(r'\[\s*(?P<group>[\w-]+)(?:\s+"(?P<id>[^"]*)")?\s*\]')
_PAIR: Final = re.compile(r'(?P<name>[\w.-]+)\s*=\s*"(?P<value>[^"]*)"')


def with_config_files(words: Sequence[str], opened: Opener) -> tuple[list[str], list[str]]:
    """The words with the sections of each file where it is named, and what could not be read, in words. Raises
    QemuArgumentError for a number that nobody means."""
    result: list[str] = []
    unread: list[str] = []
    for one in options_in(words):
        try:
            result += words_of_config(opened(one.value), one.value) if one.name == "readconfig" else one.words
        except QemuArgumentError as error:
            unread.append(f"-readconfig {error}: what it adds is not in the plan")
    if endless := [one for one in result if has_endless_number(one)]:
        raise QemuArgumentError(f"{endless[0][:60]}...: {ENDLESS_NUMBER}")
    return result, unread


def words_of_config(text: str, name: str) -> list[str]:
    """The sections of such a file as options. Raises QemuArgumentError, which names the file, where QEMU reads none.

    >>> words_of_config('[device "d"]\\n  driver = "edu"', "x.cfg")
    ['-device', 'id=d,driver=edu']
    """
    sections: list[tuple[str, list[tuple[str, str]]]] = []
    for number, line in enumerate(map(str.strip, text.splitlines()), 1):
        section, pair = _SECTION.fullmatch(line), _PAIR.fullmatch(line)
        if section is not None:
            pairs = [] if section["id"] is None else [("id", section["id"])]
            sections.append((OPTION_OF.get(section["group"], section["group"]), pairs))
        elif pair is not None and sections:
            sections[-1][1].append((pair["name"], pair["value"]))
        elif line and not line.startswith("#"):
            raise QemuArgumentError(f'{name}: line {number} is neither [group "id"] nor name = "value": {line[:60]}')
    return [word for option, pairs in sections for word in (f"-{option}", option_text(dict(pairs)))]
