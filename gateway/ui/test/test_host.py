# SPDX-License-Identifier: MIT
"""The screen of the host: the walk over every page, and who may ask for it."""


def test_audit_of_pages(page, server):
    """What a walk finds is listed beside the button; one that was refused changes nothing of it."""
    tile = '[aria-label="Audit of pages"]'
    page.login(place="#/host")
    page.sees("Not audited since the start", tile)
    page.button("Audit every page").click()
    page.sees("found no fault", tile)
    page.sees("Done at ", tile)
    server.knob(found=["page 0x7000 (<i>data</i>) is writable from ring 3 or a guest", "page 0x9000 is frozen and writable"], slow=0.5)
    page.button("Audit every page").click()
    page.sees("Walking", tile)
    page.button("Audit every page").click()
    page.sees("found 2 faults", tile)
    page.sees("(<i>data</i>) is writable", f"{tile} .found")
    assert server.state()["requests"].count("POST /v1/host/actions/audit") == 2
    server.knob(slow=0, broken=["host/actions/audit"])
    page.button("Audit every page").click()
    page.sees("It was not audited: The mock was told to fail here.", tile)
    page.sees("is frozen and writable", tile)
    server.knob(found=[], broken=[])
    page.login("sky_operator", place="#/host")
    page.sees("found 2 faults. See the log.", tile)
    assert page.button("Audit every page").get_attribute("title") == "This needs the role admin."
    page.button("Audit every page").click()
    assert server.state()["requests"].count("POST /v1/host/actions/audit") == 3
