"""What Hypothesis calls when it is imported where qslot is installed (its entry point): types that it then knows."""

from importlib import import_module
from types import ModuleType


def register() -> None:
    """Makes `st.from_type` know Guest, Device, Layout and Host; what draws them is loaded when one is drawn."""
    from hypothesis import strategies as st

    from ..schema import Device, Guest, Layout
    from ..schema.environment.host import Host

    st.register_type_strategy(Guest, lambda _: strategies().guests())
    st.register_type_strategy(Device, lambda _: strategies().devices())
    st.register_type_strategy(Layout, lambda _: strategies().layouts())
    st.register_type_strategy(Host, lambda _: strategies("living").hosts())


def strategies(name: str = "strategies") -> ModuleType:
    """A module of strategies."""
    return import_module(f".{name}", __package__)
