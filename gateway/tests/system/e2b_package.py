# SPDX-License-Identifier: MIT
"""The npm package `e2b`, unmodified, and the script that drives a gateway by it."""
import json
import os
import subprocess
from pathlib import Path



def drive(server, template, prefix, *more):
    """Returns what the script has found at a gateway."""
    folder = Path(server.program).parent / "e2b"
    assert (folder / "node_modules").is_dir(), "make -C gateway test-parts fetches the package"
    url = f"https://127.0.0.1:{server.port}/e2b"
    done = subprocess.run(["node", folder / "drive.mjs", template, prefix, *more], stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=170, check=False,
                          env={**os.environ, "E2B_API_URL": url, "E2B_SANDBOX_URL": url, "E2B_API_KEY": server.token,
                               # The gateway's certificate is its own.
                               "NODE_TLS_REJECT_UNAUTHORIZED": "0"})
    assert done.returncode == 0, done.stderr.decode()
    return json.loads(done.stdout)
