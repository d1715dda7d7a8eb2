"""The examples of docs/semantics.md, as qslot reads them.

An example is a request, with `layout` for where things then sit: an address, or fields of a seat with the address as
`at`; and with `previous`, the request whose plan was there before, if there is one. An allowed one must be planned so.
A refused one that has no machine changes that plan by its `layout`, where null takes something away; the checker must
find the section's rule broken, and no other but those of `also`. Bad input is refused in words that hold what it
`says`.
"""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import yaml
from pydantic import ValidationError

from qslot.schema import Guest, Infeasible, Layout, Solved
from qslot.schema.pci.address import Pin
from qslot.schema.pci.controllers import CONTROLLERS
from qslot.schema.verify import verify
from qslot.solver import explain, solve

from .solver.ask import rules_named

PAGE = Path(__file__).parents[1] / "docs" / "semantics.md"
BLOCK = re.compile(r"^(?P<verdict>[A-Z][^\n]*):\n\n```yaml\n(?P<text>.*?)^```$", re.DOTALL | re.MULTILINE)

Data = Mapping[str, Any]


class Example(NamedTuple):
    """`verdict` is the sentence before it, which begins with Allowed, Refused or Warned of."""

    rule: str
    verdict: str
    data: dict[str, Any]
    allowed: dict[str, Any]
    """The section's allowed example before it."""


def sections() -> dict[str, str]:
    """The text of each rule's section, by heading."""
    parts = re.split(r"^#{2,3} (.*)\n", PAGE.read_text(encoding="utf-8"), flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


def examples() -> Iterator[Example]:
    for heading, text in sections().items():
        allowed: dict[str, Any] = {}
        for block in BLOCK.finditer(text):
            data = yaml.safe_load(block["text"])
            allowed = data if block["verdict"].startswith("Allowed") else allowed
            yield Example(heading, block["verdict"], data, allowed)


def hold(example: Example) -> None:
    """Asserts that the example is what the page says of it."""
    if example.verdict.startswith("Allowed"):
        layout = planned(example.data)
        for name, said in example.data.get("layout", {}).items():
            fields = _fields(said)
            assert _part(_seats(layout)[name], fields) == fields, _seats(layout)[name]
    elif example.verdict.startswith("Refused as bad input"):
        with pytest.raises(ValidationError, match=re.escape(example.data["says"])):
            request(example.data)
    elif example.verdict.startswith("Warned of"):
        assert example.rule in {one.rule for one in planned(example.data).warnings}
    elif "machine" in example.data:
        outcome = explain(request(example.data), previous=previous(example.data))
        assert isinstance(outcome, Infeasible), outcome
        assert example.rule in rules_named(outcome), outcome
    else:
        guest = request(example.allowed)
        layout = changed(planned(example.allowed), example.data["layout"])
        found = verify(guest, layout, previous(example.allowed))
        also = set(example.data.get("also", ()))
        assert {one.rule for one in found if one.severity == "error"} == {example.rule, *also}, found


def request(data: Data) -> Guest:
    return Guest.model_validate(
        {key: value for key, value in data.items() if key not in ("layout", "says", "previous")}
    )


def previous(data: Data) -> Layout | None:
    return planned(data["previous"]) if "previous" in data else None


def planned(data: Data) -> Layout:
    outcome = solve(request(data), previous=previous(data))
    assert isinstance(outcome, Solved), outcome
    return outcome.layout


def changed(layout: Layout, changes: Data) -> Layout:
    """With other seats, and nothing said of what they cost or of what the firmware makes of them; or with other
    statements."""
    unsaid: dict[str, Any] = {
        "status": "feasible",
        "objective": (),
        "unmet": None,
        "guest_addresses": {},
        "guest_names": {},
        "io_windows": (),
        "replanned": None,
    }
    data = layout.model_dump() | unsaid | {name: said for name, said in changes.items() if name in Layout.model_fields}
    seats = _seats(layout)
    for name, said in changes.items():
        if said is None:
            del seats[name]
        elif name not in Layout.model_fields:
            seats[name] = _merged(seats.get(name, {"id": name}), _fields(said))
    data["controllers"] = [seat for seat in seats.values() if seat["model"] in CONTROLLERS]
    data["devices"] = [seat for seat in seats.values() if seat["model"] not in CONTROLLERS]
    return Layout.model_validate(data)


def _fields(said: str | Data) -> dict[str, Any]:
    fields: dict[str, Any] = {"at": said} if isinstance(said, str) else dict(said)
    if "at" in fields:
        fields |= Pin.parse(fields.pop("at"))._asdict()
    return fields


def _seats(layout: Layout) -> dict[str, dict[str, Any]]:
    return {seat.id: seat.model_dump() for seat in (*layout.controllers, *layout.devices)}


def _merged(there: Data, said: Data) -> dict[str, Any]:
    """`said` put into `there`; a property that is null is taken out."""
    properties = {**there.get("properties", {}), **said.get("properties", {})}
    return {**there, **said, "properties": {name: value for name, value in properties.items() if value is not None}}


def _part(whole: Data, named: Data) -> dict[str, Any]:
    """Of `whole` what `named` names, inside its dicts, too."""
    return {
        key: _part(whole[key], value) if isinstance(value, dict) else whole.get(key) for key, value in named.items()
    }
