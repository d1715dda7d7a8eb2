"""A fleet on a real Dask cluster: a scheduler and two worker processes."""

import gc
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import qslot
from qslot.schema.formats.written import to_json

distributed: Any = pytest.importorskip("distributed", reason="dask is not installed: pip install distributed")

pytestmark = pytest.mark.filterwarnings("default")  # dask's own


@pytest.fixture(scope="module")
def cluster() -> Iterator[Any]:
    options = {"n_workers": 2, "threads_per_worker": 1, "processes": True, "dashboard_address": ":0"}
    with distributed.LocalCluster(**options) as cluster:
        yield cluster
    gc.collect()  # what dask leaves open is its own, and told here


def guests() -> list[qslot.Guest]:
    counts = (1, 2, 3, 1, 2, 4)
    return [
        qslot.Guest.model_validate(
            {"machine": "q35", "devices": [{"id": f"g{place}-{n}", "model": "virtio-net"} for n in range(count)]}
        )
        for place, count in enumerate(counts)
    ]


def test_a_cluster_gives_the_same_answers(cluster: Any) -> None:
    with distributed.Client(cluster) as client:
        answers = [to_json(one) for one in qslot.solve_many(guests(), client.get_executor())]
        assert len(client.scheduler_info()["workers"]) == 2
    assert answers == [to_json(qslot.solve(one)) for one in guests()]


def test_the_command_takes_its_address(cluster: Any, tmp_path: Path) -> None:
    files = []
    for place, guest in enumerate(guests()):
        files.append(tmp_path / f"{place}.json")
        files[-1].write_text(guest.model_dump_json(), encoding="utf-8")
    command = [sys.executable, "-m", "qslot", "batch", *map(str, files)]
    here = subprocess.run(command, capture_output=True, text=True, check=True, timeout=300)
    there = subprocess.run(
        [*command, "--dask", cluster.scheduler_address], capture_output=True, text=True, check=True, timeout=300
    )
    assert here.stdout == there.stdout
    assert [json.loads(line)["answer"] for line in here.stdout.splitlines()] == ["optimal"] * len(files)
