"""What mkdocs does to the pages beside its own: links into the sources become plain text, formulas become MathML."""

import re
from typing import Any

from latex2mathml.converter import convert

from tests.face_pages import commands_page, python_page

MADE = {"commands.md": commands_page, "python.md": python_page}
"""Pages that end with what is made from the code."""

WIDE = ("comparison.md",)
"""Pages with a table that needs the width of their own contents."""
OUTSIDE = re.compile(r"\[([^\]]*)\]\((?:\.\./)+[^)]*\)")
"""A link to a file that is not below docs/, from a page that is directly in it."""
FORMULA = re.compile(r'<(?P<tag>span|div) class="arithmatex">\\[(\[](?P<latex>.*?)\\[)\]]</(?P=tag)>', re.DOTALL)


def on_page_markdown(markdown: str, *, page: Any, **_: Any) -> str:
    """Without links into the sources (pages in how-to/ link to pages above them alone), with what is made."""
    uri = page.file.src_uri
    if uri in WIDE:
        page.meta["hide"] = ["toc"]
    text = markdown if uri.startswith("how-to/") else OUTSIDE.sub(r"\1", markdown)
    return f"{text}\n{MADE[uri]()}" if uri in MADE else text


def on_page_content(html: str, **_: Any) -> str:
    """The browser draws MathML by itself, without anything from elsewhere."""
    return FORMULA.sub(lambda found: _mathml(found["latex"], found["tag"]), html)


def _mathml(latex: str, tag: str) -> str:
    plain = latex.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")
    return convert(plain, display="block" if tag == "div" else "inline")
