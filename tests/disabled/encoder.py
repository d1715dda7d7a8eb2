"""By rule, edits of the encoder that make it forget the rule."""

from typing import Final

from .edited import Edit

_CAPACITIES: Final = "solver/model/build.py: _capacities"
_PINS: Final = "solver/aggregate/pins.py"
_OPTIONS: Final = "solver/model/seat_options.py"
_OCCUPANCY: Final = f"{_PINS}: Occupancy"


def _unlimited(rule: str) -> Edit:
    return Edit(
        _CAPACITIES,
        "if formulation.keeps(capacity.rule):",
        f'if formulation.keeps(capacity.rule) and capacity.rule != "{rule}":',
    )


FORGOTTEN: Final[dict[str, tuple[Edit, ...]]] = {
    "complete": (Edit("solver/model/slots.py: every_item_seated", "v.items.open.least.get(kind, len(items))", "0"),),
    "tree": (
        Edit("solver/decode/layout_tree.py: LayoutTree._name", 'while f"{prefix}{last[prefix]}" in taken:', "while 0:"),
        Edit("solver/decode/layout_tree.py: LayoutTree.walk", "return [bus, *(", "return [*("),
        Edit(
            "solver/decode/layout_tree.py: LayoutTree.walk",
            "for one in self.walk(child))]",
            "for one in self.walk(child)), bus]",
        ),
    ),
    "machine-model": (
        Edit(
            "solver/aggregate/bus_class_builder.py: BusClassBuilder._created_expanders",
            'family == "q35"',
            'family == "pc"',
        ),
    ),
    "as-requested": (
        Edit(
            "solver/decode/assemble.py: spell",
            "mode is not VirtioMode.MODERN, mode is not VirtioMode.LEGACY",
            "True, True",
        ),
        Edit(
            "solver/decode/assemble.py: spell",
            'mode in model.virtio.suffixed and resolved.device.virtio_by == "type"',
            "False",
        ),
    ),
    "address-range": (
        Edit(f"{_PINS}: slot_kinds", "{*range(first, last + 1)", "{*range(last + 1)"),
        Edit(f"{_PINS}: slot_kinds", "free & 1 and first <= slot <= last", "free & 1"),
        Edit("solver/aggregate/created_controllers.py: CreatedControllers._slots", "range(bus.first_slot, ", "range("),
    ),
    "address-unique": (
        Edit(
            "solver/model/slots.py: slots_suffice",
            "v.linear.add_le(used, v.controller_count(bus) * slot.count)",
            "pass",
        ),
    ),
    "chipset": (Edit(f"{_OCCUPANCY}.__post_init__", "in platform.taken.items()", "in ()"),),
    "reserve": (Edit(f"{_OCCUPANCY}.reserved", "in self.guest.reserve", "in ()"),),
    "pin": (Edit("solver/aggregate/items.py: _resolved_pins", "{**pins_of(guest), **companions}", "dict(companions)"),),
    "function-zero": (
        Edit("solver/model/slots.py: _function_zero", "slot.join is SharedBy.EMPTY or slot.has_zero", "True"),
        Edit(f"{_PINS}: _occupied", "if not zero and (", "if False and ("),
    ),
    "multifunction": (
        Edit("solver/decode/layout_tree.py: LayoutTree.shared", "return foreign | {", "return foreign or {"),
        Edit("solver/decode/layout_tree.py: LayoutTree.shared", "if function}", "if function > 7}"),
    ),
    "slot-sharing": (Edit("solver/model/slots.py: slots_suffice", "[*single, *shared, packed,", "[*single, *shared,"),),
    "group": (Edit("solver/aggregate/items.py: _functions", "in range(ROUTING_IDS)", "in reversed(range(FUNCTIONS))"),),
    "virtual-functions": (
        Edit(
            "solver/aggregate/virtual_places.py: VirtualPlaces.allowed",
            "not self.created and not self.listed",
            "True",
        ),
        Edit(f"{_OCCUPANCY}._close_virtual", "if virtual else ()", "if False else ()"),
        Edit("solver/model/slots.py: _virtual_functions", "closed = v.closed_slots(bus)", "closed = {}"),
    ),
    "sriov-pf": (
        Edit("solver/aggregate/virtual_places.py: VirtualPlaces.allowed", "if self.listed or conventional", "if False"),
    ),
    "connect": (
        Edit(
            "solver/aggregate/item_kinds.py: ItemKinds._allowed",
            "allowed = ALLOWED[resolved.connector]",
            "allowed = ANYWHERE",
        ),
    ),
    "virtio-slot": (Edit("solver/aggregate/item_kinds.py: _deciding", "if mode is None:", "if True:"),),
    "integrated": (
        Edit(
            "solver/aggregate/item_kinds.py: ItemKinds._allowed",
            "allowed = ALLOWED[resolved.connector]",
            "allowed = ANYWHERE if resolved.connector is Connector.INTEGRATED else ALLOWED[resolved.connector]",
        ),
    ),
    "companion": (
        Edit("solver/aggregate/items.py: companions_of", "return {} if first is None else", "return {} if True else"),
    ),
    "single-balloon": (Edit("schema/request/validate.py: _groups", "if len(balloons) > 1:", "if False:"),),
    "single-model": (Edit("schema/request/validate.py: _groups", "if len(same) > 1:", "if False:"),),
    "iommu-group": (
        Edit(f"{_PINS}: has_address_space", "return where.space is not None", "return True"),
        Edit(
            "solver/model/address_spaces.py: AddressSpaces._sits",
            "[space] * most if space is not None else 0",
            "[space] * most if space is not None else most",
        ),
    ),
    "hotplug": (
        Edit("solver/aggregate/bus_classes.py: takes_hotplug", "model = CONTROLLERS[controller]", "return True"),
    ),
    "eject": (
        Edit(
            "solver/decode/layout_tree.py: LayoutTree.protected",
            'if self.guest.policy.eject != "protect":',
            "if True:",
        ),
    ),
    "numa": (
        Edit(f"{_OPTIONS}: may_sit", "kind.numa != bus.level.node", "False"),
        Edit(f"{_OPTIONS}: _home_options", "kind.numa != bus.level.node", "False"),
    ),
    "near": (Edit("solver/model/bus_tree.py: near", '_same_ancestor(v, "near",', '(v, "near",'),),
    "near-switch": (Edit("solver/model/bus_tree.py: near", '_same_ancestor(v, "near_switch",', '(v, "near_switch",'),),
    "order": (Edit("solver/ordering/ordered.py: ordered", "if known_layout(best) is None:", "if True:"),),
    "spare": (Edit(f"{_OPTIONS}: may_sit", "kind.spare is not None and not", "False and not"),),
    "preset": (
        Edit("solver/aggregate/item_kinds.py: ItemKinds._allowed", 'self.guest.policy.preset == "libvirt"', "False"),
    ),
    "kept-controllers": (
        Edit(
            "solver/replanning/replan.py: replanned",
            "    standing = standing_of(",
            "    return plan(guest, limits)\n    standing = standing_of(",
        ),
    ),
    "frozen": (
        Edit(
            "solver/replanning/replan.py: Replanning.run",
            "frozen, moving = self.guest.policy.frozen,",
            "frozen, moving = False,",
        ),
    ),
    "bus-numbers": (_unlimited("bus-numbers"),),
    "io-space": (_unlimited("io-space"),),
    "memory-space": (_unlimited("memory-space"),),
    "max-controllers": (
        Edit("solver/model/bus_tree.py: max_controllers", "v.guest.policy.max_controllers is not None", "False"),
    ),
    "max-depth": (Edit(f"{_OPTIONS}: may_sit", "bus.level.depth <= limit", "True"),),
    "controller-properties": (
        Edit(
            "solver/decode/assemble.py: _Parts._properties",
            "return result | given",
            'return result | given | {"nonsense": 1}',
        ),
    ),
    "chassis": (Edit("solver/decode/numbering.py: Numbering._unique", "else next(free)", "else 1"),),
    "chassis-nr": (
        Edit(
            "solver/aggregate/floating_controllers.py: floating_controllers",
            "if other is not None and controller not in optional:",
            "if False:",
        ),
    ),
    "shpc": (
        Edit(
            "solver/aggregate/bridge_nesting.py: turns_shpc_off",
            "guest.machine_model.acpi_bridge_hotplug and",
            "",
        ),
    ),
    "reserves": (
        Edit("solver/model/io_windows.py: io_windows", "if bus.forwards_no_io:", "if False:"),
        Edit(
            "solver/aggregate/listed_controllers.py: ListedControllers._bus",
            "if base.io and reserves.forwards_no_io:",
            "if False:",
        ),
    ),
    "objective": (Edit("solver/search/optimize.py: with_costs", '"objective": terms', '"objective": terms[:-1]'),),
    "hash": (Edit("solver/decode/assemble.py: _layout", "guest.sha256", '"0" * 64'),),
    "prediction": (
        Edit(
            "solver/search/optimize.py: with_costs",
            "known.prediction.guest_addresses",
            'dict.fromkeys(known.prediction.guest_addresses, "ff:1f.7")',
        ),
    ),
}
