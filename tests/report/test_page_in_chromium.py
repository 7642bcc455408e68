"""The page in a real browser: it fits a phone, says nothing on the console, runs nothing."""

import json
import shutil
import subprocess
from html.parser import HTMLParser
from pathlib import Path

import pytest

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
FLAGS = (
    "--headless",
    "--hide-scrollbars",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
    "--allow-file-access-from-files",
    "--enable-logging=stderr",
    "--virtual-time-budget=4000",
    "--dump-dom",
)
# Reads the report in a frame of the given width; what it sees becomes the harness's own title.
HARNESS = """<!DOCTYPE html><title>waiting</title>
<iframe id="frame" src="report.html" width="WIDTH" height="900" style="border:0"></iframe>
<script>
frame.onload = () => {
  const page = frame.contentDocument, root = page.documentElement;
  for (const one of page.querySelectorAll("details")) one.open = true;
  const wide = [...page.querySelectorAll("main *")].filter(
    e => !e.closest(".box, pre") && e.getBoundingClientRect().right > root.clientWidth + 1);
  document.title = JSON.stringify({
    client: root.clientWidth, scroll: root.scrollWidth, title: page.title,
    active: page.querySelectorAll("script, iframe, object, [onerror], [onclick]").length,
    loaded: [...page.images].every(i => i.complete && i.naturalWidth > 0), images: page.images.length,
    cards: page.querySelectorAll(".card").length, wide: wide.slice(0, 3).map(e => e.outerHTML.slice(0, 90)),
  });
};
</script>"""


class Title(HTMLParser):
    text = ""
    inside = False

    def handle_starttag(self, tag, attrs):
        self.inside = tag == "title"

    def handle_data(self, data):
        self.text += data if self.inside else ""

    def handle_endtag(self, tag):
        self.inside = False


def look(folder: Path, profile: Path, width: int) -> tuple[dict, list[str]]:
    (folder / "harness.html").write_text(HARNESS.replace("WIDTH", str(width)), encoding="utf-8")
    address = (folder / "harness.html").as_uri()
    ran = subprocess.run(
        [CHROMIUM, *FLAGS, f"--user-data-dir={profile}", "--window-size=1400,1000", address],
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    title = Title()
    title.feed(ran.stdout)
    return json.loads(title.text), [line for line in ran.stderr.splitlines() if "CONSOLE" in line]


@pytest.mark.skipif(CHROMIUM is None, reason="no chromium on this machine; `apt-get install chromium`")
@pytest.mark.parametrize("width", [390, 1280])
def test_the_page_fits_and_is_quiet(folder, tmp_path, width):
    seen, console = look(folder, tmp_path, width)
    assert console == []
    assert seen["client"] == seen["scroll"] == width
    assert seen["wide"] == []
    assert seen["title"] == "BLOCK · sft-audit"
    assert seen["active"] == 0
    assert seen["images"] > 10
    assert seen["loaded"]
    assert seen["cards"] > 30
