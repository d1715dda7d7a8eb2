"""Names of a package that are loaded when they are first asked for, as PEP 562 has it."""

import sys

TYPE_CHECKING = False
"""As `typing` has it. The command imports this before it can answer an interrupt: nothing else is imported here."""

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence


def loader(package: str, places: "Mapping[str, Sequence[str]]") -> "Callable[[str], object]":
    """The package's `__getattr__`, for names by the module of the package that has them. What was loaded stays."""
    modules = {name: f"{package}.{module}" for module, names in places.items() for name in names}

    def load(name: str) -> object:
        if name not in modules:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        from importlib import import_module

        value = getattr(import_module(modules[name]), name)
        setattr(sys.modules[package], name, value)
        return value

    return load
