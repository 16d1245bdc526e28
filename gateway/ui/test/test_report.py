# SPDX-License-Identifier: MIT
"""The screen of reports: made on request, what deviates and what is unknown is said, saved as it was signed."""
import json

# Keeps what the page gives to be saved, by name, instead of a download.
KEEP = """
    window.kept = {};
    const names = new Map();
    URL.createObjectURL = (blob) => { const name = `blob:${names.size}`; names.set(name, blob); return name; };
    HTMLAnchorElement.prototype.click = function () { names.get(this.href).text().then((text) => { kept[this.download] = text; }); };
"""


def test_report(page, server):
    page.login("sky_chain", place="#/report")
    assert not page.all("table")
    page.button("Make the report").click()
    page.sees("✗ deviates", "table")
    text = page.text("main")
    assert "image digest\nunknown" in text.lower() and "<b>trusted</b>" in text
    assert text.index("Deviations from the profile") < text.index("Version and build")
    page.js(KEEP)
    page.button("Save as JSON").click()
    page.until(lambda: len(page.js("return Object.keys(kept)")) == 2, "two files")
    kept = page.js("return kept")
    assert json.loads(kept["report.json"])["asked_by"] == "chris" and json.loads(kept["report.json.sig"]) == {"signature": "mock"}
    page.button("Save as a page").click()
    page.until(lambda: "report.html.sig" in page.js("return kept"), "the page")
    assert page.js("return kept['report.html']") == "<title>A report</title>"


def test_who_may(page, server):
    page.login("sky_viewer", place="#/report")
    page.sees("takes the role auditor")
    assert not page.all("main button")
    page.login("sky_auditor", place="#/report")
    server.knob(broken=["report"])
    page.button("Make the report").click()
    page.sees("told to fail")
    server.knob(broken=[])
    page.button("Try again").click()
    page.sees("✓ passes", "table")
