"""pydantic without plugins. It looks for some in the metadata of all that is installed: a tenth of `qslot show`.

No plugin has a say in what the command reads. Who uses qslot as a library has theirs.
"""

import sys
from importlib import import_module
from types import ModuleType
from typing import Final

LOADER: Final = "pydantic.plugin._loader"


class _NoPlugins(ModuleType):
    """In the place of the module that looks for them."""

    @staticmethod
    def get_plugins() -> tuple[()]:
        """There are none."""
        return ()

    def __getattr__(self, name: str) -> object:
        """What else a later pydantic may ask of that module is the module's own."""
        if name.startswith("__"):  # what Python asks of every module
            raise AttributeError(name)
        del sys.modules[LOADER]
        return getattr(import_module(LOADER), name)


def leave_out_plugins() -> None:
    """From now on, in this process, until that module is loaded for anything else."""
    sys.modules.setdefault(LOADER, _NoPlugins(LOADER))
