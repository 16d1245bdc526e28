# SPDX-License-Identifier: MIT
"""The guides about images and installers: each of their skerryctl lines as it stands, before a stand-in of Skerry."""
import re
import shlex
from pathlib import Path

import pytest

from test_skerryctl_skerryd import Ctl

GUIDES = Path(__file__).resolve().parents[3] / "docs/guides"
# What ends only when somebody leaves it.
STAYS = "console"


def lines_of(guide):
    """The words of each line of an example, and of each command in a sentence."""
    text = (GUIDES / guide).read_text(encoding="utf-8")
    found = re.findall(r"^    skerryctl (.*)$|`skerryctl ([^`]+)`", text, re.M)
    return [shlex.split(block or inline, comments=True) for block, inline in found]


@pytest.mark.parametrize("guide, least", [("from-an-iso.md", 7), ("move-in.md", 6)])
def test_guide(pair, request, tmp_path, guide, least):
    """Every line is accepted; a VM that is made twice, by a BIOS and by UEFI, is destroyed in between."""
    fake, server = pair("--change-rate", "0")
    server.start()
    fake.stores["pool"] = {}
    ctl = Ctl(request.config.getoption("--gateway") + "/skerryctl", server, tmp_path)
    image, other = tmp_path / "image", "pool/other"
    image.write_bytes(b"x" * 8192)
    ctl.good("volume", "upload", str(image), other)
    lines = [words for words in lines_of(guide) if len(words) > 1 and words[0] != STAYS and words[0] != "agent"]
    assert len(lines) >= least, lines
    for words in lines:
        if words[:2] == ["volume", "upload"]:
            words[2] = str(image)
            ctl.run("volume", "drop", words[3], "--yes")
        if words[:2] == ["vm", "create"]:
            ctl.run("vm", "destroy", words[2], "--yes")
        if words[:2] == ["vm", "set"]:
            ctl.good("vm", "kill", words[2])
        ctl.good(*words)
    if guide == "from-an-iso.md":
        assert fake.vms["web"].config["disk"] == "pool/web"
