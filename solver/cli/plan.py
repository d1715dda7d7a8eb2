"""`qslot plan`: a guest in, a layout out."""

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from qslot.schema.records import record

from .common import SearchOptions, exit_code_and_message, search_options, tell_hosts, tell_unread
from .exits import CliError, Exit, leave, message
from .pictures import drawn, form_of, output_option
from .previous import previous_option, read_previous, tell_difference
from .source import SOURCE, GuestCommand
from .streams import result

if TYPE_CHECKING:
    from qslot.schema import Guest, Layout
    from qslot.schema.environment.target import Environment
    from qslot.schema.formats.sources import Source

FORMATS = ("tree", "svg", "html", "json", "yaml", "argv", "qmp", "libvirt")


@record(frozen=True)
class Form:
    """What is printed of the layout."""

    name: str
    """One of FORMATS."""
    standalone: bool
    explicit_virtio: bool
    as_json: bool

    def check(self) -> None:
        """Raises UsageError for options that do not go together."""
        if self.standalone and self.name != "argv":
            raise click.UsageError("--standalone goes with --to argv")
        if self.as_json and self.name not in ("json", "argv"):
            raise click.UsageError(f"--json goes with --to json or --to argv, not with --to {self.name}")
        if self.explicit_virtio and self.name != "libvirt":
            raise click.UsageError("--explicit-virtio goes with --to libvirt")

    def check_source(self, source: str) -> None:
        """Raises UsageError for a guest that cannot be printed so."""
        from qslot.schema.formats.sources import is_xml_text

        if self.name == "libvirt" and not is_xml_text(source):
            raise click.UsageError("--to libvirt gives back the domain XML that GUEST is, but this is none")

    @property
    def holds_warnings(self) -> bool:
        """Whether the layout's warnings are in it."""
        return self.name not in ("argv", "qmp", "libvirt")

    def text(self, request: "Guest", layout: "Layout", source: str, output: Path | None) -> str:
        """The layout of the request, which was read from that source, for standard output or a file."""
        if self.name == "libvirt":
            return _domain(request, layout, source, explicit_virtio=self.explicit_virtio)
        if self.name == "argv":
            return argv_lines(layout, standalone=self.standalone, as_json=self.as_json)
        if self.name == "qmp":
            return _qmp_lines(layout)
        return drawn(layout, self.name, output)


@click.command(cls=GuestCommand)
@click.argument("guest", type=SOURCE)
@click.option(
    "--to", "form", type=click.Choice(FORMATS), help="What to print; default: as the suffix of -o says, else the tree."
)
@output_option
@search_options
@previous_option
@click.option("--standalone", is_flag=True, help="With --to argv: also all else that QEMU needs to start.")
@click.option(
    "--explicit-virtio", is_flag=True, help="With --to libvirt: every virtio mode, also where the slot makes it."
)
@click.option("--json", "as_json", is_flag=True, help="The layout as JSON; with --to argv: -device '{...}'.")
def plan(
    guest: "Source",
    form: str | None,
    output: Path | None,
    search: SearchOptions,
    standalone: bool,
    explicit_virtio: bool,
    as_json: bool,
    previous: str | None,
) -> None:
    """Find the best layout of GUEST and prove it.

    \b
    Examples:
      qslot plan guest.yaml
      qslot plan guest.yaml -o layout.json
      qslot plan guest.yaml -o layout.html
      qslot plan domain.xml -o planned.xml
      qslot plan guest.yaml --previous layout.json
      qslot plan guest.yaml --to argv --standalone | xargs -r qemu-system-x86_64
    """
    from qslot.schema.layout.outcome import known_layout

    said = form_of(form or ("json" if as_json else None), output, FORMATS) or "tree"
    asked = Form(said, standalone, explicit_virtio, as_json)
    asked.check()
    request, source, solved, environment = search.read(guest)
    asked.check_source(source)
    before = read_previous(previous, guest, request, source)
    from .. import explain  # after reading: bad input need not wait for ortools to load

    outcome = search.run(lambda options: explain(request, options, before)) if before or not solved else solved
    code, why = exit_code_and_message(outcome)
    message(why)
    layout = known_layout(outcome)
    if layout is None:
        tell_unread(request)
        leave(code)
    result(asked.text(request, layout, source, output), output)
    boots = _tell(layout, before, environment, warnings=not asked.holds_warnings)
    leave(Exit.FINDINGS if code is Exit.DONE and not boots else code)


def _domain(request: "Guest", layout: "Layout", source: str, *, explicit_virtio: bool) -> str:
    from qslot.schema.libvirt import SourceError, unsaid, write

    try:
        written = write(layout, source.encode(), explicit_virtio=explicit_virtio)
    except SourceError as error:
        raise CliError(str(error), Exit.INPUT) from None
    message("\n".join((*written.rewritten, *unsaid(request, layout, source.encode(), written.data))))
    return written.data.decode()


def argv_lines(layout: "Layout", *, standalone: bool = False, as_json: bool = False) -> str:
    """An option and its value a line, quoted for a shell and for xargs."""
    from qslot.schema.formats.qemu import arguments
    from qslot.schema.formats.standalone import imitated
    from qslot.schema.formats.standalone import standalone as all_arguments
    from qslot.schema.qemu_arguments.shell_words import lines_of

    if standalone and (without := imitated(layout)):
        message(f"imitated, for want of their hardware: {', '.join(without)}")
    try:
        words = all_arguments(layout, as_json=as_json) if standalone else arguments(layout, as_json=as_json)
    except FileNotFoundError as error:
        raise CliError(str(error), Exit.INPUT) from None
    return "".join(f"{line}\n" for line in lines_of(words))


def _qmp_lines(layout: "Layout") -> str:
    """A command a line; devices that only a start can bring are named on standard error."""
    from qslot.schema.formats.qemu import cold_plug, device_add

    if cold := cold_plug(layout):
        message(f"cold-plug, to be there when QEMU starts: {', '.join(cold)}")
    commands = device_add(layout)
    return "".join(f"{json.dumps(command)}\n" for command in commands)


def _tell(layout: "Layout", before: "Layout | None", environment: "Environment | None", *, warnings: bool) -> bool:
    """What is otherwise than before, the layout's warnings, if asked, and what is otherwise on hosts; whether all of
    them boot it whole."""
    from qslot.schema.formats.text_layout import findings

    if before is not None:
        tell_difference(before, layout)
    message(findings(layout.warnings) if warnings else "")
    return tell_hosts(environment, layout)
