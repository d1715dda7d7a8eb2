"""What the site says of commands and Python has all of them, each with words of its own."""

import re

import qslot
from qslot.solver.cli import COMMANDS

from .face_pages import commands_page, python_page


def sections(page: str, mark: str) -> dict[str, str]:
    parts = re.split(rf"^{mark} (.*)\n", page, flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


def test_each_command_has_its_help() -> None:
    found = sections(commands_page(), "##")
    assert [*found] == [f"qslot {name}" for name in COMMANDS]
    assert all(f"Usage: {head}" in text and "--help" in text for head, text in found.items())


def test_each_public_name_says_what_it_is() -> None:
    found = sections(python_page(), "###")
    assert {head.strip("`") for head in found} == {*qslot.__all__}
    unsaid = {head for head, text in found.items() if "```text" not in text}
    assert unsaid == {"`__version__`"}, "the constants' sentences stand below them where they are defined"
