"""Inputs that somebody broke: texts with pieces taken out, doubled, swapped for strange ones; data with strange
values where others are expected."""

from collections.abc import Iterator, Sequence
from copy import deepcopy
from typing import Any, Final

from hypothesis import strategies as st

MOST_EDITS: Final = 4
STRANGE_VALUES: Final[tuple[object, ...]] = (
    None, True, False, 0, -1, 1, 2**31, 2**63, 2**64, 10**30, -(10**30), 0.5, 1e300, "", " ", "0", "-1", "x", "on",
    "\n", "é", "\U0001f600", "a" * 300, "9" * 5000, "0x" + "f" * 40, "pcie.0", "pcie.0:1f.7", "1e9", "4GiB", "../../x",
    [], [[]], [None], ["x", 1], {}, {"": None}, {"id": "x"}, {"x": {"y": []}},
)  # fmt: skip
"""Numbers beyond every range, texts that are none, and containers where there should be none."""
STRANGE_TEXTS: Final = (
    "", " ", "\t", "\n", "\r\n", "\x00", "\x1b[0m", "\x85", "\u2028", "\ufeff", "é", "\U0001f600", "'", '"', "`", ",",
    ",,", "=", ":", "/", "\\", "<", ">", "</", "/>", "&", "&amp;", "&x;", "&#0;", "&#x10ffff;", "<!--", "-->",
    "<![CDATA[", "]]>", "<?x?>", "<?xml version='1.0' encoding='utf-16'?>", "<?xml version='1.0' encoding='x'?>",
    "<?xml version='1.0' encoding='gbk'?>", "<!DOCTYPE x [<!ENTITY y 'z'>]>", "{", "}", "[", "]", "{{", "- ", "---\n",
    "...\n", "&a ", "*a", "<<: ", "!!python/object:x ", "!x ", "|\n", ">\n", "#", "@", "%", "$", "~", "null", "true",
    "NaN", "1e999", "-1", "0", "9" * 5000, "0x", "0b1", "1_000", "1:30", "2024-01-01", "on", "off", "-device", "-M",
    "-readconfig", "-set", "-global", "--", ".7", "0000:00:00.0", "GiB", "x" * 300,
)  # fmt: skip
"""Pieces that mean something in one of the languages that are read."""


@st.composite
def corrupted(draw: st.DrawFn, texts: Sequence[str]) -> str:
    """One of the texts after a few edits, each of a span of it."""
    text = draw(st.sampled_from(texts))
    for _ in range(draw(st.integers(1, MOST_EDITS))):
        start = draw(st.integers(0, len(text)))
        end = min(len(text), start + draw(st.integers(0, 12) | st.integers(0, 400)))
        piece = text[start:end]
        instead = draw(
            st.sampled_from(("", piece * 2, piece[::-1])) | st.sampled_from(STRANGE_TEXTS) | st.text(max_size=4)
        )
        text = text[:start] + instead + text[end:]
    return text


@st.composite
def misshapen(draw: st.DrawFn, examples: Sequence[Any]) -> Any:
    """One of the examples with a few values swapped for strange ones, taken out, doubled or moved."""
    data = [deepcopy(draw(st.sampled_from(examples)))]
    for _ in range(draw(st.integers(1, MOST_EDITS))):
        holder, key = draw(st.sampled_from(list(_places(data))))
        change = draw(st.sampled_from(("swap", "swap", "drop", "double", "move")))
        if change == "drop" and holder is not data:
            del holder[key]
        elif change == "double" and isinstance(holder, list) and holder is not data:
            holder.append(deepcopy(holder[key]))
        elif change == "move":
            other, place = draw(st.sampled_from(list(_places(data))))
            holder[key] = deepcopy(other[place])
        else:
            holder[key] = deepcopy(draw(st.sampled_from(STRANGE_VALUES)))
    return data[0]


def _places(data: Any) -> Iterator[tuple[Any, Any]]:
    """Each value inside, as what holds it and by which key."""
    if isinstance(data, dict | list):
        for key in list(data) if isinstance(data, dict) else range(len(data)):
            yield data, key
            yield from _places(data[key])
