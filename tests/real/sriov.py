"""QEMUs that create virtual functions when they start, and what they say of arguments that they refuse."""

import asyncio
from collections.abc import Iterable
from typing import Any

import pytest

from qslot.schema.catalog.measure.ask import Qemu
from qslot.schema.qemu.errors import QemuEndedError

from .this_qemu import OTHER_QEMU, name, version

CREATED_AT_START = (10, 0)


def skip_before_created_at_start() -> None:
    """Older QEMUs create them when the guest enables them."""
    if version() < CREATED_AT_START:
        pytest.skip(f"{OTHER_QEMU} {name()}, which creates virtual functions when the guest enables them")


async def tree_of_started(qemu: Qemu, words: Iterable[str]) -> Any:
    """What `query-pci` tells of a QEMU that starts with these arguments. Raises QemuEndedError."""
    async with qemu.session(*words) as qmp:
        return await qmp.execute("query-pci")


def refusal(qemu: Qemu, words: Iterable[str]) -> str:
    """What QEMU says instead of starting; empty where it starts."""
    try:
        asyncio.run(tree_of_started(qemu, words))
    except QemuEndedError as ended:
        return str(ended)
    return ""
