"""Where the solver keeps each rule: the way from a code of `qslot.schema.rules` to the functions that encode it.

A rule can be kept in three ways. Rows of the model say it (`model/`); or no variable exists for what it forbids, as
that is no bus class, no kind of slot or no option to seat an item (`aggregate/`, `model/seat_options.py`); or what it
speaks of is written only after solving (`decode/`). docs/rules.md is made from these tables, and
tests/test_rules_page.py holds them against the code: every rule is in one of them, every function exists, and one whose
docstring or `PinConflict` names a rule is listed under it.
"""

from typing import Final

ENCODED: Final[dict[str, tuple[str, ...]]] = {
    "complete": (
        "aggregate/items.py: items_of",
        "aggregate/items.py: wished_nodes",
        "aggregate/bus_class_builder.py: BusClassBuilder._created_expanders",
        "aggregate/bus_class_builder.py: BusClassBuilder._expand",
        "model/slots.py: every_item_seated",
        "model/slots.py: every_controller_attached",
    ),
    "tree": (
        "aggregate/bus_class_builder.py: BusClassBuilder._allow_parent",
        "model/slots.py: every_controller_attached",
        "decode/layout_tree.py: LayoutTree.walk",
        "decode/layout_tree.py: LayoutTree._name",
    ),
    "machine-model": (
        "aggregate/bus_class_builder.py: BusClassBuilder._created_expanders",
        "aggregate/bus_class_builder.py: BusClassBuilder._expand",
    ),
    "as-requested": (
        "decode/assemble.py: _layout",
        "decode/assemble.py: _Parts._properties",
        "decode/assemble.py: spell",
    ),
    "address-range": (
        "aggregate/listed_controllers.py: ListedControllers._bus",
        "aggregate/bus_class_builder.py: BusClassBuilder._create",
        "aggregate/pins.py: slot_kinds",
    ),
    "address-unique": (
        "aggregate/pins.py: Occupancy._sit",
        "aggregate/pins.py: slot_kinds",
        "model/slots.py: slots_suffice",
    ),
    "chipset": (
        "aggregate/pins.py: Occupancy.__post_init__",
        "aggregate/pins.py: slot_kinds",
        "aggregate/pins.py: _join",
        "model/seat_options.py: _may_share",
    ),
    "reserve": (
        "aggregate/pins.py: Occupancy.reserved",
        "aggregate/pins.py: Occupancy._sit",
        "aggregate/pins.py: slot_kinds",
    ),
    "pin": (
        "aggregate/items.py: _resolved_pins",
        "aggregate/pins.py: Occupancy.__post_init__",
        "aggregate/listed_controllers.py: ListedControllers.pinned_below",
        "model/slots.py: _pinned_functions",
        "model/slots.py: _shared",
    ),
    "function-zero": (
        "aggregate/pins.py: slot_kinds",
        "aggregate/listed_controllers.py: ListedControllers.movable_expanders",
        "model/variables.py: Pattern.least_lone",
        "model/seat_options.py: _may_be_alone",
        "model/slots.py: _hanging_seated",
        "model/slots.py: _pinned_functions",
        "model/slots.py: _function_zero",
    ),
    "multifunction": ("decode/layout_tree.py: LayoutTree.shared",),
    "slot-sharing": (
        "aggregate/pins.py: _join",
        "model/variables.py: packs_into_shared_slots",
        "model/seat_options.py: _may_share",
        "model/slots.py: slots_suffice",
        "model/slots.py: _shared",
    ),
    "group": (
        "aggregate/items.py: items_of",
        "aggregate/items.py: _functions",
        "model/variables.py: _patterns",
        "model/slots.py: _shared",
    ),
    "connect": (
        "aggregate/item_kinds.py: ItemKinds._allowed",
        "aggregate/bus_class_builder.py: BusClassBuilder.build",
        "aggregate/bus_class_builder.py: BusClassBuilder._expand",
        "aggregate/pins.py: _must",
        "model/seat_options.py: may_sit",
    ),
    "virtio-slot": (
        "aggregate/item_kinds.py: _deciding",
        "aggregate/item_kinds.py: ItemKinds._allowed",
        "aggregate/pins.py: _must",
        "model/seat_options.py: _home_options",
    ),
    "integrated": ("aggregate/item_kinds.py: ItemKinds._allowed",),
    "viommu-host-device": (
        "aggregate/item_kinds.py: ItemKinds._isolated",
        "aggregate/item_kinds.py: ItemKinds._allowed",
        "aggregate/pins.py: _must",
        "model/seat_options.py: _home_options",
    ),
    "hotplug": (
        "aggregate/bus_classes.py: takes_hotplug",
        "aggregate/bus_classes.py: BusClass.child_level",
        "aggregate/pins.py: slot_kinds",
        "aggregate/pins.py: pinned_base",
        "aggregate/pins.py: _must",
        "aggregate/pins.py: Occupancy._may_hold",
        "aggregate/pins.py: _join",
        "model/seat_options.py: _on_slot",
        "model/seat_options.py: _may_share",
        "model/seat_options.py: _home_options",
        "model/slots.py: _at_home",
    ),
    "numa": (
        "aggregate/listed_controllers.py: ListedControllers._level",
        "aggregate/bus_class_builder.py: BusClassBuilder._created_expanders",
        "aggregate/bus_class_builder.py: BusClassBuilder._add_floating_one",
        "aggregate/pins.py: _must",
        "model/seat_options.py: may_sit",
        "model/seat_options.py: _home_options",
    ),
    "near": ("aggregate/items.py: _clusters", "model/bus_tree.py: near"),
    "near-switch": (
        "aggregate/items.py: _clusters",
        "aggregate/listed_controllers.py: ListedControllers.tracks",
        "aggregate/listed_controllers.py: ListedControllers.below",
        "model/seat_options.py: may_sit",
        "model/bus_tree.py: near",
        "model/bus_tree.py: _same_ancestor",
    ),
    "spare": (
        "aggregate/item_kinds.py: ItemKinds.of_spare",
        "aggregate/bus_classes.py: KeptRoom.holds",
        "aggregate/controller_reserves.py: room_of",
        "model/seat_options.py: may_sit",
        "model/spare_slots.py: spares_have_room",
        "model/io_windows.py: _pages_for_bars",
        "model/io_windows.py: _for_spares",
        "decode/firmware_reserves.py: FirmwareReserves.of",
    ),
    "preset": (
        "aggregate/item_kinds.py: ItemKinds._as_libvirt",
        "aggregate/bridge_nesting.py: turns_shpc_off",
        "model/seat_options.py: _may_be_alone",
        "model/seat_options.py: _may_share",
    ),
    "bus-numbers": (
        "aggregate/bus_number_ranges.py: numbers_left",
        "aggregate/bus_class_builder.py: BusClassBuilder._add_created",
        "aggregate/bus_class_builder.py: BusClassBuilder._add_floating_one",
        "model/bus_tree.py: bus_numbers",
        "model/bus_tree.py: _ranges",
        "model/build.py: _capacities",
        "decode/numbering.py: Numbering._bus_numbers",
    ),
    "io-space": (
        "model/io_windows.py: io_windows",
        "model/io_space.py: io_space",
        "model/io_blocks.py: io_blocks",
        "model/build.py: _capacities",
        "search/optimize.py: _lay_out_with_retries",
    ),
    "memory-space": (
        "aggregate/item_kinds.py: ItemKinds._memory",
        "model/memory.py: memory_space",
        "model/prefetchable.py: Held",
        "model/spare_memory.py: SpareMemory",
        "model/build.py: _capacities",
        "decode/firmware_reserves.py: FirmwareReserves.change",
        "search/optimize.py: _lay_out_with_retries",
    ),
    "max-controllers": ("model/bus_tree.py: max_controllers",),
    "max-depth": (
        "aggregate/pins.py: _must",
        "model/seat_options.py: may_sit",
        "model/seat_options.py: _home_options",
    ),
    "controller-properties": ("decode/assemble.py: _Parts._properties",),
    "chassis": ("decode/numbering.py: Numbering._unique", "decode/numbering.py: Numbering._slot_numbers"),
    "chassis-nr": (
        "aggregate/floating_controllers.py: floating_controllers",
        "decode/numbering.py: Numbering._unique",
        "decode/numbering.py: Numbering._bus_numbers",
    ),
    "shpc": (
        "aggregate/bridge_nesting.py: turns_shpc_off",
        "aggregate/bus_class_builder.py: BusClassBuilder._create",
        "model/io_windows.py: _for_spares",
        "decode/layout_tree.py: LayoutTree.keeps_shpc",
    ),
    "reserves": (
        "aggregate/controller_reserves.py: reserves_of",
        "aggregate/listed_controllers.py: ListedControllers._bus",
        "aggregate/bus_number_ranges.py: numbers_left",
        "model/io_windows.py: _forward_no_io",
        "model/bus_tree.py: BusNumbers.own",
        "decode/firmware_reserves.py: FirmwareReserves.of",
    ),
    "objective": ("search/optimize.py: with_costs",),
    "hash": ("decode/assemble.py: _layout",),
    "prediction": ("search/optimize.py: with_costs",),
}
"""By code, `file: function` below solver/."""

NOT_ENCODED: Final[dict[str, str]] = {
    "single-balloon": "how many there are is the request's to say: schema/request/validate.py refuses a second one",
    "single-model": "how many there are is the request's to say: schema/request/validate.py refuses a second one",
    "os-machine": "the machine type is chosen before there is a model: schema/environment/candidates.py",
    "os-driver": "modes are chosen before there is a model: schema/environment/virtio_modes.py",
    "machine-needs": "the machine type is chosen before there is a model: schema/environment/candidates.py",
    "host-machine": "the machine type is chosen before there is a model: schema/environment/candidates.py",
    "host-model": "modes, and what tells them, are chosen before there is a model: schema/environment/virtio_modes.py",
    "wasteful-pin": "a pin is obeyed whatever it costs; the warning says so of the finished layout",
    "shpc-driver": "a guest without that driver is a guest all the same; the warning says so of the finished layout",
    "firmware-version": "it is a statement about the predictions, not about the layout",
}
"""Rules that no layout of the solver's can break, or that only warn: by code, why."""
