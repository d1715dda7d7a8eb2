"""How a reader may answer: with what it read, or with one error that says what is wrong. Never with a traceback."""

import time
from collections.abc import Callable
from typing import Final

from qslot.schema.errors import QslotError

MOST_SECONDS: Final = 20.0
"""A reader that takes longer hangs. Far from what any takes: the machine may be busy with other tests."""
MOST_CHARACTERS: Final = 20_000
"""Of a message: ten problems, and values cut short in each."""


def refusal(read: Callable[[], object]) -> str | None:
    """What it was refused with; None where it was read. Whatever else it raises, it raises here."""
    start = time.monotonic()
    try:
        read()
    except QslotError as error:
        message = str(error)
        assert message.strip(), "an error without a word"
        assert len(message) < MOST_CHARACTERS
        assert not any(one in message for one in ("Traceback", "pydantic.dev", "object at 0x")), message
        return message
    finally:
        assert time.monotonic() - start < MOST_SECONDS
    return None
