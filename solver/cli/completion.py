"""What a shell may put in for a word that was begun: models, rules, operating systems, devices of the file before it.

Completion says nothing where it knows nothing: a file that cannot be read has no devices.
"""

from collections.abc import Callable, Iterable
from typing import Final

import click

Completion = Callable[[click.Context, click.Parameter, str], list[str]]


def _of(names: Callable[[click.Context], Iterable[str]]) -> Completion:
    def completed(ctx: click.Context, _param: click.Parameter, begun: str) -> list[str]:
        try:
            return [name for name in names(ctx) if name.startswith(begun)]
        except Exception:
            return []

    return completed


def _models(_ctx: click.Context) -> Iterable[str]:
    from qslot.schema.catalog import models
    from qslot.schema.pci.controllers import CONTROLLERS

    return (*CONTROLLERS, *models())


def codes() -> list[str]:
    """Of rules, then of preferences."""
    from qslot.schema.rules import RULES
    from qslot.schema.weights import WEIGHTS

    return [*RULES, *WEIGHTS]


def _systems(_ctx: click.Context) -> Iterable[str]:
    from qslot.schema.environment.osinfo.databases import table

    return table()


def _devices(ctx: click.Context) -> Iterable[str]:
    """Of the guest, layout or domain that is named before."""
    from qslot.schema.formats.unchecked import data_of

    # words are no arguments yet where an option still lacks its value, the one that is to be completed
    source = ctx.params.get("guest") or ctx.params.get("layout") or next(iter(ctx.args), None)
    if not isinstance(source, str) or source == "-":
        return ()
    devices = data_of(source).get("devices")
    return (one["id"] for one in devices or () if isinstance(one.get("id"), str))


MODEL_NAMES: Final = _of(_models)
CODES: Final = _of(lambda _ctx: codes())
SYSTEMS: Final = _of(_systems)
DEVICES: Final = _of(_devices)
