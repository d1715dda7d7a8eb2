"""A vhost-user backend that serves nothing: enough for QEMU to make the device and show its BARs.

QEMU asks for features, queues and configuration before the machine runs, and for no more. The messages are those of
QEMU's docs/interop/vhost-user.rst.
"""

import asyncio
import contextlib
import socket
import struct
from collections.abc import AsyncIterator
from typing import Final

HEADER: Final = struct.Struct("<III")
"""Request, flags and bytes of payload, of the machine's own byte order."""
NUMBER: Final = struct.Struct("<Q")

PROTOCOL_VERSION: Final = 0x1
REPLY: Final = 0x4
NEED_REPLY: Final = 0x8

GET_FEATURES: Final = 1
GET_PROTOCOL_FEATURES: Final = 15
GET_QUEUE_NUM: Final = 17
GET_CONFIG: Final = 24

FEATURES: Final = 1 << 30 | 1 << 32
"""VHOST_USER_F_PROTOCOL_FEATURES and VIRTIO_F_VERSION_1."""
PROTOCOL_FEATURES: Final = 1 << 0 | 1 << 3 | 1 << 9
"""Several queues, acknowledgements, configuration."""
QUEUES: Final = 64

ANSWERS: Final = {GET_FEATURES: FEATURES, GET_PROTOCOL_FEATURES: PROTOCOL_FEATURES, GET_QUEUE_NUM: QUEUES}


@contextlib.asynccontextmanager
async def backend() -> AsyncIterator[int]:
    """The open socket that QEMU is to inherit, answered until the context ends."""
    ours, theirs = socket.socketpair()
    reader, writer = await asyncio.open_connection(sock=ours)
    answering = asyncio.create_task(_answer(reader, writer))
    try:
        yield theirs.fileno()
    finally:
        theirs.close()
        writer.close()
        answering.cancel()
        await asyncio.gather(answering, return_exceptions=True)


async def _answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Until QEMU closes the line."""
    with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
        while True:
            request, flags, size = HEADER.unpack(await reader.readexactly(HEADER.size))
            payload = await reader.readexactly(size)
            reply = _reply(request, flags, payload)
            if reply is not None:
                writer.write(HEADER.pack(request, PROTOCOL_VERSION | REPLY, len(reply)) + reply)


def _reply(request: int, flags: int, payload: bytes) -> bytes | None:
    """A configuration is given back as it came, all zero; what wants an acknowledgement gets it."""
    if request in ANSWERS:
        return NUMBER.pack(ANSWERS[request])
    if request == GET_CONFIG:
        return payload
    return NUMBER.pack(0) if flags & NEED_REPLY else None
