"""What ships, who imports whom, who prints. By reading syntax trees, and by importing in a fresh interpreter."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import click
import pytest

import qslot
from qslot.solver.cli import COMMANDS
from qslot.solver.cli import qslot as group

ROOT = Path(__file__).parents[1]
PRINTERS = ("solver/cli/", "schema/catalog/measure/generate.py", "testing/libvirt/driver.py")
"""The command, the one that makes the catalogue, and the process that answers for libvirt."""


def sources(folder: str) -> Iterator[tuple[str, ast.Module]]:
    for path in sorted((ROOT / folder).rglob("*.py")):
        yield str(path.relative_to(ROOT)), ast.parse(path.read_text(encoding="utf-8"))


def imported(tree: ast.Module) -> Iterator[str]:
    """Names of imported modules; relative ones with their dots."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            module = "." * node.level + (node.module or "")
            yield module
            yield from (f"{module}.{alias.name}" for alias in node.names)


def test_every_folder_with_code_is_a_package() -> None:
    for name in ("schema", "solver", "testing"):
        for path in (ROOT / name).rglob("*.py"):
            assert (path.parent / "__init__.py").exists(), path


@pytest.mark.parametrize("name", ["schema", "solver", "testing"])
def test_qslot_holds_the_three_folders(name: str) -> None:
    """By links: a wheel and a checkout have the same packages, and pytest and mypy see the same files."""
    assert (ROOT / "qslot" / name).resolve() == ROOT / name
    assert (ROOT / "qslot" / "py.typed").exists()


def test_the_public_face_holds_no_logic() -> None:
    tree = ast.parse((ROOT / "qslot" / "__init__.py").read_text(encoding="utf-8"))
    assert {node.name for node in tree.body if isinstance(node, ast.FunctionDef)} == {"__dir__"}


def test_every_public_name_is_there() -> None:
    """And nothing else but modules."""
    assert [name for name in qslot.__all__ if getattr(qslot, name, None) is None] == []
    others = {name for name, value in vars(qslot).items() if name[0] != "_" and not isinstance(value, ModuleType)}
    assert others - {*qslot.__all__} == {"TYPE_CHECKING", "loader"}


def test_type_checkers_are_told_the_same_names() -> None:
    tree = ast.parse((ROOT / "qslot" / "__init__.py").read_text(encoding="utf-8"))
    (told,) = (node for node in tree.body if isinstance(node, ast.If))
    imports = [node for node in told.body if isinstance(node, ast.ImportFrom)]
    told_of = {alias.name: node.module for node in imports for alias in node.names}
    assert told_of == {name: module for module, names in qslot._PLACES.items() for name in names}


def test_the_public_face_loads_no_solver_until_it_is_asked() -> None:
    assert not loaded("import qslot") & {"ortools", "numpy", "pandas", "yaml", "click"}
    assert "pydantic" not in loaded("import qslot")


@pytest.mark.parametrize(("example", "searched"), [("cloud-q35", False), ("numa-gpu", True)])
def test_an_ordinary_guest_loads_no_cpsat(example: str, searched: bool) -> None:
    path = ROOT / "examples" / f"{example}.yaml"
    assert ("ortools" in loaded(f"import qslot; qslot.solve(qslot.read_guest({str(path)!r}))")) is searched


def test_the_installed_package_is_taken_beside_a_checkout_of_that_name(tmp_path: Path) -> None:
    (tmp_path / "qslot").mkdir()
    done = subprocess.run(
        [sys.executable, "-c", "import qslot; print(qslot.__version__)"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.stdout.strip() == qslot.__version__, done.stderr


def test_schema_knows_no_solver() -> None:
    for path, tree in sources("schema"):
        for name in imported(tree):
            assert not name.startswith(("ortools", "qslot.solver", "solver")), f"{path} imports {name}"


def test_imports_inside_a_package_are_relative() -> None:
    """Absolute ones make type checkers see each class twice."""
    for folder in ("schema", "solver", "testing"):
        for path, tree in sources(folder):
            for name in imported(tree):
                assert not name.startswith((f"qslot.{folder}", f"{folder}.")), f"{path} imports {name}"


def test_only_the_command_prints() -> None:
    for folder in ("schema", "solver", "testing"):
        for path, tree in sources(folder):
            if path.startswith(PRINTERS):
                continue
            for node in ast.walk(tree):
                if isinstance(node, ast.Call):
                    called = ast.unparse(node.func)
                    assert called not in ("print", "sys.stdout.write", "sys.stderr.write", "click.echo"), path


def test_only_one_place_starts_processes() -> None:
    """That is QEMU, whoever asks it; and, for suites, Debian's Python with libvirt."""
    starters = {
        path
        for folder in ("schema", "solver", "testing")
        for path, tree in sources(folder)
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute) and node.attr in ("create_subprocess_exec", "Popen", "fork")
    }
    assert starters == {"schema/qemu/process.py", "testing/libvirt/__init__.py"}


def modules_after(statement: str) -> set[str]:
    """All modules in a fresh interpreter after a statement."""
    script = f"{statement}\nimport sys\nprint('\\n'.join(sys.modules))"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=120)
    return set(done.stdout.split())


def loaded(statement: str) -> set[str]:
    """Top-level ones."""
    return {name.partition(".")[0] for name in modules_after(statement)}


def test_schema_loads_nothing_heavy() -> None:
    rooms = ("schema", "schema.verify", "schema.probe", "schema.formats.files", "schema.formats.qemu")
    assert not loaded(f"import {', '.join(f'qslot.{room}' for room in rooms)}") & {
        "ortools",
        "qemu",
        "pandas",
        "numpy",
        "click",
        "difflib",
    }


@pytest.mark.parametrize("arguments", [["--help"], *([command, "--help"] for command in COMMANDS)])
def test_help_loads_nothing_heavy(arguments: list[str]) -> None:
    assert not loaded(running(arguments)) & {"ortools", "pandas", "numpy", "yaml", "pydantic", "pydantic_core"}


def test_the_first_page_of_help_loads_no_command() -> None:
    modules = modules_after(running(["--help"]))
    command = {name.rpartition(".")[2] for name in modules if name.startswith("qslot.solver.cli.")}
    assert command == {"exits", "streams", "version"}
    assert "pathlib" not in modules


def test_the_help_of_show_loads_its_options_alone() -> None:
    modules = modules_after(running(["show", "--help"]))
    assert not modules & {"pathlib", "dataclasses", "json", "qslot.solver.cli.request", "qslot.schema.records"}


LOOKING = (
    ["catalog", "nvme"],
    ["schema"],
    ["show", "{layout}"],
    ["check", "{guest}", "{layout}"],
    ["diff", "{layout}", "{layout}"],
)


@pytest.mark.parametrize("arguments", LOOKING, ids=lambda arguments: arguments[0])
def test_what_looks_at_layouts_loads_no_solver(arguments: list[str], tmp_path: Path) -> None:
    layout, request = tmp_path / "layout.json", tmp_path / "guest.json"
    guest = qslot.Guest(machine="q35", devices=[qslot.Device(id="nic", model="virtio-net")])
    layout.write_text(qslot.solve(guest).require().model_dump_json(), encoding="utf-8")
    request.write_text(guest.model_dump_json(), encoding="utf-8")
    modules = modules_after(running([one.format(layout=layout, guest=request) for one in arguments]))
    assert not {name for name in modules if name.startswith("ortools")}
    solver = {name for name in modules if name.startswith("qslot.solver.")} - {"qslot.solver.options"}
    assert {name for name in solver if not name.startswith("qslot.solver.cli")} == set()
    if arguments[0] == "show":
        assert "qslot.schema.request.guest" not in modules


NEVER_USED = ("tomllib", "xml", "numpy", "pandas")
"""What nothing that is read or drawn below needs: other formats, what OR-Tools' larger door loads."""


@pytest.mark.parametrize(
    ("command", "of_its_own"),
    [
        (
            "show",
            ("yaml", "logging", "concurrent", "qslot.schema.firmware.ovmf", "qslot.schema.explanation"),
        ),
        ("plan", ("qslot.schema.firmware.ovmf", "qslot.schema.explanation.clauses")),
    ],
)
def test_a_command_loads_no_module_that_it_does_not_use(
    command: str, of_its_own: tuple[str, ...], tmp_path: Path
) -> None:
    """As a process, as it is for users: what its libraries load for their own sake counts, too."""
    example = ROOT / "examples" / "rhel6-q35.yaml"
    layout = tmp_path / "layout.json"
    layout.write_text(qslot.solve(qslot.read_guest(example)).require().model_dump_json(), encoding="utf-8")
    words = [command, str({"show": layout, "plan": example}[command])]
    code = "import sys; from qslot.__main__ import main\ntry: main()\nfinally: print(*sys.modules, file=sys.__stderr__)"
    done = subprocess.run([sys.executable, "-c", code, *words], capture_output=True, text=True, check=True, timeout=120)
    modules = done.stderr.split()
    assert f"qslot.solver.cli.{command}" in modules
    late = (*NEVER_USED, *of_its_own)
    assert [name for name in modules if any(f"{name}.".startswith(f"{one}.") for one in late)] == []


def test_a_plan_loads_what_explains_only_where_there_is_none() -> None:
    """Nor what reads domain XML, and what plans beside a previous layout."""
    modules = modules_after(running(["plan", str(ROOT / "examples" / "rhel6-q35.yaml")]))
    late = (
        "qslot.schema.host_devices.lspci",
        "qslot.schema.host_devices.nodedev",
        "qslot.schema.hotplug.capacity",
        "qslot.schema.hotplug.room",
        "qslot.schema.libvirt",
        "qslot.solver.address_model.",
        "qslot.solver.explanation.conflict",
        "qslot.solver.explanation.remedies",
        "qslot.solver.model.describe",
        "qslot.solver.ordering.",
        "qslot.solver.replanning",
        "qslot.solver.search.feasibility",
    )
    assert "qslot.solver.solving" in modules
    assert not {name for name in modules if name.startswith(late)}


DATACLASSES = {"BusClass", "Options", "Prediction", "Rule", "SearchProgress"}
"""What users get, and what its tests assign to in vain."""


def test_what_every_plan_defines_is_cheap_to_define() -> None:
    """A dataclass takes as long as four records do."""
    modules = modules_after(running(["plan", str(ROOT / "examples" / "rhel6-q35.yaml")]))
    loaded = (ROOT / f"{name.removeprefix('qslot.').replace('.', '/')}.py" for name in modules if "qslot." in name)
    classes = (
        node for path in loaded if path.exists() for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
    )
    found = {
        node.name
        for node in classes
        if isinstance(node, ast.ClassDef) and any("dataclass" in ast.unparse(one) for one in node.decorator_list)
    }
    assert found == DATACLASSES


@pytest.mark.parametrize("name", COMMANDS)
def test_the_line_of_a_command_is_its_own(name: str) -> None:
    """Which `--help` has without loading it."""
    command = group.get_command(click.Context(group), name)
    assert command is not None
    text = " ".join((command.help or "").split("\n\n")[0].split())
    assert COMMANDS[name][1] == text.partition(". ")[0].removesuffix(".")


def running(arguments: list[str]) -> str:
    """A statement that runs the command, and prints nothing."""
    quiet = "import contextlib, io\nfrom qslot.solver.cli import qslot\n"
    return f"{quiet}with contextlib.redirect_stdout(io.StringIO()), contextlib.suppress(SystemExit): qslot({arguments})"
