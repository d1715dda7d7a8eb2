"""`qslot plan`: a guest in, a layout out."""

import json
import shlex
from pathlib import Path
from typing import TYPE_CHECKING

import click

from .common import SearchOptions, exit_code_and_message, search_options
from .exits import CliError, Exit, leave, message, result

if TYPE_CHECKING:
    from qslot.schema import Layout, Outcome

FORMATS = ("json", "yaml", "argv", "qmp", "libvirt", "tree")


@click.command()
@click.argument("guest")
@click.option("--to", "form", type=click.Choice(FORMATS), help="What to print; default: the tree.")
@click.option("-o", "--output", type=click.Path(path_type=Path), help="Write the result there, whole or not at all.")
@search_options
@click.option("--standalone", is_flag=True, help="With --to argv: also all else that QEMU needs to start.")
@click.option("--explicit-virtio", is_flag=True, help="With --to libvirt: also where a device has its address.")
@click.option("--json", "as_json", is_flag=True, help="The layout as JSON; with --to argv: -device '{...}'.")
def plan(
    guest: str,
    form: str | None,
    output: Path | None,
    search: SearchOptions,
    standalone: bool,
    explicit_virtio: bool,
    as_json: bool,
) -> None:
    """Find the best layout of GUEST and prove it.

    \b
    Examples:
      qslot plan guest.yaml
      qslot plan guest.yaml --to json -o layout.json
      qslot plan domain.xml --to libvirt -o planned.xml
      qslot plan guest.yaml --to argv --standalone | xargs -r qemu-system-x86_64
    """
    form = form or ("json" if as_json else "tree")
    _check_options(form, standalone=standalone, as_json=as_json, explicit_virtio=explicit_virtio)
    request, source, solved = search.read(guest)
    if form == "libvirt" and not source.lstrip().startswith("<"):
        raise click.UsageError("--to libvirt gives back the domain XML that GUEST is, but this is none")
    from .. import explain  # after reading: bad input need not wait for ortools to load

    outcome = solved or search.run(lambda options: explain(request, options))
    code, why = exit_code_and_message(outcome)
    message(why)
    layout = _layout(outcome)
    if layout is not None and form == "libvirt":
        result(_domain(layout, source, explicit_virtio=explicit_virtio), output)
    elif layout is not None:
        result(_text(layout, form, standalone=standalone, as_json=as_json), output)
        if form in ("argv", "qmp"):  # the other forms hold their warnings themselves
            _warn(layout)
    leave(code)


def _check_options(form: str, *, standalone: bool, as_json: bool, explicit_virtio: bool) -> None:
    if standalone and form != "argv":
        raise click.UsageError("--standalone goes with --to argv")
    if as_json and form not in ("json", "argv"):
        raise click.UsageError(f"--json goes with --to json or --to argv, not with --to {form}")
    if explicit_virtio and form != "libvirt":
        raise click.UsageError("--explicit-virtio goes with --to libvirt")


def _domain(layout: "Layout", source: str, *, explicit_virtio: bool) -> str:
    from qslot.schema.libvirt import SourceError, write

    try:
        written = write(layout, source.encode(), explicit_virtio=explicit_virtio)
    except SourceError as error:
        raise CliError(str(error), Exit.INPUT) from None
    message("\n".join(written.rewritten))
    return written.data.decode()


def _layout(outcome: "Outcome") -> "Layout | None":
    from qslot.schema import Infeasible

    return None if isinstance(outcome, Infeasible) else outcome.layout


def _text(layout: "Layout", form: str, *, standalone: bool, as_json: bool) -> str:
    from qslot.schema.formats.files import to_json, to_yaml
    from qslot.schema.formats.text_layout import tree

    if form == "argv":
        return argv_lines(layout, standalone=standalone, as_json=as_json)
    if form == "qmp":
        return _qmp_lines(layout)
    return {"json": to_json, "yaml": to_yaml, "tree": tree}[form](layout)


def argv_lines(layout: "Layout", *, standalone: bool = False, as_json: bool = False) -> str:
    """An option and its value a line, quoted for a shell and for xargs."""
    from qslot.schema.formats.qemu import arguments
    from qslot.schema.formats.standalone import imitated
    from qslot.schema.formats.standalone import standalone as all_arguments

    if standalone and (without := imitated(layout)):
        message(f"imitated, for want of their hardware: {', '.join(without)}")
    try:
        words = all_arguments(layout, as_json=as_json) if standalone else arguments(layout, as_json=as_json)
    except FileNotFoundError as error:
        raise CliError(str(error), Exit.INPUT) from None
    lines: list[list[str]] = []
    for word in words:
        if word.startswith("-") or not lines:
            lines.append([])
        lines[-1].append(word)
    return "".join(f"{shlex.join(line)}\n" for line in lines)


def _qmp_lines(layout: "Layout") -> str:
    """A command a line; devices that only a start can bring are named on standard error."""
    from qslot.schema.formats.qemu import cold_plug, device_add

    if cold := cold_plug(layout):
        message(f"cold-plug, to be there when QEMU starts: {', '.join(cold)}")
    commands = device_add(layout)
    return "".join(f"{json.dumps(command)}\n" for command in commands)


def _warn(layout: "Layout") -> None:
    from qslot.schema.formats.text_layout import findings

    message(findings(layout.warnings))
