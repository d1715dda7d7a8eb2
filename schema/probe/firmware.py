"""The firmware that belongs to a QEMU, and which version it says it is."""

import lzma
import re
import subprocess
from functools import cache
from pathlib import Path
from typing import Final
from uuid import UUID

from ..formats.ovmf_image import QEMU_DATA, ovmf_image

PATIENCE: Final = 60.0
"""Seconds for QEMU to name its folders."""

SEABIOS_VERSION: Final = re.compile(r"SeaBIOS \(version (?:rel-)?(\d+(?:\.\d+)+)")
"""In the first line of its debug port: `SeaBIOS (version 1.16.3-debian-1.16.3-2)`."""

COMPRESSED: Final = UUID("ee4e5898-3914-4259-9d6e-dc7bd79403cf").bytes_le
"""Id of the section of an image that is compressed by LZMA (edk2's gLzmaCustomDecompressGuid)."""
HEADER_REST: Final = 4
"""Bytes between that id and the compressed content: offset and attributes (PI specification, GUID-defined section)."""
UTF16_TEXT: Final = re.compile(rb"(?:[ -~]\0){6,}")
"""As edk2 has texts."""
EDK2_VERSION: Final = re.compile(rb"(?:\D?|edk2-(?:stable)?)(20\d\d)\.?(0[1-9]|1[0-2])(?:[0-3]\d)?(?![\d/])")
"""How it is stated (edk2's PcdFirmwareVersionString): `2025.02-8` by Debian, `edk2-20250221-8.fc42` by Fedora,
`edk2-stable202408-prebuilt.qemu.org` by QEMU. A length may stand before it."""


@cache
def own_ovmf(qemu: str) -> Path:
    """The OVMF image that belongs to a QEMU: beside the folders where that looks for firmware, else where distributions
    put it. Raises FileNotFoundError."""
    told = subprocess.run([qemu, "-L", "help"], capture_output=True, text=True, timeout=PATIENCE, check=False).stdout
    return ovmf_image(dict.fromkeys([*map(Path, told.splitlines()), QEMU_DATA]))


def firmware_version(name: str, said: str, image: Path | None) -> str:
    """The version of a firmware that said this on its way, or that its image states; empty where neither tells."""
    if name == "ovmf":
        return "" if image is None else _ovmf_version(image)
    found = SEABIOS_VERSION.search(said)
    return found[1] if found else ""


@cache
def _ovmf_version(image: Path) -> str:
    """Year and month of the edk2 that an image says it was built of; empty where it says nothing, as Debian 12's."""
    data = image.read_bytes()
    _, marker, rest = data.partition(COMPRESSED)
    try:
        content = lzma.LZMADecompressor(lzma.FORMAT_ALONE).decompress(rest[HEADER_REST:]) if marker else b""
    except lzma.LZMAError:
        return ""
    for text in UTF16_TEXT.findall(content):
        if found := EDK2_VERSION.match(text[::2]):
            return b".".join(found.groups()).decode()
    return ""
