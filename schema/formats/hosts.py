"""A host for which is planned: by versions, by a file of libvirt's, by its /proc/cpuinfo."""

import re
from typing import TYPE_CHECKING, Final

from ..errors import InputError, Problem, expect
from .sources import called, is_xml_text, text_of

if TYPE_CHECKING:
    from ..environment.host import Host

_STATED: Final = re.compile(r"(?:^|,)((?:qemu|libvirt|phys_bits|vendor)=.*)$", re.DOTALL)


def read_host(source: str) -> "Host":
    """A host by versions (`qemu=6.2,libvirt=8.0`) and what its CPU is (`phys_bits=46,vendor=intel`); by a file of
    libvirt's capabilities or domain capabilities, or of its /proc/cpuinfo; or both (`caps.xml,libvirt=8.0`). Raises
    InputError, whose field is `host`."""
    from ..environment.host import host_of_versions

    expect("source", source, str, "versions or a file's name as text, as in 'qemu=6.2,libvirt=8.0'")
    stated = _STATED.search(source)
    file = source if stated is None else source[: stated.start()]
    try:
        said = None if stated is None else host_of_versions(stated[1])
    except ValueError as error:
        raise _no_host("host", source, str(error)) from None
    if said is not None and not file:
        return said
    name = called(file)
    try:
        known = _of_text(text_of(file)[1], name)
    except InputError as error:
        raise _no_host(name, source, str(error).removeprefix(f"{name}: ")) from None
    except ValueError as error:
        raise _no_host(name, source, str(error)) from None
    return known if said is None else known.with_statements_of(said)


def _of_text(text: str, name: str) -> "Host":
    """Raises ValueError (SourceError is one) for what is no file of a host's."""
    from ..environment.host import host_of_cpuinfo
    from ..libvirt.capabilities import host_of_capabilities

    if is_xml_text(text) or "vendor_id" not in text:
        return host_of_capabilities(text.encode(), name)
    return host_of_cpuinfo(text, name)


def _no_host(name: str, source: str, mend: str) -> InputError:
    return InputError(name, [Problem("host", source, mend, mend)])
