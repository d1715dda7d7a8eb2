"""For property-based suites: guests, devices and layouts drawn by Hypothesis, and layouts with one rule broken.

    from hypothesis import given
    from qslot.testing import guests

    @given(guests(family="q35", most=5))
    def test_mine(guest): ...

Needs the optional extra `testing`; `st.from_type` knows Guest, Device, Layout and Host. docs/testing.md shows suites.
"""

from ..schema.lazy import loader

TYPE_CHECKING = False
"""As `typing` has it: `plugin` is loaded in every run of pytest, and only this before it."""

if TYPE_CHECKING:
    from .libvirt import Libvirt as Libvirt
    from .libvirt import LibvirtError as LibvirtError
    from .live_qemu import LiveQemu as LiveQemu
    from .live_qemu import RealQemu as RealQemu
    from .living import GuestChange as GuestChange
    from .living import HotplugSequence as HotplugSequence
    from .living import changes as changes
    from .living import domains as domains
    from .living import fleets as fleets
    from .living import hosts as hosts
    from .living import hotplug_sequences as hotplug_sequences
    from .mutants import mutations as mutations
    from .mutants import restate as restate
    from .strategies import devices as devices
    from .strategies import guests as guests
    from .strategies import layouts as layouts

_PLACES = {
    "libvirt": ("Libvirt", "LibvirtError"),
    "live_qemu": ("LiveQemu", "RealQemu"),
    "living": ("GuestChange", "HotplugSequence", "changes", "domains", "fleets", "hosts", "hotplug_sequences"),
    "mutants": ("mutations", "restate"),
    "strategies": ("devices", "guests", "layouts"),
}
"""Public names by the module that has them."""

__all__ = sorted(name for names in _PLACES.values() for name in names)

_load = loader(__name__, _PLACES)


def __getattr__(name: str) -> object:
    """What has not been asked for before. Raises ImportError, with what to install, where Hypothesis is not there."""
    try:
        return _load(name)
    except ModuleNotFoundError as error:
        if error.name != "hypothesis":
            raise
        raise ImportError(f"qslot.testing.{name} needs Hypothesis: pip install 'qslot[testing]'") from error
