"""The command `qslot`: arguments, files and exit codes. The only code that prints.

Imports of the rest of qslot are inside the commands, so that `qslot --help` answers at once.
"""

import os
import sys

import click

from .exits import CliError, Exit


class Commands(click.Group):
    """Turns every exception of a command into a message and an exit code."""

    def invoke(self, ctx: click.Context) -> object:
        """Runs a command; whatever goes wrong leaves as one line on standard error and an exit code."""
        try:
            return super().invoke(ctx)
        except (click.ClickException, click.exceptions.Exit, click.Abort):
            raise
        except BrokenPipeError:  # the reader, `head` say, has all it wants
            _discard_stdout()
            raise click.exceptions.Exit(Exit.DONE) from None
        except KeyboardInterrupt:
            raise CliError("interrupted", Exit.INTERRUPTED) from None
        except Exception as error:
            if os.environ.get("QSLOT_DEBUG"):
                raise
            raise _problem(error) from None


def _problem(error: Exception) -> CliError:
    from qslot.schema.errors import InputError

    if isinstance(error, InputError):
        return CliError(str(error), Exit.INPUT)
    if isinstance(error, ModuleNotFoundError) and error.name == "ortools":
        return CliError("ortools is not installed: pip install ortools", Exit.INPUT)
    what = " ".join(str(error).split())[:300]
    return CliError(
        f"internal error: {type(error).__name__}: {what}\n"
        "hint: run again with QSLOT_DEBUG=1 for the traceback, and report it with your input",
        Exit.INTERNAL,
    )


def _discard_stdout() -> None:
    """So that the interpreter's own flush at exit has nowhere to fail."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(package_name="qslot", message="%(prog)s %(version)s")
def qslot() -> None:
    """Plan where every PCI device of a QEMU guest sits, and prove that no plan is better.

    GUEST and LAYOUT are YAML, TOML or JSON files by their suffix, GUEST also libvirt domain XML; - is standard input.

    \b
    Exit codes: 0 done; 1 internal error; 2 bad usage or input; 3 proved infeasible;
    4 not proved, a limit was hit; 5 check or probe found errors.
    """


def _register() -> None:
    from .advise import advise
    from .explain import explain
    from .info import catalog, schema
    from .layout import check, show
    from .plan import plan
    from .probe import probe

    for command in (plan, explain, advise, check, show, probe, schema, catalog):
        qslot.add_command(command)


_register()


def main() -> None:
    """The console script."""
    qslot(prog_name="qslot")
