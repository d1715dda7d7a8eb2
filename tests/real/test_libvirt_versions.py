"""The real libvirt, whichever is on PATH, keeps what we write for the domains of its own tests and for devices that it
came to know from 9.1 to 12.8; an older one refuses these by itself, or overlooks them.

`make real QEMU=trixie` has libvirt 11.3, `QEMU=sid` 12.8.
"""

from collections import Counter
from collections.abc import Callable

import pytest

from benchmarks.kept import Judged, corpora, judge
from qslot.testing.libvirt import Libvirt

from .libvirt_elements import ELEMENTS, domain, drawn

pytestmark = pytest.mark.real

FETCH = "tests/real/debian/fetch_domains.py"
Record = Callable[[str, object], None]
PRESETS = pytest.mark.parametrize("preset", ["default", "libvirt"])


def tell(record: Record, judged: dict[str, Judged]) -> None:
    """Into the report how often what came of them; fails where we are at fault."""
    for fate, number in Counter(one.fate for one in judged.values()).items():
        record(fate.value, number)
    assert {name: str(one) for name, one in judged.items() if one.fate.is_bad} == {}


@PRESETS
@pytest.mark.parametrize("whose", ["9.0", "trixie", "sid"])
def test_domains_of_its_own_tests(libvirt: Libvirt, whose: str, preset: str, record_property: Record) -> None:
    domains = corpora().get(whose)
    if domains is None:
        pytest.skip(
            f"the domains of {whose}'s libvirt are not beside the project: python {FETCH} {whose} .libvirt/{whose}"
        )
    tell(record_property, {name: judge(libvirt, name, text, preset) for name, text in domains.items()})


@PRESETS
@pytest.mark.parametrize("machine", ["pc", "q35"])
def test_newer_devices(libvirt: Libvirt, machine: str, preset: str, record_property: Record) -> None:
    tell(
        record_property,
        {name: judge(libvirt, name, domain(devices, machine), preset) for name, devices in ELEMENTS.items()},
    )


@PRESETS
def test_random_domains_of_newer_devices(libvirt: Libvirt, preset: str, record_property: Record) -> None:
    domains = dict(drawn(seed) for seed in range(60))
    tell(record_property, {names: judge(libvirt, names, text, preset) for names, text in domains.items()})
