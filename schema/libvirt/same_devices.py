"""Which devices of two domains are the same ones: by alias, by what they are to the guest or the host, or in order."""

from collections import Counter
from collections.abc import Callable, Hashable, Iterable, Iterator
from typing import Final

from .addresses import host_address
from .domain import Domain, DomainDevice, read_domain
from .splice import Element

Key = Callable[[DomainDevice], Hashable]

OWN_ALIAS: Final = "ua-"
"""How aliases begin that users give; libvirt's own are numbered in the order of the document, anew at each start."""


def same_devices(before: bytes, after: bytes) -> dict[str, str]:
    """Ids of devices of the domain before, and what each is called in the domain after.

    A user's alias is the surest sign; then what a device is by itself: MAC, target of a disk or file system, address on
    the host, index of a controller; then libvirt's alias. What says nothing of that kind is told apart by its order,
    and only where both domains have as many of the model. Raises SourceError.
    """
    first, second = read_domain(before), read_domain(after)
    found: dict[str, str] = {}
    for key in (_own_alias, _nature, _alias):
        old, new = _by_key(first, found.keys(), key), _by_key(second, found.values(), key)
        same = ((old[value], new[value]) for value in old.keys() & new.keys())
        found |= {one.id: other.id for one, other in same if key is _own_alias or _may_be_same(one, other)}
    return found | {one.id: other.id for one, other in _in_order(first, second, found) if _may_be_same(one, other)}


def numbered_devices(data: bytes) -> set[str]:
    """Ids that say nothing but that a device is the n-th of its kind. Raises SourceError."""
    return {
        one.id
        for one in read_domain(data).parts
        if one.source.first("alias") is None and one.source.tag not in ("controller", "disk")
    }


def _by_key(domain: Domain, known: Iterable[str], key: Key) -> dict[Hashable, DomainDevice]:
    """Devices that are not known yet; what several have says of none which it is."""
    gone = set(known)
    keyed = [(value, part) for part in domain.parts if part.id not in gone and (value := key(part)) is not None]
    counts = Counter(value for value, _ in keyed)
    return {value: part for value, part in keyed if counts[value] == 1}


def _may_be_same(one: DomainDevice, other: DomainDevice) -> bool:
    """Not where both say what they are, and that differs."""
    natures = {_nature(one), _nature(other)}
    return None in natures or len(natures) == 1


def _alias(part: DomainDevice) -> Hashable:
    return (part.source.tag, part.source.value("alias", name="name")) if part.source.first("alias") else None


def _own_alias(part: DomainDevice) -> Hashable:
    return _alias(part) if part.source.value("alias", name="name").startswith(OWN_ALIAS) else None


NATURES: Final[dict[str, tuple[str, str]]] = {
    "interface": ("mac", "address"),
    "disk": ("target", "dev"),
    "filesystem": ("target", "dir"),
    "vsock": ("cid", "address"),
}
"""The child element and its attribute that no other device of the domain has alike, by the device's element."""


def _nature(part: DomainDevice) -> Hashable:
    shown = part.source
    if shown.tag == "controller":
        return shown.tag, shown.get("type"), shown.get("model"), shown.get("index")
    if shown.tag == "shmem":
        return shown.tag, shown.get("name")
    child, attribute = NATURES.get(shown.tag, ("", ""))
    stated = shown.value(child, name=attribute).lower() if child else ""
    return (shown.tag, stated) if stated else _on_host(shown)


def _on_host(shown: Element) -> Hashable:
    """A device of the host by its address there, a mediated one by its UUID."""
    mediated = shown.value("source", "address", name="uuid")
    return mediated.lower() or host_address(shown)


def _in_order(first: Domain, second: Domain, found: dict[str, str]) -> Iterator[tuple[DomainDevice, DomainDevice]]:
    """The n-th of a model is the n-th, where both have as many and nothing else tells."""
    before, after = (Counter(map(_sort, one.parts)) for one in (first, second))
    renamed = set(found.values())
    for sort in before.keys() & after.keys():
        if before[sort] == after[sort]:
            old = [one for one in first.parts if one.id not in found and _sort(one) == sort]
            new = [one for one in second.parts if one.id not in renamed and _sort(one) == sort]
            yield from zip(old, new, strict=False)


def _sort(part: DomainDevice) -> tuple[str, str]:
    return part.source.tag, part.kind.model
