"""Rules bus-numbers, io-space, memory-space, max-controllers, max-depth."""

import pytest

from ..ask import (
    Case,
    Data,
    Trio,
    Trios,
    above,
    check_trio,
    costs,
    device,
    devices,
    host,
    models,
    only,
    pc,
    planned,
    policy,
    q35,
    refused,
)

ALONE = policy(max_controllers=0)
BARE = {"sata": False, "smbus": False}  # no IO ports of the chipset's on q35


def ports(count: int, **rest: object) -> list[Data]:
    return [device(f"p{number}", "pcie-root-port", **rest) for number in range(count)]


def bridges(count: int, model: str = "pci-bridge", **rest: object) -> list[Data]:
    return [device(f"b{number}", model, **rest) for number in range(count)]


def hosts(count: int, connect: str = "express", io: int = 4096) -> list[Data]:
    return [host(f"h{number}", connect, io, hotplug="required") for number in range(count)]


def large(count: int, kind: str, size: str = "256MiB") -> list[Data]:
    """Hot-pluggable devices with a large BAR each."""
    bars = [{"bar": 2, "kind": kind, "size": size, "prefetchable": kind == "mem64"}]
    return devices(count, "vfio-pci", connect="express", hotplug="required", bars=bars)


EXPANDER = device("x", "pxb-pcie", numa=0)


def expander(start: int) -> Data:
    return EXPANDER | {"properties": {"bus_nr": start}}


REQUIRED = devices(2, "nvme", hotplug="required", numa=0)

TRIOS: Trios = {
    # of 1004 MiB below 4 GiB three aligned pieces of 256 MiB are left
    ("memory-space", "below 4 GiB"): Trio(
        Case(q35(*large(1, "mem32"))),
        q35(*large(4, "mem32")),
        Case(q35(*large(3, "mem32"))),
    ),
    # with OVMF 128 GiB of 64-bit memory, of which each hot-pluggable port keeps 512 MiB unless it says otherwise
    ("memory-space", "what OVMF reserves by itself"): Trio(
        Case(q35(*large(6, "mem64", "16GiB"), spare={"pcie": 30}, firmware="ovmf"), has={"rp1": {"properties": {}}}),
        q35(*large(9, "mem64", "16GiB"), spare={"pcie": 30}, firmware="ovmf"),
        Case(
            q35(*large(7, "mem64", "16GiB"), spare={"pcie": 40}, firmware="ovmf"),
            has={"rp1": {"properties": {"pref64-reserve": 2 << 20}}},
        ),
    ),
    ("bus-numbers", "a reserve and ports"): Trio(
        Case(q35(controllers=ports(240))),
        # 1 for the root bus, 1 + 249 for the first port, 1 each for the others
        q35(controllers=[device("big", "pcie-root-port", properties={"bus-reserve": 249}), *ports(6)]),
        Case(q35(controllers=[device("big", "pcie-root-port", properties={"bus-reserve": 249}), *ports(5)])),
    ),
    ("bus-numbers", "range of an expander"): Trio(
        Case(q35(*REQUIRED, controllers=[EXPANDER], numa_nodes=1)),
        # 254 is the expander's own bus, 255 that of one port
        q35(*REQUIRED, controllers=[expander(254)], numa_nodes=1, policy=policy(max_controllers=3)),
        Case(q35(*REQUIRED, controllers=[expander(253)], numa_nodes=1, policy=policy(max_controllers=3))),
    ),
    ("bus-numbers", "range of the main root"): Trio(
        Case(q35(controllers=[*ports(2), expander(3)], numa_nodes=1)),
        q35(
            controllers=[*ports(2), device("p9", "pcie-root-port", address="pcie.0:05.0"), expander(2)],
            numa_nodes=1,
        )
        | {"reserve": [f"x:{slot:02x}" for slot in range(32)]},
        Case(
            q35(controllers=[device("p9", "pcie-root-port", address="pcie.0:05.0"), expander(2)], numa_nodes=1)
            | {"reserve": [f"x:{slot:02x}" for slot in range(32)]}
        ),
    ),
    ("bus-numbers", "pxb takes two"): Trio(
        Case(pc(controllers=[device("x", "pxb", numa=0)], numa_nodes=1)),
        pc(
            device("a", "rtl8139", numa=0, hotplug="required"),
            controllers=[device("x", "pxb", numa=0, properties={"bus_nr": 254})],
            numa_nodes=1,
            policy=policy(max_controllers=2),
        ),
        Case(
            pc(
                device("a", "rtl8139", numa=0, hotplug="required"),
                controllers=[device("x", "pxb", numa=0, properties={"bus_nr": 253})],
                numa_nodes=1,
                policy=policy(max_controllers=2),
            )
        ),
    ),
    ("bus-numbers", "between two expanders"): Trio(
        Case(q35(controllers=[expander(10), device("y", "pxb-pcie", properties={"bus_nr": 12})], numa_nodes=1)),
        q35(
            *devices(2, "nvme", hotplug="required", numa=0),
            controllers=[expander(10), device("y", "pxb-pcie", properties={"bus_nr": 12})],
            numa_nodes=1,
            policy=policy(max_controllers=4),
        ),
        Case(
            q35(
                *devices(1, "nvme", hotplug="required", numa=0),
                controllers=[expander(10), device("y", "pxb-pcie", properties={"bus_nr": 12})],
                numa_nodes=1,
                policy=policy(max_controllers=3),
            )
        ),
    ),
    # SeaBIOS on q35 shares out less than 15 pages, chipset (0x60) and root BARs with them
    ("io-space", "seabios on q35"): Trio(
        Case(q35(*hosts(1))),
        q35(*hosts(15), chipset=BARE),
        Case(q35(*hosts(14))),
    ),
    # less than 9 pages
    ("io-space", "seabios on pc"): Trio(
        Case(pc(*hosts(1, "conventional"))),
        pc(*hosts(9, "conventional")),
        Case(pc(*hosts(8, "conventional"))),
    ),
    # 10 pages, the chipset's 0x60 take one
    ("io-space", "ovmf on q35"): Trio(
        Case(q35(*hosts(10), chipset=BARE, firmware="ovmf")),
        q35(*hosts(10), firmware="ovmf"),
        Case(q35(*hosts(9), firmware="ovmf")),
    ),
    # 4 pages, the chipset's 0x10 take one
    ("io-space", "ovmf on pc"): Trio(
        Case(pc(*hosts(3, "conventional", 2048), firmware="ovmf")),
        pc(*hosts(4, "conventional"), firmware="ovmf"),
        Case(pc(*hosts(3, "conventional"), firmware="ovmf")),
    ),
    ("io-space", "pages round up bus by bus"): Trio(
        Case(q35(*hosts(14, io=256))),
        # express devices open a page each whatever their size; on pcie.0 they would be cheap but cold
        q35(*hosts(15, io=256)),
        Case(q35(*(one | {"hotplug": "preferred"} for one in hosts(15, io=256)))),
    ),
    ("io-space", "empty SHPC bridges"): Trio(
        Case(q35(controllers=bridges(14, "pcie-pci-bridge"))),
        q35(controllers=bridges(15, "pcie-pci-bridge")),
        Case(q35(controllers=bridges(15, "pcie-pci-bridge"), firmware="ovmf")),
    ),
    ("io-space", "empty pci-bridges"): Trio(
        # one inside the other they open a single page
        Case(pc(controllers=bridges(9))),
        pc(controllers=[one | {"address": f"pci.0:{index + 2:02x}.0"} for index, one in enumerate(bridges(9))]),
        Case(
            pc(
                controllers=[
                    one | {"address": f"pci.0:{index + 2:02x}.0", "properties": {"shpc": "off"}}
                    for index, one in enumerate(bridges(9))
                ]
            )
        ),
    ),
    ("io-space", "ports of pc-q35-6.1"): Trio(
        Case(q35(*hosts(14, io=0), policy=policy(max_depth=1)) | {"machine": "pc-q35-6.1"}),
        q35(*hosts(15, io=0), policy=policy(max_depth=1)) | {"machine": "pc-q35-6.1"},
        # a switch needs one window for all its ports
        Case(q35(*hosts(15, io=0)) | {"machine": "pc-q35-6.1"}, {"h14": "dp15:00.0", "sw1": "rp1:00.0"}),
    ),
    ("io-space", "root ports of pc-q35-6.1 without reserve"): Trio(
        Case(q35(*hosts(14, io=0)) | {"machine": "pc-q35-6.1"}),
        q35(controllers=ports(15)) | {"machine": "pc-q35-6.1"},
        Case(q35(*hosts(15, io=0), controllers=ports(15, properties={"io-reserve": 0})) | {"machine": "pc-q35-6.1"}),
    ),
    ("io-space", "io-reserve"): Trio(
        Case(q35(controllers=ports(14, properties={"io-reserve": 4096}))),
        q35(controllers=ports(8, properties={"io-reserve": 8192})),
        Case(q35(controllers=ports(7, properties={"io-reserve": 8192}))),
    ),
    ("max-controllers", "created ones"): Trio(
        Case(q35(*devices(3, "nvme", hotplug="required"), policy=policy(max_controllers=3))),
        q35(*devices(3, "nvme", hotplug="required"), policy=policy(max_controllers=2)),
        Case(q35(*devices(3, "nvme", hotplug="required", group="g"), policy=policy(max_controllers=1))),
    ),
    ("max-controllers", "demanded ones count"): Trio(
        Case(q35(controllers=ports(2), policy=policy(max_controllers=2))),
        q35(controllers=ports(2), policy=policy(max_controllers=1)),
        Case(q35(*devices(2, "nvme"), controllers=ports(2), policy=policy(max_controllers=2))),
    ),
    ("max-depth", "behind bridges"): Trio(
        Case(q35(device("a", "rtl8139", hotplug="required"), policy=policy(max_depth=2))),
        q35(device("a", "rtl8139", hotplug="required"), policy=policy(max_depth=1)),
        Case(q35(device("a", "virtio-net", virtio="transitional", hotplug="required"), policy=policy(max_depth=1))),
    ),
    ("max-depth", "expanders count one"): Trio(
        Case(q35(device("a", "nvme", numa=0), numa_nodes=1, policy=policy(max_depth=2))),
        q35(device("a", "nvme", numa=0), numa_nodes=1, policy=policy(max_depth=1)),
        Case(pc(device("a", "nvme", numa=0), numa_nodes=1, policy=policy(max_depth=1))),
    ),
    ("max-depth", "pinned"): Trio(
        Case(q35(device("a", "nvme", address="p0:00"), controllers=ports(1), policy=policy(max_depth=1))),
        q35(device("a", "nvme", address="p0:00"), controllers=ports(1), policy=policy(max_depth=0)),
        # spare slots have no depth
        Case(q35(spare={"pcie": 1}, policy=policy(max_depth=0))),
    ),
}


@pytest.mark.parametrize("key", TRIOS, ids=", ".join)
def test_rule(key: tuple[str, str]) -> None:
    check_trio(key[0], TRIOS[key])


def test_io_is_packed_bus_by_bus() -> None:
    """48 interfaces of 256 bytes fill three pages of 16; two bridges (31 slots each) would need 2 + 2 pages.

    Below one port: a pcie-pci-bridge with 16 of them (depth 2), two pci-bridges in one of its slots with 16 each (3).
    """
    layout = planned(q35(*devices(48, "rtl8139")))
    assert costs(layout) == {"io_windows": 3 * 4096, "controllers": 4, "depth": 16 * 2 + 32 * 3}
    assert models(layout) == ["pci-bridge", "pci-bridge", "pcie-pci-bridge", "pcie-root-port"]


def test_io_of_one_bus_is_summed_before_it_is_rounded() -> None:
    """5 * 1024 + 5 * 2048 = 15360 bytes on one bus: 4 pages, though two of 2048 or four of 1024 make one."""
    sizes = [1024 if number % 2 else 2048 for number in range(10)]
    things = [host(f"h{number}", "conventional", size, hotplug="required") for number, size in enumerate(sizes)]
    assert costs(planned(q35(*things))) == {"io_windows": 4 * 4096, "controllers": 2, "depth": 20}


def test_bars_on_the_root_bus_share_its_pages() -> None:
    """15 cold devices of 256 bytes fit one page of the root's own IO: no window at all."""
    assert costs(planned(q35(*devices(15, "rtl8139", hotplug="never")))) == {}


def test_bridges_with_io_nest_without_being_counted_twice() -> None:
    layout = planned(pc(*devices(2, "rtl8139", hotplug="required"), reserve=only("02", machine="pc")))
    assert costs(layout) == {"io_windows": 4096, "controllers": 1, "depth": 2}
    assert [window.size for window in layout.io_windows] == [4096]


@pytest.mark.parametrize("count", [240, 241, 246])
def test_more_ports_than_the_root_bus_has_functions(count: int) -> None:
    """30 slots of 8 functions hold 240 ports; the rest hang on switches, which weigh 1 each and take ports themselves.

    n devices, p ports on the root of which s carry a switch: n = p - s + downstream ports. One switch suffices:
    239 + (n - 239) on its downstream ports.
    """
    layout = planned(q35(*devices(count, "nvme", hotplug="required")))
    assert len(layout.controllers) == (count if count <= 240 else count + 2)
    assert costs(layout).get("preferences", 0) == (count > 240)


def test_the_last_bus_number() -> None:
    """1 root bus, 240 ports, 1 upstream and 14 downstream ports: 256. One port has the switch: 239 + 14 devices."""
    assert len(planned(q35(*devices(253, "nvme", hotplug="required"))).controllers) == 255
    refused(q35(*devices(254, "nvme", hotplug="required")))


def test_more_bridges_in_one_slot() -> None:
    """One slot of pci.0: two bridges in it hold 62."""
    layout = planned(
        pc(*devices(62, "virtio-rng", virtio="modern", hotplug="required"), reserve=only("02", machine="pc"))
    )
    assert costs(layout) == {"controllers": 2, "depth": 62}
    assert sorted((c.slot, c.function) for c in layout.controllers) == [(2, 0), (2, 1)]


def test_bridges_and_switches_on_downstream_ports() -> None:
    """One function of the root bus: a port with a switch, whose downstream ports hold all else."""
    things = [*devices(2, "nvme", hotplug="required"), device("r", "rtl8139", hotplug="required")]
    layout = planned(q35(*things, reserve=only("01.0")))
    # port, upstream port, three downstream ports, bridge; depth 3 + 3 + 4
    assert costs(layout) == {"preferences": 1, "io_windows": 4096, "controllers": 6, "depth": 10}
    assert above(layout, "r") == ["pcie-pci-bridge", "xio3130-downstream", "x3130-upstream", "pcie-root-port"]


def test_switches_below_switches() -> None:
    """A switch bus cut down to one slot and function by reserve makes the next switch sit below its port."""
    upper = [device("rp", "pcie-root-port", address="pcie.0:01.0"), device("sw", "x3130-upstream", address="rp:00.0")]
    reserve = [*only("01.0"), *(f"sw:{slot:02x}" for slot in range(1, 32)), *(f"sw:00.{f}" for f in range(1, 8))]
    layout = planned(q35(*devices(2, "nvme", hotplug="required"), controllers=upper, reserve=reserve))
    assert costs(layout) == {"preferences": 1, "controllers": 1 + 1 + 1 + 1 + 2, "depth": 2 * 5}


def test_max_controllers_zero_is_a_limit_and_not_none() -> None:
    refused(q35(spare={"pcie": 1}, policy=ALONE))
