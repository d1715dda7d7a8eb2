"""Which version an installed QEMU is."""

import re
import subprocess
from typing import Final

from ..bounded_input import reason
from .errors import MissingError, ProbeError

SAID: Final = re.compile(r"QEMU emulator version (\d+\.\d+)")
"""The first line of `qemu-system-x86_64 --version`: `QEMU emulator version 10.0.13 (Debian 1:10.0.13+ds-0+deb13u1)`."""
ANSWER_LIMIT: Final = 10.0
"""Seconds for the answer."""


def version_of_binary(binary: str) -> str:
    """What the program says of itself, without the patch release: `10.0`.

    Raises MissingError where it can't be started, ProbeError where it does not answer as a QEMU does.
    """
    try:
        done = subprocess.run([binary, "--version"], capture_output=True, text=True, timeout=ANSWER_LIMIT, check=False)
    except (subprocess.TimeoutExpired, UnicodeDecodeError):
        raise ProbeError(f"{binary} --version does not answer in {ANSWER_LIMIT:g} s as QEMU does") from None
    except (OSError, ValueError) as error:  # the latter: a zero byte in the name
        raise MissingError(f"{binary} can't be started: {reason(error)}") from None
    match = SAID.search(done.stdout)
    if match is None:
        raise ProbeError(f"{binary} --version does not answer as QEMU does: {(done.stdout + done.stderr)[:80]!r}")
    return match[1]
