"""The command `qslot`, and `python -m qslot`: an interrupt ends it in one line, while it is being loaded, too."""

import _signal as signal  # type: ignore[import-not-found] # `signal` imports more, while an interrupt is a traceback
import atexit
import gc
import os

INTERRUPTED = 130
"""As shells have it: 128 and the number of the signal."""


def main() -> None:
    """The console script."""
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:  # ignored, as under nohup, it stays ignored
        signal.signal(signal.SIGINT, _end)
        # the last that is done at exit: Python tidies up without handlers, where an interrupt kills without a word
        atexit.register(signal.signal, signal.SIGINT, signal.SIG_IGN)
    gc.disable()  # until something is searched: what is loaded stays, looking it over is a twentieth of the start
    from .solver.cli import main as command

    command()


def _end(_number: int, _frame: object) -> None:
    """At once, and whatever is being imported: an exception would end there as a traceback, or get lost."""
    try:
        os.write(2, b"qslot: interrupted\n")
    finally:
        os._exit(INTERRUPTED)


if __name__ == "__main__":
    main()
