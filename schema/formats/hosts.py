"""A host for which is planned, by versions or by a file of libvirt's."""

import re
from typing import TYPE_CHECKING, Final

from ..errors import InputError, Problem, expect
from .sources import called, text_of

if TYPE_CHECKING:
    from ..environment.host import Host

_VERSIONS: Final = re.compile(r"(?:^|,)((?:qemu|libvirt)=.*)$", re.DOTALL)


def read_host(source: str) -> "Host":
    """A host by versions (`qemu=6.2,libvirt=8.0`), by a file of libvirt's capabilities or domain capabilities, or both
    (`caps.xml,libvirt=8.0`). Raises InputError, whose field is `host`."""
    from ..environment.host import host_of_versions

    expect("source", source, str, "versions or a file's name as text, as in 'qemu=6.2,libvirt=8.0'")
    versions = _VERSIONS.search(source)
    file = source if versions is None else source[: versions.start()]
    try:
        stated = None if versions is None else host_of_versions(versions[1])
    except ValueError as error:
        raise _no_host("host", source, str(error)) from None
    if stated is not None and not file:
        return stated
    from ..libvirt import SourceError
    from ..libvirt.capabilities import host_of_capabilities

    name = called(file)
    try:
        known = host_of_capabilities(text_of(file)[1].encode(), name)
    except SourceError as error:
        raise _no_host(name, source, str(error)) from None
    except InputError as error:
        raise _no_host(name, source, str(error).removeprefix(f"{name}: ")) from None
    return known if stated is None else known.with_versions_of(stated)


def _no_host(name: str, source: str, mend: str) -> InputError:
    return InputError(name, [Problem("host", source, mend, mend)])
