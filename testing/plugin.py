"""Fixtures for pytest, there wherever qslot is installed: `real_qemu` and `libvirt`.

pytest loads this in every run, so nothing else is loaded before a test asks for a fixture.
"""

from collections.abc import Iterator

import pytest

TYPE_CHECKING = False
"""As `typing` has it."""

if TYPE_CHECKING:
    from .libvirt import Libvirt
    from .live_qemu import RealQemu


@pytest.fixture(scope="session")
def real_qemu() -> "RealQemu":
    """Starts a QEMU for a layout: `with real_qemu(layout) as machine`. Skips, with the reason, where none can be."""
    from ..schema.probe import missing
    from .live_qemu import RealQemu

    if absent := missing():
        pytest.skip(f"not found: {' and '.join(absent)}")
    return RealQemu()


@pytest.fixture(scope="session")
def libvirt() -> Iterator["Libvirt"]:
    """Defines domains: `libvirt.define(xml)`. Skips, with the reason, where there is no libvirt."""
    from .libvirt import Libvirt, absent

    if reason := absent():
        pytest.skip(reason)
    with Libvirt() as libvirt:
        yield libvirt
