"""What the site says of commands and Python, from the code: each command's own help, each public name's docstring.

Made while the site is built (`docs/site_hooks.py`), as the words of a help are also those of the installed click.
"""

import ast
import inspect
import re
import sys
from collections.abc import Iterator
from itertools import pairwise

import click
from pydantic import BaseModel

import qslot
from qslot.solver.cli import COMMANDS
from qslot.solver.cli import qslot as group


def commands_page() -> str:
    """Each command's help, as a terminal of 100 columns shows it."""
    return "\n".join(_command(name) for name in COMMANDS)


def _command(name: str) -> str:
    command = group.get_command(click.Context(group), name)
    assert command is not None
    above = click.Context(group, info_name="qslot")
    context = click.Context(command, info_name=name, parent=above, terminal_width=100, max_content_width=100)
    return f"## qslot {name}\n\n```text\n{command.get_help(context)}\n```\n"


def python_page() -> str:
    """Functions first, then classes, then constants; each by name."""
    parts: dict[str, object] = {name: getattr(qslot, name) for name in sorted(qslot.__all__)}
    kinds: dict[str, dict[str, object]] = {
        "Functions": {name: one for name, one in parts.items() if inspect.isfunction(one)},
        "Classes": {name: one for name, one in parts.items() if inspect.isclass(one)},
    }
    told = {name for some in kinds.values() for name in some}
    kinds["Constants and types"] = {name: one for name, one in parts.items() if name not in told}
    sections = (f"## {kind}\n\n" + "\n".join(_name(*one) for one in some.items()) for kind, some in kinds.items())
    return "\n".join(sections)


def _name(name: str, value: object) -> str:
    return "\n".join([f"### `{name}`", "", *_text(name, value)])


def _text(name: str, value: object) -> Iterator[str]:
    if inspect.isfunction(value):
        signature = re.sub(r"(?:\w+\.)+(\w+)", r"\1", str(inspect.signature(value)))
        yield from ("```text", f"{name}{signature}", "```", "")
    documented = inspect.isfunction(value) or inspect.isclass(value)
    if text := inspect.getdoc(value) if documented else _below(name):
        yield from ("```text", text, "```", "")
    if inspect.isclass(value) and issubclass(value, BaseModel):
        yield from (f"Fields: {', '.join(f'`{one}`' for one in value.model_fields)}.", "")


def _below(name: str) -> str:
    """The sentence below a constant where it is defined: in one module alone (tests/test_rooms.py)."""
    modules = (module for key, module in sorted(sys.modules.items()) if key.startswith("qslot."))
    bodies = (ast.parse(inspect.getsource(module)).body for module in modules)
    for node, after in (pair for body in bodies for pair in pairwise(body)):
        targets = [node.target] if isinstance(node, ast.AnnAssign) else getattr(node, "targets", [])
        if isinstance(after, ast.Expr) and any(getattr(target, "id", "") == name for target in targets):
            return inspect.cleandoc(ast.literal_eval(after.value))
    return ""
