"""The style sheet of HTML pages: every selector names a part of qslot's own, so that a notebook keeps its looks."""

from .style import DARK, LIGHT, MONO, SANS, TAG_COLOURS, Colours, svg_rules

_RULES = f"""
.qs {{ background: var(--qs-page); color: var(--qs-ink); font: 14px/1.45 {SANS}; padding: 20px 26px }}
.qs h1 {{ font: 600 19px {SANS}; margin: 0 0 6px; color: var(--qs-ink) }}
.qs h2 {{ font: 600 15px {SANS}; margin: 22px 0 6px; color: var(--qs-ink) }}
.qs .qs-facts {{ list-style: none; margin: 0 0 16px; padding: 0; display: flex; flex-wrap: wrap; gap: 6px 8px }}
.qs .qs-facts li {{ border: 1px solid var(--qs-edge); background: var(--qs-card); border-radius: 12px; \
padding: 1px 11px; margin: 0; font-size: 13px; overflow-wrap: anywhere }}
.qs .qs-buttons {{ float: right; margin: 0 0 8px 16px }}
.qs .qs-buttons button {{ font: 13px {SANS}; color: var(--qs-ink); background: var(--qs-card); \
border: 1px solid var(--qs-edge); border-radius: 6px; padding: 3px 10px; cursor: pointer }}
.qs .qs-body {{ display: flex; flex-wrap: wrap; gap: 28px; align-items: flex-start }}
.qs * {{ box-sizing: border-box }}
.qs .qs-tree {{ flex: 1 1 420px; min-width: 0 }}
.qs .qs-maps {{ display: flex; flex-direction: column; gap: 24px; max-width: 100% }}
.qs .qs-maps svg {{ max-width: 100%; height: auto; display: block }}
.qs .qs-pair {{ display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 640px), 1fr)); gap: 32px }}
.qs .qs-pair > div {{ min-width: 0 }}
.qs .qs-tree ul {{ list-style: none; margin: 0 0 0 15px; padding: 0 }}
.qs .qs-tree li {{ margin: 0; padding: 4px 0 4px 20px; position: relative; border-left: 1.5px solid var(--qs-rail) }}
.qs .qs-tree li:last-child {{ border-left-color: transparent }}
.qs .qs-tree li::before {{ content: ""; position: absolute; left: -1.5px; top: 0; width: 18px; height: 25px; \
border: 1.5px solid var(--qs-rail); border-width: 0 0 1.5px 1.5px; border-radius: 0 0 0 5px }}
.qs .qs-tree li.qs-node::before {{ height: 56px }}
.qs .qs-tree li.qs-node > details, .qs .qs-tree li.qs-node > .qs-node-name {{ background: var(--qs-node); \
border: 1px solid var(--qs-node_edge); width: fit-content; max-width: 100%; padding: 2px 12px 8px 8px }}
.qs .qs-tree li.qs-node > details {{ border-radius: 0 10px 10px 10px }}
.qs .qs-tree li.qs-node > .qs-node-name {{ display: block; border-radius: 8px 8px 0 0; border-bottom: 0; \
padding: 1px 12px; font: 600 12px {SANS} }}
.qs summary {{ cursor: pointer; list-style: none; width: fit-content; max-width: 100%; display: flex }}
.qs summary::-webkit-details-marker {{ display: none }}
.qs summary::before {{ content: "\\25b8"; flex: none; width: 15px; color: var(--qs-soft); \
margin-top: 11px }}
.qs details[open] > summary::before {{ content: "\\25be" }}
.qs .qs-row {{ display: flex; flex-wrap: wrap; row-gap: 6px; align-items: center; min-width: 0 }}
.qs .qs-wire {{ width: 22px; flex: none; height: 1.5px; background: var(--qs-rail) }}
.qs .qs-run {{ overflow-wrap: anywhere; min-width: 0; border: 1px solid var(--qs-edge); background: var(--qs-card); \
border-radius: 6px; padding: 8px 12px; font: 12px {MONO} }}
.qs .qs-card {{ display: inline-flex; background: var(--qs-card); border: 1px solid var(--qs-edge); \
border-radius: 6px; min-height: 42px; overflow: hidden; font: 12px/1.4 {MONO}; \
max-width: 100%; min-width: 0 }}
.qs .qs-empty {{ background: none; border: 1px dashed var(--qs-free) }}
.qs .qs-marked {{ outline: 2px solid var(--qs-mark) }}
.qs .qs-tag {{ width: 50px; flex: none; display: flex; align-items: center; justify-content: center; color: #fff; \
font: 700 9.5px {MONO} }}
.qs .qs-tag-none {{ color: var(--qs-free) }}
.qs .qs-words {{ display: flex; flex-direction: column; justify-content: center; padding: 3px 10px; \
white-space: pre-wrap; overflow-wrap: anywhere; min-width: 0 }}
.qs .qs-first {{ display: flex; gap: 8px; align-items: center; justify-content: space-between }}
.qs .qs-soft, .qs .qs-second {{ color: var(--qs-soft) }}
.qs .qs-second {{ font-size: 11px }}
.qs .qs-pill {{ flex: none; border: 1px solid currentcolor; border-radius: 8px; padding: 0 6px; font-size: 11px; \
color: var(--qs-soft) }}
.qs .qs-modern {{ color: var(--qs-modern) }}
.qs .qs-transitional {{ color: var(--qs-transitional); border-style: dashed }}
.qs .qs-legacy {{ color: var(--qs-legacy) }}
.qs .qs-mark {{ color: var(--qs-mark) }}
.qs pre {{ font: 12.5px/1.5 {MONO}; color: var(--qs-soft); background: none; white-space: pre-wrap; \
overflow-wrap: anywhere; margin: 18px 0 0 }}
"""


def html_rules() -> str:
    """Light, and dark where the reader's system is."""
    tags = "".join(f".qs .qs-tag-{name} {{ background: {colour} }}\n" for name, colour in TAG_COLOURS.items())
    dark = f"@media (prefers-color-scheme: dark) {{\n.qs {{ {_named(DARK)} }}\n}}\n"
    return f".qs {{ {_named(LIGHT)} }}\n{dark}{_RULES.lstrip()}{tags}{svg_rules('.qs svg')}"


def _named(colours: Colours) -> str:
    return "; ".join(f"--qs-{name}: {colour}" for name, colour in colours.items())
