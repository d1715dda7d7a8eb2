"""Mutation testing by cosmic-ray, on a seeded sample of mutants: do the tests see a fault?

    python -m pip install cosmic-ray pytest-timeout
    python -m tests.mutation.campaign --group checker --mutants 40 --seed 1

It works on a copy of HEAD in `build/mutation`, one for each group, as mutants are written into sources, and goes on
where it stopped. A test has 30 seconds, all of them together 240 seconds of CPU time: what takes longer is killed, as
it would not end. `--report` prints the table of tests/mutation/README.md.
"""

import argparse
import random
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final, NamedTuple

from .equivalent import is_equivalent

ROOT: Final = Path(__file__).parents[2]
WORK: Final = ROOT / "build" / "mutation"
TEST_SECONDS: Final = 30
"""Of one test: several times what the longest takes."""
CPU_SECONDS: Final = 240
"""Of one run of the tests: three times and more what those of any group take of the sources as they are."""
WALL_SECONDS: Final = 600


class Group(NamedTuple):
    """Modules, and the tests that cover them, the fastest first."""

    modules: tuple[str, ...]
    tests: tuple[str, ...]


def _tests(*groups: str) -> tuple[str, ...]:
    """`solver: optimum windows` are tests/solver/test_optimum.py and test_windows.py; `rules` those of every rule."""
    named = (group.partition(": ") for group in groups)
    return tuple(
        f"tests/{folder}/test_{name}.py" if names else f"tests/solver/{folder}"
        for folder, _, names in named
        for name in names.split() or ("",)
    )


GROUPS: Final[Mapping[str, Group]] = {
    "checker": Group(("schema/verify",), _tests("schema: cost verify environment", "rules", "solver: previous")),
    "encoder": Group(
        ("solver/model",),
        _tests("solver: optimum windows too_little_room", "rules", "solver: open_bridges wrong_proofs")
        + _tests("property: memory io own_reserves"),
    ),
    "aggregate": Group(
        ("solver/aggregate",),
        _tests("solver: optimum bus_classes relaxed", "rules", "solver: open_bridges wrong_proofs", "property: rows"),
    ),
    "decoder": Group(
        ("solver/decode",),
        _tests("solver: decode optimum eject", "rules", "solver: open_bridges wrong_proofs", "property: own_reserves"),
    ),
    "firmware": Group(
        ("schema/firmware",),
        _tests("schema: firmware ovmf_addresses firmware_memory memory_need", "solver: too_little_room wrong_proofs")
        + _tests("property: ovmf_gaps"),
    ),
    "libvirt": Group(
        ("schema/libvirt",),
        _tests(
            "schema: libvirt_controllers libvirt placed convert libvirt_unknown libvirt_source libvirt_command_line",
            "solver: libvirt libvirt_newer libvirt_viommu hotplug_libvirt conversion",
            "property: libvirt",
        ),
    ),
    "advisor": Group(("solver/advice",), _tests("solver: advise cli_advise", "property: hosts")),
}


def copied(name: str) -> Path:
    """The sources of HEAD for a group, made once."""
    copy = WORK / f"{name}-copy"
    if not copy.exists():
        copy.mkdir(parents=True)
        archive = subprocess.run(["git", "archive", "HEAD"], cwd=ROOT, capture_output=True, check=True)
        subprocess.run(["tar", "x", "-C", str(copy)], input=archive.stdout, check=True)
    return copy


def session(name: str, copy: Path, mutants: int, seed: int) -> Path:
    """cosmic-ray's file of the first mutants in a seeded order; a larger sample goes on with a smaller one."""
    from cosmic_ray.work_db import WorkDB, use_db

    everything, path = WORK / f"{name}-all.sqlite", WORK / f"{name}.sqlite"
    config(name)
    if not everything.exists():
        cosmic_ray("init", name, everything, copy)
    with use_db(str(everything), WorkDB.Mode.open) as db:
        items = sorted(db.work_items, key=lambda item: str(item.mutations))
    random.Random(f"{name} {seed}").shuffle(items)
    items = [item for item in items if not is_equivalent(item.mutations[0], copy)]
    with use_db(str(path), WorkDB.Mode.create) as db:
        known = {item.job_id for item in db.work_items}
        db.add_work_items([item for item in items[:mutants] if item.job_id not in known])
    return path


def config(name: str) -> None:
    """cosmic-ray's own."""
    group = GROUPS[name]
    modules = ", ".join(f'"{one}"' for one in group.modules)
    limit = f"--timeout {TEST_SECONDS} --timeout-method thread"  # a signal would wait for the solver
    tests = f"{sys.executable} -m pytest -x -q -p no:cacheprovider {limit} {' '.join(group.tests)}"
    (WORK / f"{name}.toml").write_text(
        f"[cosmic-ray]\nmodule-path = [{modules}]\ntimeout = {WALL_SECONDS}.0\nexcluded-modules = []\n"
        f"test-command = \"bash -c 'ulimit -t {CPU_SECONDS}; exec {tests}'\"\n\n"
        '[cosmic-ray.distributor]\nname = "local"\n',
        encoding="utf-8",
    )


def cosmic_ray(command: str, name: str, path: Path, copy: Path) -> None:
    """Runs it on a group."""
    program = Path(sys.executable).with_name("cosmic-ray")
    subprocess.run([program, command, WORK / f"{name}.toml", path], cwd=copy, check=True)


def results(path: Path, copy: Path) -> Iterator[tuple[Any, str]]:
    """Of each mutant of a copy that was run what it changed, and killed, survived or incompetent."""
    from cosmic_ray.work_db import WorkDB, use_db

    with use_db(str(path), WorkDB.Mode.open) as db:
        for item, result in db.completed_work_items:
            if result.test_outcome is not None and not is_equivalent(item.mutations[0], copy):
                yield item.mutations[0], result.test_outcome.value


def report() -> None:
    """One row a module, and the survivors."""
    sys.stdout.write("| module | mutants | killed | survive |\n|---|---|---|---|\n")
    survivors: list[str] = []
    for name in GROUPS:
        if not (path := WORK / f"{name}.sqlite").exists():
            continue
        counted: Counter[tuple[str, str]] = Counter()
        for mutation, outcome in results(path, WORK / f"{name}-copy"):
            module = str(mutation.module_path)
            counted[module, outcome] += 1
            if outcome == "survived":
                line, column = mutation.start_pos
                survivors.append(f"- {module}:{line}:{column} {mutation.operator_name}, {mutation.occurrence}")
        for module in sorted({module for module, _ in counted}):
            killed = counted[module, "killed"] + counted[module, "incompetent"]
            alive = counted[module, "survived"]
            sys.stdout.write(f"| {module} | {killed + alive} | {killed} | {alive} |\n")
    sys.stdout.write("\n".join(["", *survivors, ""]))


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--group", choices=GROUPS, default="checker")
    parser.add_argument("--mutants", type=int, default=40)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--report", action="store_true")
    given = parser.parse_args()
    if given.report:
        report()
        return
    copy = copied(given.group)
    path = session(given.group, copy, given.mutants, given.seed)
    cosmic_ray("exec", given.group, path, copy)


if __name__ == "__main__":
    main()
