"""What a worker does for a fleet: text in, text out, so that any executor can hand it to another process."""

import json
from typing import NamedTuple

from ...schema.layout.layout import Layout
from ...schema.request.guest import Guest
from ..options import Options
from .normal_form import normal_form
from .template import as_text, put_back, template_of, word


class Task(NamedTuple):
    """A guest to solve, as JSON, beside a previous layout, if there is one."""

    guest: str
    previous: str | None = None


def as_task(guest: Guest, previous: Layout | None = None) -> Task:
    """The guest as text. Beside a previous layout it counts what a controller says itself: its defaults stay unsaid."""
    if previous is None:
        return Task(guest.model_dump_json())
    data = guest.model_dump(mode="json")
    for stated, controller in zip(data["controllers"], guest.controllers, strict=True):
        for name in stated.keys() - controller.model_fields_set:
            if stated[name] == type(controller).model_fields[name].default:
                del stated[name]
    return Task(as_text(data), previous.model_dump_json())


def solved(task: Task, options: Options) -> str:
    """The outcome of the task as JSON: word, text, and the template for others of its form where it is kept."""
    from ..solving import solve  # by workers only

    guest = Guest.model_validate_json(task.guest)
    previous = None if task.previous is None else Layout.model_validate_json(task.previous)
    outcome = solve(guest, options, previous)
    answer = word(outcome), as_text(outcome.model_dump(mode="json"))
    template = template_of(guest, outcome)
    form = normal_form(guest, previous, limited=options.time_limit is not None)
    # one that does not give back the very answer that it was made of would give others a wrong one
    kept = template if template is not None and put_back(template, form) == answer else None
    return json.dumps({"form": form.key, "word": answer[0], "text": answer[1], "template": kept})
