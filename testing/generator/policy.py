"""What a good layout is, limits, and the preset."""

from typing import Final

from ...schema.request.fields import TERMS
from .draft import Data, Draft

OPENS_WINDOWS: Final = (6, 1)
"""The machine version for which the policy `eject` is bad input."""


def draw_policy(draft: Draft) -> Data:
    """What the request then says; empty is all defaults."""
    draw = draft.draw
    result: Data = {}
    if "policy" in draft.themes:
        if draw.chance(0.7):
            result["max_controllers"] = len(draft.controllers) + draw.integer(0, 2)
        if draw.chance(0.5):
            result["max_depth"] = draw.integer(0, 2)
        if draw.chance(0.3):
            result["preset"] = "libvirt"
    elif draw.chance(0.06):
        result["preset"] = "libvirt"
    if "order" in draft.themes:
        result["order"] = draw.sample(TERMS, len(TERMS))
    return result


def with_eject(draft: Draft, data: Data) -> Data:
    """The request, which may protect devices from being ejected, unless that is bad input. It is drawn last, so that
    all else of a guest is the same with it."""
    if draft.version == OPENS_WINDOWS or not draft.themed("hotplug", 0.5, 0.08):
        return data
    return data | {"policy": data.get("policy", {}) | {"eject": "protect"}}
