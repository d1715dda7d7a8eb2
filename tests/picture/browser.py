"""A headless Chromium that measures a picture. Debian has it as `chromium`."""

import html
import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any, Final

import pytest

CHROMIUM: Final = shutil.which("chromium") or shutil.which("chromium-browser")
SCRIPT: Final = (Path(__file__).parent / "measure.js").read_text(encoding="utf-8")
DARK: Final = {False: "--blink-settings=preferredColorScheme=1", True: "--blink-settings=preferredColorScheme=0"}

needs_chromium = pytest.mark.skipif(CHROMIUM is None, reason="no chromium: apt install chromium fonts-dejavu-core")


def measured(picture: str, folder: Path, *, dark: bool = False, width: int = 1400) -> dict[str, Any]:
    """What `measure.js` says of a picture, and the browser's own messages on its console."""
    script = f"<script>{SCRIPT}</script>"
    if picture.startswith("<svg"):
        page = f'<!doctype html><meta charset="utf-8"><body style="margin: 0">{picture}{script}</body>'
    else:
        page = picture.replace("</body>", f"{script}</body>")
    file = folder / "picture.html"
    file.write_text(page, encoding="utf-8")
    assert CHROMIUM is not None
    command = [CHROMIUM, "--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--enable-logging=stderr"]
    command += [DARK[dark], f"--window-size={width},1200", f"--user-data-dir={folder / 'profile'}"]
    done = subprocess.run(
        [*command, "--dump-dom", file.as_uri()], capture_output=True, text=True, timeout=120, check=True
    )
    found = re.search(r'<pre id="measured">(.*?)</pre>', done.stdout, re.DOTALL)
    assert found is not None, done.stderr[-2000:]
    report: dict[str, Any] = json.loads(html.unescape(found[1]))
    report["console"] = [line for line in done.stderr.splitlines() if "CONSOLE" in line]
    return report
