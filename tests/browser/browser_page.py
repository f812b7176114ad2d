"""What the tests ask a browser about a page: how it is laid out, and what it wants from elsewhere."""

from __future__ import annotations

import html
import json
import re
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

Browser = Callable[..., subprocess.CompletedProcess[str]]

# Run by the test alone: a frame of the width asked for, and what the page measures in it, written into the frame's title.
_MEASURE = """
<!DOCTYPE html><title>measure</title><iframe id="frame" style="border:0;width:%dpx;height:900px"></iframe>
<script>
const frame = document.getElementById("frame");
frame.onload = () => {
  const inner = frame.contentDocument, all = [...inner.querySelectorAll("body *")];
  const visible = all.filter(e => !e.closest(".skip, .unseen, thead, details:not([open])"));
  const wide = e => e.getBoundingClientRect().right > %d + 14 && !e.closest(".scroll");
  const out = document.createElement("pre");
  out.id = "measured";
  out.textContent = JSON.stringify({
    page: inner.documentElement.scrollWidth,
    wide: visible.filter(wide).map(e => e.outerHTML.slice(0, 120)),
    small: visible.filter(e => e.textContent.trim() && parseFloat(frame.contentWindow.getComputedStyle(e).fontSize) < 12)
      .map(e => e.outerHTML.slice(0, 120)),
    tables: [...inner.querySelectorAll("main > section > .scroll")].map(e => e.scrollWidth - e.clientWidth),
    background: frame.contentWindow.getComputedStyle(inner.body).backgroundColor,
    covered: [...inner.querySelectorAll(".chart")].flatMap(chart => {
      const boxes = [...chart.querySelectorAll(".figure, .tick")].map(e => [e.textContent, e.getBoundingClientRect()]);
      return boxes.flatMap(([one, a], at) => boxes.slice(at + 1)
        .filter(([, b]) => a.left < b.right && b.left < a.right && a.top < b.bottom && b.top < a.bottom)
        .map(([other]) => one + " / " + other));
    }),
    charts: [...inner.querySelectorAll(".chart")].map(e => e.getBoundingClientRect().height),
  });
  document.body.append(out);
};
frame.srcdoc = %s;
</script>
"""


def measured_page(browser: Browser, folder: Path, text: str, width: int, *flags: str) -> dict[str, Any]:
    # The measuring script needs a page of its own origin; the report's policy stays and forbids it to run inside.
    source = json.dumps(text).replace("</", "<\\/")
    page = folder / "measure.html"
    page.write_text(_MEASURE % (width, width, source), encoding="utf-8")
    dumped = browser(page, "--window-size=1400,1000", "--virtual-time-budget=5000", "--dump-dom", *flags).stdout
    found = re.search(r'<pre id="measured">(.*?)</pre>', dumped, re.DOTALL)
    assert found, "the page did not load"
    measured: dict[str, Any] = json.loads(html.unescape(found[1]))
    return measured


def asked_for(browser: Browser, page: Path) -> tuple[set[str], subprocess.CompletedProcess[str]]:
    """Addresses that the page asked for; what the browser wants for itself has no origin."""
    log = page.with_suffix(".json")
    done = browser(page, "--dump-dom", f"--log-net-log={log}")
    events = [event.get("params", {}) for event in json.loads(log.read_text(encoding="utf-8"))["events"]]
    return {event["url"] for event in events if event.get("initiator", "not an origin") != "not an origin"}, done
