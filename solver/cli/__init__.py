"""The command `qslot`: arguments, files and exit codes. The only code that prints.

Imports of the rest of qslot are inside the commands, so that `qslot --help` answers at once.
"""

import os
from importlib import import_module
from typing import Final

import click

from .exits import CliError, Exit
from .streams import guard
from .version import version_option

COMMANDS: Final[dict[str, tuple[str, str]]] = {
    "plan": ("plan", "Find the best layout of GUEST and prove it"),
    "explain": (
        "explain",
        "Say why GUEST has no layout and what would help; or why DEVICE sits where it does in the plan",
    ),
    "advise": ("advise", "Say which machine and which virtio modes GUEST should have, why, and what else would cost"),
    "batch": ("batch", "Find the best layouts of many guests: one line of JSON for each of FILES, in their order"),
    "check": ("check", "Hold LAYOUT against every rule, GUEST, its OS and its hosts, without the solver"),
    "show": (
        "show",
        "Draw LAYOUT, domain XML that states every address, or a QEMU's command line: its buses, free slots, "
        "objective and warnings",
    ),
    "diff": ("diff", "Say what differs from OLD to NEW: layouts, or domain XML that states every address"),
    "capacity": (
        "capacity",
        "Say which hot-pluggable slots of LAYOUT, a layout or a domain, are free, and what each has room for",
    ),
    "hotplug": (
        "hotplug",
        "Find the slot for DEVICE in a guest that runs with LAYOUT, a layout or a domain, and print the "
        "commands for QEMU's monitor (QMP), a line each, or the element for virsh attach-device",
    ),
    "convert": (
        "convert",
        "Write IN, a guest or a layout in whatever format, to OUT in another: YAML, JSON, TOML, a QEMU's "
        "command line, domain XML",
    ),
    "probe": (
        "probe",
        "Start a real QEMU with LAYOUT, without a guest system, and say what its firmware made otherwise",
    ),
    "schema": (
        "info",
        "Print the JSON Schema of a guest (default), a layout or a diff, for editors and other programs",
    ),
    "catalog": ("info", "Say what is known of device MODEL, or list all models"),
    "rules": ("rules", "Say what CODE, of a rule or a preference, means, with examples, and what to do; or list all"),
}
"""The module here of each command, which is loaded when the command is asked for, and its line in `--help`."""


class Commands(click.Group):
    """Loads a command when it is asked for, and turns its exceptions into a message and an exit code."""

    def list_commands(self, _ctx: click.Context) -> list[str]:
        """In the order of the help."""
        return sorted(COMMANDS)

    def get_command(self, _ctx: click.Context, name: str) -> click.Command | None:
        """The command of that name, if there is one."""
        if name not in COMMANDS:
            return None
        command = getattr(import_module(f".{COMMANDS[name][0]}", __package__), name)
        assert isinstance(command, click.Command)
        return command

    def format_commands(self, _ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The first sentence of each command, whole; no command is loaded for its line."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, COMMANDS[name][1]) for name in sorted(COMMANDS)])

    def invoke(self, ctx: click.Context) -> object:
        """Runs a command; whatever goes wrong leaves as one line on standard error and an exit code."""
        try:
            return super().invoke(ctx)
        except (click.ClickException, click.exceptions.Exit, click.Abort):
            raise
        except KeyboardInterrupt:
            raise CliError("interrupted", Exit.INTERRUPTED) from None
        except Exception as error:
            if os.environ.get("QSLOT_DEBUG"):
                raise
            raise _problem(error, differs_is_one=ctx.invoked_subcommand == "diff") from None


def _problem(error: Exception, *, differs_is_one: bool) -> CliError:
    from qslot.schema.errors import QslotError

    if isinstance(error, QslotError):
        return CliError(str(error), Exit.INPUT)
    if isinstance(error, ModuleNotFoundError) and error.name == "ortools":
        return CliError("ortools is not installed: pip install ortools", Exit.INPUT)
    what = " ".join(str(error).split())[:300]
    return CliError(
        f"internal error: {type(error).__name__}: {what}\n"
        "hint: run again with QSLOT_DEBUG=1 for the traceback, and report it with your input",
        Exit.INPUT if differs_is_one else Exit.INTERNAL,
    )


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@version_option
def qslot() -> None:
    """Plan where every PCI device of a QEMU guest sits, and prove that no plan is better.

    GUEST and LAYOUT are YAML, TOML or JSON files by their suffix, GUEST also libvirt domain XML, or a QEMU's command
    line, in a file or behind --, or with --qmp a QEMU that runs; - is standard input.

    \b
    Exit codes: 0 done; 1 internal error; 2 bad usage or input; 3 proved infeasible;
    4 not proved, a limit was hit; 5 check or probe found errors.
    """


def main() -> None:
    """The command in a process of its own."""
    guard()
    qslot(prog_name="qslot")
