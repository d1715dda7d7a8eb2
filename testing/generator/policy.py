"""What a good layout is, limits, and the preset."""

from ...schema.request.fields import TERMS
from .draft import Data, Draft


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
