"""`qslot rules`: what the codes of findings, facts and preferences mean, and what to do."""

import dataclasses
import json
from typing import TYPE_CHECKING, Final

import click

from .completion import CODES, codes
from .exits import CliError, Exit
from .streams import result
from .terminal import columns

if TYPE_CHECKING:
    from qslot.schema.meanings import Meaning

USUAL_WIDTH: Final = 100
"""Columns where nobody says how many there are."""
HEADS: Final = {
    "layout": "A layout keeps these rules (`qslot check`, `qslot explain`)",
    "environment": "Operating system and hosts (`qslot advise`)",
    "statement": "What a layout says of itself (`qslot check`)",
    "warning": "Warnings",
    "preference": "Preferences, with their weights (`qslot plan`: preferences not met)",
}


@click.command()
@click.argument("code", required=False, shell_complete=CODES)
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
def rules(code: str | None, as_json: bool) -> None:
    """Say what CODE, of a rule or a preference, means, with examples, and what to do; or list all.

    \b
    Examples:
      qslot rules
      qslot rules io-space
      qslot rules chipset-place
    """
    from qslot.schema.meanings import meaning
    from qslot.schema.request.problems import nearest

    known = codes()
    if code is None:
        all_ = [meaning(one) for one in known]
        result(json.dumps([_short(one) for one in all_], indent=2) + "\n" if as_json else _list(all_))
        return
    if code not in known:
        why = f"CODE {code}: no rule and no preference has it{nearest(code, known)}; `qslot rules` lists them"
        raise CliError(why, Exit.INPUT)
    one = meaning(code)
    result(json.dumps(dataclasses.asdict(one), indent=2) + "\n" if as_json else _page(one))


def _short(one: "Meaning") -> dict[str, str]:
    return {name: value for name, value in dataclasses.asdict(one).items() if name != "text"}


def _list(all_: "list[Meaning]") -> str:
    wide = max(len(one.code) for one in all_)
    parts = []
    for kind, head in HEADS.items():
        lines = [_wrapped(one.sentence, f"  {one.code:{wide}}  ", wide + 4) for one in all_ if one.kind == kind]
        parts.append("\n".join([head, *lines]))
    return "\n\n".join(parts) + "\n"


def _page(one: "Meaning") -> str:
    parts = [_wrapped(f"{one.code}: {one.sentence}."), _wrapped(f"What to do: {one.mend}") if one.mend else ""]
    return "\n\n".join([*filter(None, parts), one.text, _wrapped(f"Source: {one.source}.")]) + "\n"


def _wrapped(text: str, first: str = "", indent: int = 0) -> str:
    from textwrap import fill

    width = max(columns() or USUAL_WIDTH, indent + 30)
    return fill(text, width, initial_indent=first, subsequent_indent=" " * indent, break_long_words=False)
