"""The command `qslot`, and `python -m qslot`: an interrupt ends it in one line, while it is being loaded, too."""

import _signal as signal  # type: ignore[import-not-found] # `signal` imports more, while an interrupt is a traceback
import atexit
import gc
import os
import sys

INTERRUPTED = 130
"""As shells have it: 128 and the number of the signal."""


def main() -> None:
    """The console script."""
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:  # ignored, as under nohup, it stays ignored
        signal.signal(signal.SIGINT, _end)
    codes: list[int] = []
    atexit.register(_leave, codes)  # the first that is registered is the last that is done
    gc.disable()  # until something is searched: what is loaded stays, looking it over is a twentieth of the start
    sys.setdlopenflags(os.RTLD_LAZY)  # few of OR-Tools' functions are called: to find all is a quarter of loading it
    from .solver.cli import main as command

    try:
        command()
    except SystemExit as leaving:
        if isinstance(leaving.code, int) and not os.environ.get("QSLOT_DEBUG"):
            codes.append(leaving.code)
        raise


def _leave(codes: list[int]) -> None:
    """At exit, when all else is done: ends the process with the exit code, if there is one, and does not have Python
    free every object before, which is a tenth of a command's time."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Python tidies up without handlers: it would kill without a word
    for code in codes:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def _end(_number: int, _frame: object) -> None:
    """At once, and whatever is being imported: an exception would end there as a traceback, or get lost."""
    try:
        os.write(2, b"qslot: interrupted\n")
    finally:
        os._exit(INTERRUPTED)


if __name__ == "__main__":
    main()
