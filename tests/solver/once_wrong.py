"""Guests that once had a wrong answer, and more than one test looks at."""

from typing import Final

from .ask import Data, device, host, plain_card


def card(name: str, kind: str, size: str) -> Data:
    """A conventional one with prefetchable memory."""
    bars = [{"bar": 0, "kind": kind, "size": size, "prefetchable": True}]
    return {**host(name, "conventional", hotplug="required"), "bars": bars}


JOINED: Final[Data] = {
    "machine": "q35",
    "controllers": [device("port0", "pcie-root-port")],
    "devices": [
        device("joins", "virtio-scsi", address=".1"),
        device("stays", "virtio-scsi", address="port0:00.0"),
    ],
}
TWO_PORTS: Final[Data] = {
    "machine": "q35",
    "policy": {"max_controllers": 2},
    "controllers": [
        device("shut", "pcie-root-port", address="pcie.0:05.0", properties={"io-reserve": 0}),
        device("open", "pcie-root-port", address="pcie.0:05.1"),
    ],
    "devices": [device("nic", "e1000e", hotplug="required")],
}
BEHIND_IOH3420: Final[Data] = {
    "machine": "q35",
    "firmware": "ovmf:2022.11",
    "controllers": [
        device("port0", "ioh3420", address="pcie.0:02.0"),
        device("bridge", "pcie-pci-bridge", address="port0:00.0"),
    ],
    "spare": [{"kind": "pci", "io": 8}],
}
INSIDE_A_FLOATING_BRIDGE: Final[Data] = {
    "machine": "pc",
    "numa_nodes": 2,
    "controllers": [device("bridge", "pci-bridge")],
    "devices": [device("nic", "rtl8139", numa=1, address="bridge:04.0")],
}
WIDE: Final[Data] = {"machine": "q35", "firmware": "ovmf", "phys_bits": 45}
LARGE_CARD: Final[Data] = {
    **WIDE,
    "devices": [{**host("gpu"), "bars": [{"bar": 0, "kind": "mem64", "size": "1GiB", "prefetchable": True}]}],
}
NEEDS_A_KEEPER: Final[Data] = {
    "machine": "q35",
    "controllers": [device("port0", "ioh3420")],
    "spare": [{"kind": "pci", "io": 32, "memory": "5MiB"}],
}
TOO_LARGE_A_RESERVE: Final[Data] = {
    "machine": "q35",
    "controllers": [device("port0", "pcie-root-port", properties={"mem-reserve": "1G"})],
}
ALIGNED: Final[Data] = {
    "machine": "pc",
    "firmware": "ovmf:2022.11",
    "numa_nodes": 1,
    "devices": [device("nic", "rtl8139", numa=0)],
    "spare": [{"kind": "pci", "count": 2, "io": 4096, "numa": 0}],
}
FIRST_BLOCK: Final[Data] = {
    "machine": "pc",
    "firmware": "ovmf",
    "controllers": [
        device("x", "pxb"),
        device("bridge", "pci-bridge", address="x:02.0", properties={"mem-reserve": "1G"}),
    ],
}
"""There is one aligned GiB, and the main root comes first."""
PORT_IN_THE_FIRST_BLOCK: Final[Data] = {
    "machine": "q35",
    "firmware": "ovmf",
    "memory": "3GiB",
    "chipset": {"sata": False, "smbus": False},
    "numa_nodes": 2,
    "controllers": [device("bridge", "pci-bridge", numa=1, properties={"mem-reserve": "1G"})],
    "devices": [device("nic", "ne2k_pci")],
}
BELOW_A_LARGE_RESERVE: Final[Data] = {
    "machine": "q35",
    "firmware": "seabios:1.16.3",
    "memory": "2GiB",
    "controllers": [
        device("rp", "pcie-root-port", address="pcie.0:01.0", properties={"pref64-reserve": "1G"}),
        device("down", "xio3130-downstream"),
        device("bridge", "pci-bridge"),
    ],
    "devices": [{**card("card", "mem32", "4KiB"), "connect": "hybrid", "hotplug": "preferred"}],
    "reserve": [
        *(f"pcie.0:{slot:02x}" for slot in range(2, 31)),
        *(f"pcie.0:01.{function}" for function in range(1, 8)),
        *(f"bridge:{slot:02x}" for slot in range(1, 32)),
    ],
}
INSIDE_A_RESERVE_OF_THE_OTHER: Final[Data] = {
    "machine": "pc",
    "controllers": [
        device("b", "pci-bridge"),
        device("bridge", "pci-bridge", address="b:01.0", properties={"mem-reserve": "1G"}),
    ],
    "devices": [card("card", "mem32", "1GiB")],
}
BLOCKS_OF_TWO_LISTS: Final[Data] = {
    "machine": "pc",
    "memory": "8GiB",
    "controllers": [
        device("kept", "pci-bridge", properties={"mem-reserve": "256M"}),
        *(device(f"bridge{number}", "pci-bridge") for number in range(3)),
    ],
    "devices": [
        {
            **device("root", "acme", connect="integrated"),
            "bars": [{"bar": 0, "kind": "mem32", "size": "256MiB"}, {"bar": 2, "kind": "mem32", "size": 4096}],
        },
        {
            **device("narrow", "acme", connect="conventional", hotplug="required"),
            "bars": [{"bar": 0, "kind": "mem32", "size": "256MiB", "prefetchable": True}],
        },
        *(device(f"d{number}", "acme", connect="conventional", hotplug="required", bars=[]) for number in range(2)),
    ],
}
"""There are three blocks, and 236 MiB above them: what is prefetchable has these and one, the other takes three."""
ALL_THAT_IS_ABOVE: Final[Data] = {
    "machine": "q35",
    "firmware": "seabios:1.17.0",
    "memory": "3500MiB",
    "phys_bits": 41,
    "cpu": "EPYC",
    "controllers": [device("b0", "pci-bridge"), device("b1", "pci-bridge"), device("b2", "pcie-pci-bridge")],
    "devices": [
        {**card("large", "mem64", "1TiB"), "connect": "integrated", "hotplug": "never"},
        {
            **device("narrow", "acme", connect="conventional", hotplug="required"),
            "bars": [{"bar": 0, "kind": "mem32", "size": "16MiB", "prefetchable": True}],
        },
        *(device(f"d{number}", "acme", connect="conventional", hotplug="required", bars=[]) for number in range(2)),
    ],
}
"""Only what a 32-bit BAR keeps below 4 GiB can be there beside the large one."""
BESIDE_AN_EMPTY_ROOT: Final[Data] = {
    "machine": "q35",
    "controllers": [device("bridge", "pcie-pci-bridge"), device("x", "pxb-pcie")],
    "devices": [{**card("narrow", "mem32", "1MiB"), "address": "bridge:01.0"}, card("wide", "mem64", "32GiB")],
}
"""Where the bridge could be, but is not, nothing has memory below 4 GiB."""
BEHIND_A_PORT: Final[Data] = {
    "machine": "q35",
    "controllers": [
        device("port0", "pcie-root-port"),
        device("bridge", "pci-bridge", address="port0:00", properties={"pref64-reserve": "1G"}),
    ],
    "devices": [device("nic", "virtio-net", hotplug="never")],
}
"""The port's own window is not inside the bridge, and what the bridge reserves is no larger for it."""
PADDED: Final[Data] = {
    "machine": "q35",
    "firmware": "ovmf:2022.11",
    "controllers": [device("bridge", "pcie-pci-bridge")],
    "spare": [{"kind": "pcie", "count": 9, "io": 4096}],
}


def reserving(name: str, place: str, reserve: str) -> Data:
    return device(name, "pcie-root-port", address=place, properties={"io-reserve": reserve})


ALIGNED_BESIDE_AN_EXPANDER = {
    "machine": "pc-q35-6.0",
    "firmware": "ovmf:2022.11",
    "controllers": [
        reserving("large", "pcie.0:10.0", "16K"),
        reserving("half", "pcie.0:11.0", "8K"),
        reserving("page", "pcie.0:12.0", "4K"),
        device("x", "pxb-pcie", address="pcie.0:01.0"),
        reserving("one", "x:00.0", "4K"),
        reserving("two", "x:01.0", "4K"),
    ],
    "devices": [],
}
PADDED_BESIDE_AN_EXPANDER = {
    **ALIGNED_BESIDE_AN_EXPANDER,
    "controllers": [
        *ALIGNED_BESIDE_AN_EXPANDER["controllers"][:4],
        device("port0", "pcie-root-port", address="pcie.0:13.0"),
        device("bridge", "pcie-pci-bridge", address="port0:00.0"),
    ],
}


GAP_IN_A_SWITCH: Final[Data] = {
    "machine": "q35",
    "memory": "8GiB",
    "firmware": "ovmf:2022.11",
    "controllers": [
        device("above", "pcie-root-port", address="pcie.0:08.0"),
        device("up", "x3130-upstream", address="above:00.0"),
        *(device(f"down{n}", "xio3130-downstream", address=f"up:{n:02x}.0") for n in range(2)),
    ],
    "devices": [
        *(plain_card("large", 256, 64, address="down0:00.0"), plain_card("small", 64, address="down1:00.0")),
        *(plain_card("large1", 256, 64), plain_card("small1", 64)),
    ],
}
"""In 960 MiB: what is smaller lies in what the larger window leaves of its block, which no ports of root buses do."""
