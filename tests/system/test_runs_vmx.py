# SPDX-License-Identifier: MIT
"""Commands in clones of a template on VMX, in Bochs: what tests/system/test_runs.py does on SVM, in short."""
import bundle
import runs
from channel_v2 import Client
from machine import Bochs
from test_runs import CONF, FILES, TWIN
from test_runs_net import BETWEEN, BETWEEN_CARD, check_between


def test_on_vmx(build, tmp_path):
    """Output, error and exit code come back, two clones of one moment draw other numbers and have other names, terminals and cards work."""
    conf = BETWEEN + CONF + BETWEEN_CARD
    files = bundle.make(tmp_path / "runs.cpio", conf, bundle.read(*(build / "runs" / name for name in FILES)))
    with Bochs(build, bundle=files, channel=True) as machine:
        machine.wait_prompt()
        client = Client.over(machine.channel)
        client.hello()
        runs.make_template(client, "busybox")
        done = runs.run(client, "busybox", "one", ["sh", "-c", "cat; echo error >&2; exit 3"], stdin=b"in")
        assert (done.out, done.error, done.code) == (b"in", b"error\n", 3)
        said = [runs.run(client, "busybox", "one", ["sh", "-c", TWIN]).out for _ in range(2)]
        parts = [part for text in said for part in text.split(b"\n") if part]
        assert len(parts) == 10 and len(set(parts)) == 10, said
        runs.on_a_terminal(client, "busybox", "one")
        check_between(machine, client)
        assert ": 0 found" in machine.command("audit")
