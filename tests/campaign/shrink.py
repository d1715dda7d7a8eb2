"""The smallest request of which the same thing is wrong: parts are left out as long as it still is."""

from collections.abc import Callable, Iterator
from copy import deepcopy
from typing import Any

from qslot.testing.generator import Data, valid

ENTRIES = ("devices", "controllers", "spare", "reserve")
NEEDED = ("id", "model", "kind", "bars", "connect", "bar", "size", "machine", "devices", "controllers")


def shrunk(request: Data, wrong: Callable[[Data], bool]) -> Data:
    """`wrong` says whether the same is wrong of another, valid request."""
    while True:
        smaller = next((one for one in _smaller(request) if valid(one) is not None and wrong(one)), None)
        if smaller is None:
            return request
        request = smaller


def _smaller(request: Data) -> Iterator[Data]:
    """Large steps first."""
    for name in ENTRIES:
        count = len(request.get(name, ()))
        width = count
        while width:
            yield from (_without_entries(request, name, start, start + width) for start in range(0, count, width))
            width //= 2
    for name in [key for key in request if key not in NEEDED]:
        yield {key: value for key, value in request.items() if key != name}
    yield from _plainer(request)


def _without_entries(request: Data, name: str, first: int, last: int) -> Data:
    """What names a controller that goes is left out with it: reserved slots, addresses."""
    result = deepcopy(request)
    gone = {entry["id"] for entry in result[name][first:last] if isinstance(entry, dict) and "id" in entry}
    del result[name][first:last]
    for entry in (*result.get("devices", ()), *result.get("controllers", ())):
        if str(entry.get("address", "")).rpartition(":")[0] in gone:
            del entry["address"]
        for wish in ("near", "near_switch"):
            if gone & {*entry.get(wish, ())}:
                del entry[wish]
    if "reserve" in result:
        result["reserve"] = [pin for pin in result["reserve"] if pin.rpartition(":")[0] not in gone]
    return result


def _plainer(request: Data) -> Iterator[Data]:
    """With one key of one part left out, or the machine type's version."""
    for path in _paths(request):
        result = deepcopy(request)
        part: Any = result
        for step in path[:-1]:
            part = part[step]
        del part[path[-1]]
        yield result
    family = "q35" if "q35" in request["machine"] else "pc"
    if request["machine"] != family:
        yield request | {"machine": family}


def _paths(part: object, path: tuple[int | str, ...] = ()) -> Iterator[tuple[int | str, ...]]:
    """Ways to every key that is not needed, and to every entry of the lists within."""
    if isinstance(part, dict):
        for key, value in part.items():
            if path and key not in NEEDED:
                yield (*path, key)
            yield from _paths(value, (*path, key))
    elif isinstance(part, list):
        for index, value in enumerate(part):
            if len(path) > 1:
                yield (*path, index)
            yield from _paths(value, (*path, index))
