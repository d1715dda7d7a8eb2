"""How many more: while the guest runs, and at its next start until one more is proved not to fit."""

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result

import qslot
from qslot.schema.explanation.restrict import Relaxation
from qslot.schema.formats.written import to_json
from qslot.schema.hotplug.capacity import GuestCapacity
from qslot.solver import more_devices
from qslot.solver.search.cpsat import Limits
from qslot.solver.search.feasibility import any_layout, prove_infeasible

from . import command


def planned(**more: Any) -> qslot.Layout:
    request = {"machine": "q35", "devices": [{"id": "net0", "model": "virtio-net", "hotplug": "required"}], **more}
    return qslot.solve(qslot.Guest.model_validate(request)).require()


def more_of(layout: qslot.Layout, model: str, **needs: Any) -> qslot.MoreDevices:
    found = qslot.capacity(layout, model, needs).more
    assert found is not None
    return found


class TestHot:
    def test_each_takes_a_slot(self) -> None:
        layout = planned(spare={"pcie": 3})
        assert more_of(layout, "nvme", hotplug="required").hot == 3
        assert more_of(layout, "e1000", hotplug="required").hot == 0

    def test_slots_without_io_ports(self) -> None:
        """A spare slot has an IO window where it was asked for."""
        layout = planned(spare=[{"kind": "pcie"}, {"kind": "pcie", "io": 4096}])
        found = more_of(layout, "virtio-net", virtio="transitional")
        assert (found.hot, found.hot_end) == (1, {"io": 1})

    def test_what_qemu_takes_at_its_start_alone(self) -> None:
        assert more_of(planned(spare={"pcie": 3}), "virtio-iommu").hot == 0

    def test_slots_of_one_bridge_share_its_memory(self) -> None:
        found = more_of(planned(spare={"pci": 20}), "e1000", hotplug="required")
        assert found.hot_end == {"memory": 31 - found.hot}
        assert 0 < found.hot < 20

    def test_slots_of_virtual_functions_are_not_free(self) -> None:
        layout = planned(machine="pc", devices=[{"id": "nic", "model": "igb"}])
        (root,) = qslot.capacity(layout).free
        assert set(root.slots) == {*range(3, 32)} - {0x12, 0x13}

    @pytest.mark.parametrize("model", ["igb", "e1000"])
    def test_each_igb_of_pc_closes_two_slots(self, model: str) -> None:
        """Seven at most, as virtual functions of the eighth would be past the bus, or where others are."""
        layout = planned(machine="pc", devices=[{"id": "nic", "model": "igb"}])
        found = more_of(layout, model, hotplug="required")
        if model == "e1000":
            assert (found.hot, found.hot_end) == (27, {})
        else:
            assert (found.hot, found.cold, found.cold_proved) == (6, 6, True)
            assert found.hot_end == {"virtual": 27 - 6}


class TestCold:
    def test_ids_of_the_guest_keep_nothing_out(self) -> None:
        """One may look like those of the devices that are tried: that is no proof that no more fit."""
        layout = planned(devices=[{"id": "more2", "model": "virtio-net", "hotplug": "required"}])
        assert more_of(layout, "nvme").cold == more_of(planned(), "nvme").cold > 1

    @pytest.mark.parametrize("model", ["nvme", "e1000"])
    def test_so_many_fit_and_no_more(self, model: str) -> None:
        """Asked again, independently of how it was searched for."""
        layout = planned()
        found = more_of(layout, model, hotplug="required")
        assert found.cold_proved
        assert found.cold_end

        def guest(count: int) -> qslot.Guest:
            devices = [{"id": f"d{number}", "model": model, "hotplug": "required"} for number in range(count)]
            pinned = qslot.Guest.from_layout(layout).model_dump()
            return qslot.Guest.model_validate(pinned | {"devices": [*pinned["devices"], *devices], "spare": []})

        assert isinstance(qslot.solve(guest(found.cold)), qslot.Solved)
        assert isinstance(qslot.solve(guest(found.cold + 1)), qslot.Infeasible)

    @pytest.mark.parametrize(("model", "exact"), [("nvme", True), ("virtio-net", False)])
    def test_where_thousands_fit_both_ends_are_proved(
        self, model: str, exact: bool, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """By a layout that verifies, and by a model that leaves no layout out; the whole search, which takes minutes of
        such guests, is never asked."""
        asked: list[int] = []

        def counting(guest: qslot.Guest, options: qslot.Options | None = None) -> qslot.Outcome:
            asked.append(len(guest.devices))
            return qslot.solve(guest, options)

        monkeypatch.setattr(more_devices, "solve", counting)
        layout = planned()
        found = more_of(layout, model)
        assert all(count <= more_devices.MOST_SEARCHED for count in asked)
        assert found.cold > 1000
        assert found.cold_most is not None
        assert (found.cold == found.cold_most, found.cold_proved) == (exact, exact)
        assert found.cold_end
        kept = qslot.Guest.from_layout(layout).model_dump()

        def guest(count: int) -> qslot.Guest:
            devices = [{"id": f"d{number}", "model": model} for number in range(count)]
            return qslot.Guest.model_validate(kept | {"devices": [*kept["devices"], *devices], "spare": []})

        fits, refused = guest(found.cold), guest(found.cold_most + 1)
        known = any_layout(fits, Limits())
        assert known is not None
        assert not [one for one in qslot.verify(fits, known.layout) if one.severity == "error"]
        assert prove_infeasible(Relaxation(refused, refused), Limits().steady) is not None

    def test_both_ends_are_told(self) -> None:
        more = qslot.MoreDevices(
            model="nvme", hot=0, cold=2217, cold_proved=False, cold_most=3861, cold_end=("too many",)
        )
        assert str(GuestCapacity(free=(), more=more)).splitlines()[2:] == [
            "nvme: at least 2217 more at the next start, with controllers added (proved: more than 3861 do not fit)",
            "  3862 more: too many",
        ]

    def test_of_what_a_guest_has_one(self) -> None:
        found = more_of(planned(), "virtio-balloon")
        assert (found.cold, found.cold_proved) == (1, True)
        assert "QEMU takes one balloon a guest" in found.cold_end[0]


class TestCommand:
    def run(self, *words: str | Path) -> Result:
        return command.run("capacity", *words)

    @pytest.fixture
    def layout(self, tmp_path: Path) -> Path:
        path = tmp_path / "layout.json"
        path.write_text(to_json(planned(spare={"pcie": 2})))
        return path

    def test_it_says_what_is_free(self, layout: Path) -> None:
        done = self.run(layout)
        assert (done.exit_code, done.stdout.splitlines()[0]) == (0, "free for hot-plug: 2 pcie")

    def test_and_how_many_more(self, layout: Path) -> None:
        done = self.run(layout, "--model", "virtio-balloon")
        told = "virtio-balloon: 1 more while the guest runs (1 free slot left, as a guest takes no more of them)"
        assert told in done.stdout
        assert "virtio-balloon: 1 more at the next start, with controllers added (proved" in done.stdout

    def test_as_json(self, layout: Path) -> None:
        data = json.loads(self.run(layout, "--json").stdout)
        assert [one["slots"] for one in data["free"]] == [[0], [0]]

    @pytest.mark.parametrize(
        ("words", "why"),
        [
            (["--need", "virtio=modern"], "--need goes with --model"),
            (["--model", "nvme", "--need", "virtio"], "write FIELD=VALUE"),
            (["--model", "nvme", "--need", "a.b=1"], "properties.mq=on"),
            (["--model", "nvme", "--need", "color=red"], "such a device: color: no such field"),
            (["--model", "nvmee"], "'nvmee' is not in the catalogue"),
            (["--model", "nvme", "--need", "address=pcie.0:5"], "address is of one device alone"),
        ],
    )
    def test_bad_input(self, words: list[str], why: str, layout: Path) -> None:
        done = self.run(layout, *words)
        assert (done.exit_code, done.stdout) == (2, "")
        assert why in done.stderr
