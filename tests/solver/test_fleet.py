"""Many guests at once: order, one bad guest, what is solved once, what is kept, and by whom."""

import json
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from pathlib import Path
from threading import Event
from typing import Any

import pytest

import qslot
from qslot.schema.formats.written import to_json
from qslot.schema.pci.qemu_properties import HOST_FILES, PROPERTY_TYPES
from qslot.solver.fleet.normal_form import NEUTRAL, normal_form
from qslot.solver.fleet.processes import Processes
from qslot.solver.fleet.work import Task, as_task

from .ask import Data, device, q35


def guest(*ids: str, **more: Any) -> qslot.Guest:
    return qslot.Guest.model_validate(q35(*(device(one, "virtio-net", virtio="modern") for one in ids), **more))


IMPOSSIBLE = guest("net0", policy={"max_controllers": 0})
IMPOSSIBLE = IMPOSSIBLE.model_copy(
    update={"devices": (IMPOSSIBLE.devices[0].model_copy(update={"hotplug": "required"}),)}
)


class Counting(Executor):
    """Does the work at once, and counts it."""

    def __init__(self) -> None:
        self.done: list[str] = []

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> "Future[Any]":
        future: Future[Any] = Future()
        assert all(not isinstance(one, qslot.Guest) for one in args)
        self.done += [json.loads(one.guest)["devices"][0]["id"] for one in args if isinstance(one, Task)]
        try:
            future.set_result(fn(*args, **kwargs))
        except Exception as error:
            future.set_exception(error)
        return future


class Broken(Counting):
    """Fails for one guest."""

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> "Future[Any]":
        if any("bad" in one.guest for one in args if isinstance(one, Task)):
            future: Future[Any] = Future()
            future.set_exception(MemoryError("no more"))
            return future
        return super().submit(fn, *args, **kwargs)


def told(answers: Iterator[qslot.Outcome | qslot.RefusedGuest]) -> list[str]:
    return [to_json(one) for one in answers]


def conditions_of(data: object) -> Iterator[str]:
    """Properties by which rules of the catalogue say what a model's BARs are."""
    if isinstance(data, list):
        for one in data:
            yield from conditions_of(one)
    if isinstance(data, dict):
        yield from data.get("when", ())
        yield from [data["by"]] if isinstance(data.get("by"), str) else ()
        for one in data.values():
            yield from conditions_of(one)


class TestOrder:
    def test_answers_are_those_of_solve_in_order(self) -> None:
        guests = [guest("a", "b"), IMPOSSIBLE, guest("a"), guest("x", "y")]
        assert told(qslot.solve_many(guests)) == [to_json(qslot.solve(one)) for one in guests]

    @pytest.mark.parametrize("executor", [ThreadPoolExecutor, Processes])
    def test_so_they_are_by_workers(self, executor: Callable[[int], Executor]) -> None:
        guests = [guest("a", "b"), IMPOSSIBLE, guest("a"), guest("x", "y")]
        with executor(2) as workers:
            assert told(qslot.solve_many(guests, workers)) == [to_json(qslot.solve(one)) for one in guests]

    def test_guests_are_taken_as_they_are_needed(self) -> None:
        taken: list[int] = []

        def endless() -> Iterator[qslot.Guest]:
            for number in range(1_000_000):
                taken.append(number)
                yield guest(f"d{number}")

        answers = qslot.solve_many(endless())
        assert [next(answers).require().devices[0].id for _ in range(3)] == ["d0", "d1", "d2"]
        assert len(taken) < 10

    def test_one_bad_guest_never_stops_the_rest(self) -> None:
        changed = guest("a").model_copy(update={"memory": -1})
        anything: Any = {"machine": "q35"}
        answers = list(
            qslot.solve_many([guest("a"), changed, anything, guest("bad", "x", "y"), guest("b", "c")], Broken())
        )
        assert [type(one).__name__ for one in answers] == ["Solved", *["RefusedGuest"] * 3, "Solved"]
        assert "memory" in str(answers[1])
        assert "MemoryError" in str(answers[3])
        with pytest.raises(qslot.QslotError, match="memory"):
            answers[1].require()

    def test_a_previous_layout_counts(self) -> None:
        first = qslot.solve(guest("a", "b")).require()
        request = guest("b", "a")
        again, fresh = qslot.solve_many([(request, first), request])
        assert to_json(again) == to_json(qslot.solve(request, previous=first)) != to_json(fresh)


class TestForms:
    def test_guests_of_one_form_are_solved_once(self) -> None:
        workers = Counting()
        guests = [guest(f"nic{number}", f"other{number}") for number in range(20)]
        assert [one.require().devices[1].id for one in qslot.solve_many(guests, workers)] == [
            f"other{number}" for number in range(20)
        ]
        assert workers.done == ["nic0"]

    def test_an_answer_that_is_not_proved_is_nobody_elses(self) -> None:
        workers, stop = Counting(), qslot.Options(time_limit=1e-9)
        answers = list(qslot.solve_many([guest("a", "b"), guest("c", "d")], workers, stop))
        assert {type(one) for one in answers} == {qslot.Undecided}
        assert workers.done == ["a", "c"]

    def test_ids_that_look_like_given_ones_are_part_of_it(self) -> None:
        workers = Counting()
        guests = [guest("net0"), guest("rp1")]
        assert told(qslot.solve_many(guests, workers)) == [to_json(qslot.solve(one)) for one in guests]
        assert workers.done == ["net0", "rp1"]

    @pytest.mark.parametrize(
        "more", [{"memory": 1 << 30}, {"firmware": "ovmf"}, {"qemu": "10.0"}, {"reserve": ["pcie.0:05"]}]
    )
    def test_what_a_layout_follows_from_is_part_of_it(self, more: Data) -> None:
        assert normal_form(guest("a")).key != normal_form(guest("a", **more)).key
        assert normal_form(guest("a")).key != normal_form(guest("a"), limited=True).key

    def test_macs_and_what_no_rule_looks_at_are_not(self) -> None:
        with_mac = qslot.Guest.model_validate(
            q35(device("b", "virtio-net", virtio="modern", properties={"mac": "52:54:00:00:00:01", "netdev": "n,1"}))
        )
        assert normal_form(guest("a")).key == normal_form(with_mac).key
        assert told(qslot.solve_many([guest("a"), with_mac]))[1] == to_json(qslot.solve(with_mac))

    def test_an_order_is_told_by_position(self) -> None:
        asked = [
            guest("a", "b", order=["b", "a"]),
            guest("c", "d", order=["d", "c"]),
            guest("b", "a", order=["b", "a"]),
        ]
        first, second, other = (normal_form(one).key for one in asked)
        assert (first == second, first == other) == (True, False)
        assert told(qslot.solve_many(asked)) == [to_json(qslot.solve(one)) for one in asked]

    def test_no_neutral_property_is_one_that_is_looked_at(self) -> None:
        looked_at = {"iommu_platform", "host", "romfile", "rombar", "romsize", "acpi-index", "dma-remap", "failover"}
        catalogue = Path(qslot.schema.__file__ or "").parent / "catalog"
        conditions = {
            name
            for file in ("devices.json", "unmeasured.json")
            for name in conditions_of(json.loads((catalogue / file).read_text(encoding="utf-8")))
        }
        assert "vectors" in conditions
        assert not NEUTRAL & (conditions | looked_at | HOST_FILES | PROPERTY_TYPES.keys())


class TestCache:
    def test_processes_share_a_file(self, tmp_path: Path) -> None:
        path = tmp_path / "answers.sqlite"
        workers = Counting()
        for ids in (("a", "b"), ("c", "d")):
            with qslot.AnswerCache(path) as cache:
                (answer,) = told(qslot.solve_many([guest(*ids)], workers, cache=cache))
            assert answer == to_json(qslot.solve(guest(*ids)))
        assert workers.done == ["a"]

    def test_other_versions_find_nothing_in_it(self, monkeypatch: pytest.MonkeyPatch) -> None:
        before = normal_form(guest("a")).key
        from qslot.solver.fleet import normal_form as module

        monkeypatch.setattr(module, "answered_by", lambda: {"qslot": "0.0.1"})
        assert normal_form(guest("a")).key != before

    def test_what_is_no_such_file_is_refused(self, tmp_path: Path) -> None:
        (tmp_path / "text").write_text("no database at all, but long enough to be read as one" * 20)
        with sqlite3.connect(tmp_path / "other") as other:
            other.execute("CREATE TABLE mine (one INTEGER)")
        other.close()
        for name in ("text", "other", "no/folder"):
            with pytest.raises(qslot.InputError, match=name):
                qslot.AnswerCache(tmp_path / name)

    def test_a_damaged_answer_is_solved_again_and_told(self, tmp_path: Path) -> None:
        path = tmp_path / "answers.sqlite"
        with qslot.AnswerCache(path) as cache:
            list(qslot.solve_many([guest("a")], cache=cache))
        with sqlite3.connect(path) as file:
            file.execute("UPDATE answers SET answer = x'00'")
        file.close()
        with qslot.AnswerCache(path) as cache:
            assert told(qslot.solve_many([guest("b")], cache=cache)) == [to_json(qslot.solve(guest("b")))]
            assert cache.trouble is not None

    def test_memory_is_bounded(self) -> None:
        cache = qslot.AnswerCache(memory=4000)
        for number in range(1, 9):
            list(qslot.solve_many([guest(*(f"d{one}" for one in range(number)))], cache=cache))
        assert 0 < len(cache) < 8

    def test_what_is_finished_is_kept_where_the_rest_is_not_wanted(self) -> None:
        cache, all_taken = qslot.AnswerCache(), Event()

        def guests() -> Iterator[qslot.Guest]:
            yield from (guest("a"), guest("a", "b"), guest("a", "b", "c"))
            all_taken.set()

        with ThreadPoolExecutor(1) as workers:
            workers.submit(all_taken.wait)
            answers = qslot.solve_many(guests(), workers, cache=cache)
            next(answers)
            workers.submit(int).result()  # all that was handed in is done
            answers.close()  # type: ignore[attr-defined]
        assert len(cache) == 3

    def test_a_stop_ends_them(self) -> None:
        stop = qslot.Stop()

        def guests() -> Iterator[qslot.Guest]:
            yield guest("a")
            stop()
            yield guest("a", "b")

        assert len(list(qslot.solve_many(guests(), options=qslot.Options(stop=stop)))) == 1


def test_a_worker_with_other_versions_is_told() -> None:
    class Elsewhere(Counting):
        def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> "Future[Any]":
            future = super().submit(fn, *args, **kwargs)
            other: Future[Any] = Future()
            other.set_result(json.dumps({**json.loads(future.result()), "form": "other"}))
            return other

    (answer,) = qslot.solve_many([guest("a")], Elsewhere())
    assert "another qslot" in str(answer)


def test_a_process_that_dies_is_replaced() -> None:
    with Processes(1) as workers:
        assert workers.submit(len, "abc").result() == 3
        for process in list(workers._pool._processes.values()):
            process.terminate()
            process.join()
        assert told(qslot.solve_many([guest("a")], workers)) == [to_json(qslot.solve(guest("a")))]


KILLED = """
import os, signal, time
from qslot.solver.fleet.processes import Processes

if __name__ == "__main__":
    with Processes(1) as workers:
        assert workers.submit(len, "abc").result() == 3
        workers.submit(time.sleep, 600)
        os.kill(os.getpid(), signal.SIGKILL)
"""


def test_processes_end_with_whom_they_work_for(tmp_path: Path) -> None:
    """Killed, it can't end them; its output is open for as long as one of them lives."""
    script = tmp_path / "killed.py"
    script.write_text(KILLED)
    done = subprocess.run([sys.executable, script], stdout=subprocess.PIPE, timeout=120, check=False)
    assert done.returncode == -signal.SIGKILL


def test_a_guest_beside_a_previous_layout_says_what_it_said() -> None:
    request = qslot.Guest.model_validate(
        q35(device("a", "nvme"), controllers=[{"id": "rp9", "model": "pcie-root-port"}])
    )
    first = qslot.solve(request).require()
    there = qslot.Guest.model_validate_json(as_task(request, first).guest)
    assert there.controllers[0].model_fields_set == request.controllers[0].model_fields_set
    assert normal_form(there, first) == normal_form(request, first)


def test_a_physical_function_is_told_by_position() -> None:
    """Two guests whose virtual function has another physical one are of two forms, though that is a property's text."""

    def card(first: str, second: str, physical: str) -> qslot.Guest:
        parts = [device(one, "virtio-net", group="card") for one in (first, second)]
        virtual = device("v", "virtio-net", group="card", properties={"sriov-pf": physical})
        return qslot.Guest.model_validate(q35(*parts, virtual))

    keys = [normal_form(card(*names)).key for names in (("a", "b", "a"), ("b", "a", "a"), ("x", "y", "x"))]
    assert keys[0] != keys[1]
    assert keys[0] == keys[2]
