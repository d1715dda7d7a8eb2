"""The one door to OR-Tools: a model in, CP-SAT's response out.

Imports only the solver's own module where this release has it (cp_model, the documented interface, also pulls in
pandas: 0.3 s more); both ways are tested to answer alike.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from threading import Event, Thread
from typing import Any, Final, Protocol

from ...schema.records import record
from ...schema.request.fields import Term
from ..options import Stop, ending
from ..progress import Watch

REPEATED_EVERY: Final = 0.05
"""Seconds from one call that stops a solver to the next."""


@record(frozen=True)
class Asked:
    """How a model is to be solved, and who is told of it."""

    parameters: dict[str, Any]
    """CP-SAT's own, by name."""
    stop: Stop | None = None
    watch: Watch | None = None
    term: Term | None = None
    """What its objective is of ours; solutions and bounds are told of such models only."""
    offset: int = 0
    """What of that term CP-SAT is not told."""

    @contextmanager
    def watched(self, end: Callable[[], object]) -> Iterator[None]:
        """While a model is solved, which `end` stops. Raises what the callback raised."""
        with ending(self.stop, end):
            if self.watch is not None:
                self.watch.begin(self.term, self.offset, end)
            yield
        if self.watch is not None:
            self.watch.finish()

    @property
    def told(self) -> Watch | None:
        """Who is told of solutions and bounds."""
        return None if self.term is None else self.watch


class Engine(Protocol):
    """Either interface of OR-Tools."""

    def new_model(self) -> Any:
        """An empty model, to be filled in as a protocol buffer."""

    def solve(self, model: Any, asked: Asked) -> Any:
        """CP-SAT's response to a model."""


class _Direct:
    """ortools.sat.python.cp_model_helper: undocumented, without pandas."""

    def __init__(self) -> None:
        from ortools.sat.python import cp_model_helper

        self.module: Any = cp_model_helper

    def new_model(self) -> Any:
        return self.module.CpModelProto()

    def solve(self, model: Any, asked: Asked) -> Any:
        settings = self.module.SatParameters()
        settings.catch_sigint_signal = False  # it would take SIGINT from Python, and not give it back (measured)
        for name, value in asked.parameters.items():
            if isinstance(value, list):
                getattr(settings, name).extend(value)
            else:
                enum = isinstance(value, str)
                setattr(settings, name, getattr(type(getattr(settings, name)), value) if enum else value)
        wrapper = self.module.SolveWrapper()
        wrapper.set_parameters(settings)
        callback = None if asked.told is None else self._callback(asked.told)  # OR-Tools does not keep it alive
        if asked.told is not None:
            wrapper.add_solution_callback(callback)
            wrapper.add_best_bound_callback(asked.told.bound)
        with asked.watched(wrapper.stop_search):
            return wrapper.solve(model)

    def _callback(self, watch: Watch) -> Any:
        class Told(self.module.SolutionCallback):  # type: ignore[misc, name-defined]
            def OnSolutionCallback(self) -> None:  # noqa: N802 - OR-Tools' name
                watch.solution(self.ObjectiveValue())

        return Told()


class _Documented:
    """ortools.sat.python.cp_model."""

    def __init__(self) -> None:
        from ortools.sat.python import cp_model

        self.module: Any = cp_model

    def new_model(self) -> Any:
        return self.module.CpModel().proto

    def solve(self, model: Any, asked: Asked) -> Any:
        solver = self.module.CpSolver()
        text = " ".join(_text(name, value) for name, value in asked.parameters.items())
        solver.parameters.catch_sigint_signal = False
        solver.parameters.parse_text_format(text)
        holder = self.module.CpModel()
        holder.proto.copy_from(model)
        solve_documented(solver, holder, asked)
        return solver.response_proto


def solve_documented(solver: Any, model: Any, asked: Asked) -> Any:
    """The status that a `CpSolver` comes to, whose parameters have been set."""
    callback = None if asked.told is None else _documented_callback(asked.told)
    if asked.told is not None:
        solver.best_bound_callback = asked.told.bound
    with _lasting(solver.stop_search) as end, asked.watched(end):
        return solver.solve(model, callback)


@contextmanager
def _lasting(stop: Callable[[], object]) -> Iterator[Callable[[], None]]:
    """A way to stop what the block solves: `CpSolver` forgets what it is told before it has begun."""
    over = Event()

    def repeat() -> None:
        while not over.is_set():
            stop()
            over.wait(REPEATED_EVERY)

    try:
        yield lambda: Thread(target=repeat, daemon=True).start()
    finally:
        over.set()


def _documented_callback(watch: Watch) -> Any:
    from ortools.sat.python import cp_model

    class Told(cp_model.CpSolverSolutionCallback):
        def on_solution_callback(self) -> None:
            watch.solution(self.objective_value)

    return Told()


def _text(name: str, value: object) -> str:
    if isinstance(value, list):
        return " ".join(f'{name}: "{one}"' for one in value)
    return f"{name}: {str(value).lower() if isinstance(value, bool) else value}"


@cache
def engine(documented: bool = False) -> Engine:
    """The faster entry where it works, else the documented one."""
    if not documented:
        try:
            direct = _Direct()
            direct.solve(direct.new_model(), Asked({"num_workers": 1, "search_branching": "FIXED_SEARCH"}))
        except (ImportError, AttributeError, TypeError):
            pass
        else:
            return direct
    return _Documented()
