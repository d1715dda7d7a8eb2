"""What Hypothesis calls when it is imported where qslot is installed (its entry point): types that it then knows."""

from importlib import import_module
from types import ModuleType


def register() -> None:
    """Makes `st.from_type` know Guest, Device and Layout; what draws them is loaded when one is drawn."""
    from hypothesis import strategies as st

    from ..schema import Device, Guest, Layout

    st.register_type_strategy(Guest, lambda _: strategies().guests())
    st.register_type_strategy(Device, lambda _: strategies().devices())
    st.register_type_strategy(Layout, lambda _: strategies().layouts())


def strategies() -> ModuleType:
    """The module of strategies."""
    return import_module(".strategies", __package__)
