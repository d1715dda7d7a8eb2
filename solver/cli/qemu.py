"""The option `--qemu` of all commands that read GUEST: which QEMU runs it."""

import re
from typing import TYPE_CHECKING, Final

from .exits import CliError, Exit, message

if TYPE_CHECKING:
    from qslot.schema.formats.sources import Source

EMULATOR: Final = "emulator"
"""Stands for the program that domain XML or a command line names. It is started only where somebody asks for that."""


def qemu_version(said: str, guest: "Source") -> str:
    """The version said, or that of the program, which is asked. `guest` is the file that GUEST is.

    Raises CliError where nothing of the kind answers.
    """
    from qslot.schema.pci.qemu_versions import QEMU_VERSION
    from qslot.schema.qemu.errors import ProbeError
    from qslot.schema.qemu.version import version_of_binary

    if re.fullmatch(QEMU_VERSION, said):
        return said
    program = _emulator(guest) if said == EMULATOR else said
    try:
        version = version_of_binary(program)
    except ProbeError as error:
        raise CliError(f"--qemu {said}: {error}; write a version, as in 10.0, or a QEMU", Exit.INPUT) from None
    message(f"{program} is QEMU {version}")
    return version


def _emulator(guest: "Source") -> str:
    from qslot.schema.errors import InputError
    from qslot.schema.formats.unchecked import emulator_of

    if guest == "-":
        raise CliError(f"--qemu {EMULATOR}: GUEST is read from standard input; give its file", Exit.INPUT)
    try:
        program = emulator_of(guest)
    except InputError:
        program = None
    if program is None:
        what = f"{guest} is neither domain XML that names an <emulator> nor a command line that names a QEMU"
        raise CliError(f"--qemu {EMULATOR}: {what}", Exit.INPUT)
    return program
