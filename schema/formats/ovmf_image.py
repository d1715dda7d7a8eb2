"""Where edk2's image for QEMU is installed."""

import os
from collections.abc import Iterable
from pathlib import Path
from typing import Final

QEMU_DATA: Final = Path("/usr/share/qemu")
"""Where distributions put QEMU's own images."""

OVMF_CODE: Final = (
    "../OVMF/OVMF_CODE_4M.fd",  # Debian 12 on
    "../OVMF/OVMF_CODE.fd",  # older Debian, Ubuntu
    "../edk2/ovmf/OVMF_CODE.fd",  # Fedora
    "../edk2/x64/OVMF_CODE.4m.fd",  # Arch
    "ovmf-x86_64-code.bin",  # openSUSE
    "edk2-x86_64-code.fd",  # QEMU's own
)
"""Where distributions put edk2's code volume, without the one for secure boot; seen from QEMU's data folder."""


def ovmf_image(folders: Iterable[Path] = (QEMU_DATA,)) -> Path:
    """The code volume beside these data folders of QEMU: the first that exists. Raises FileNotFoundError."""
    places = [Path(os.path.normpath(folder / name)) for folder in folders for name in OVMF_CODE]
    for place in places:
        if place.is_file():
            return place
    raise FileNotFoundError(f"OVMF is in none of its usual places: {', '.join(map(str, places))}")
