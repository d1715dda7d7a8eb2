"""Answers as templates: positions where a guest's own names stand, to be put back for each guest of the form."""

import json
import re
from collections.abc import Mapping, Set
from typing import Any, Final

from ...schema.finding import Finding
from ...schema.layout.outcome import Infeasible, Outcome, Solved, Undecided
from ...schema.pci.qemu_properties import Properties
from ...schema.request.guest import Guest
from .normal_form import GIVEN_NAME, MARK, NormalForm, positions

Data = dict[str, Any]

OUTCOMES: Final[dict[str, type[Solved] | type[Infeasible] | type[Undecided]]] = {
    "optimal": Solved,
    "infeasible": Infeasible,
    "undecided": Undecided,
}
"""Outcomes by the word that stands for them."""

_SHA256: Final = f"{MARK}h{MARK}"
_ESCAPED: Final = json.dumps(MARK)[1:-1]
_NAME: Final = re.compile(rf"{re.escape(_ESCAPED)}i(\d+){re.escape(_ESCAPED)}")
_PROPERTIES: Final = re.compile(rf'(,?)"{re.escape(_ESCAPED)}p(\d+){re.escape(_ESCAPED)}":0')
_BUS: Final = "bus"
"""The detail of findings whose value is an id."""


def word(outcome: Outcome) -> str:
    """The word of OUTCOMES for it."""
    return next(name for name, kind in OUTCOMES.items() if isinstance(outcome, kind))


def as_text(data: object) -> str:
    """As JSON, the same bytes for the same data."""
    return json.dumps(data, separators=(",", ":"))


def template_of(guest: Guest, outcome: Outcome) -> str | None:
    """The answer as a template: its word, and its JSON behind that. None for what is not kept: what is not proved, and
    what names a part of the guest in the midst of a sentence."""
    if isinstance(outcome, Undecided) or _names_in_words(guest, outcome):
        return None
    data = outcome.model_dump(mode="json")
    if _ESCAPED in as_text(data):
        return None
    marks = positions(guest)
    if isinstance(outcome, Solved):
        _mark_layout(data["layout"], guest, marks)
    else:
        data["findings"] = [_finding(one, marks) for one in data["findings"]]
    return f"{word(outcome)} {as_text(data)}"


def put_back(template: str, form: NormalForm) -> tuple[str, str]:
    """The word and the JSON of an answer, with the names of the guest that has this form."""
    kind, _, text = template.partition(" ")
    names, properties = form.names, form.properties

    def own(match: re.Match[str]) -> str:
        inner = as_text(properties[int(match[2])])[1:-1]
        return f"{match[1]}{inner}" if inner else ""

    text = _NAME.sub(lambda match: names[int(match[1])], text)
    # last, as properties may hold any text
    return kind, _PROPERTIES.sub(own, text.replace(as_text(_SHA256), as_text(form.sha256)))


def _names_in_words(guest: Guest, outcome: Solved | Infeasible) -> bool:
    """Whether a finding has a name of the guest's where none is looked for."""
    findings = outcome.layout.warnings if isinstance(outcome, Solved) else outcome.findings
    ids = {part.id for part in guest.parts}
    return any(_has_name(one, ids) for one in findings if one.rule != "unread-input")  # these words are of the form


def _has_name(finding: Finding, ids: Set[str]) -> bool:
    words = [*finding.details, *(str(value) for name, value in finding.details.items() if name != _BUS)]
    others = [one for one in finding.subjects if one not in ids and not GIVEN_NAME.fullmatch(one)]  # a group's, say
    return bool(others) or any(one in text for one in ids for text in words)


def _mark_layout(layout: Data, guest: Guest, marks: Mapping[str, str]) -> None:
    """Where a layout has ids, hash and properties of a guest."""

    def marked(name: str) -> str:
        return marks.get(name, name)

    for part in (*layout["controllers"], *layout["devices"]):
        part["id"], part["bus"] = marked(part["id"]), marked(part["bus"])
    for place, (device, asked) in enumerate(zip(layout["devices"], guest.devices, strict=True)):
        device["properties"] = _open(device["properties"], asked.properties, place)
    for slot in layout["spare"]:
        slot["bus"] = marked(slot["bus"])
    for field in ("guest_addresses", "guest_names"):
        layout[field] = {marked(name): value for name, value in layout[field].items()}
    for window in layout["io_windows"]:
        window["controller"] = marked(window["controller"])
    for one in layout["unmet"] or ():
        one["who"] = marked(one["who"])
    layout["warnings"] = [_finding(one, marks) for one in layout["warnings"]]
    layout["input_sha256"] = _SHA256


def _open(placed: Properties, asked: Properties, place: int) -> Properties:
    """What the planner adds, then the place of what the guest says."""
    added = {name: value for name, value in placed.items() if name not in asked}
    return {**added, f"{MARK}p{place}{MARK}": 0}


def _finding(data: Data, marks: Mapping[str, str]) -> Data:
    details = {
        name: marks.get(value, value) if name == _BUS and isinstance(value, str) else value
        for name, value in data["details"].items()
    }
    return {**data, "subjects": [marks.get(one, one) for one in data["subjects"]], "details": details}
