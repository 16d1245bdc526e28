# SPDX-License-Identifier: MIT
"""`make run WEB=1`: Skerry, two guests and the service VM, as the guide shows it."""
import json
import os
import re
import subprocess

import pexpect

import firmware
from machine import PROMPT, ROOT, wait_for
from ports import free_port

LIMIT = 600


def curl(port, path, *words):
    done = subprocess.run(["curl", "-sk", "-m", "30", "--retry", "60", "--retry-all-errors",
                           "--retry-delay", "1", "--retry-max-time", str(LIMIT),
                           f"https://localhost:{port}{path}", *words],
                          capture_output=True, text=True, timeout=LIMIT + 60)
    return done.stdout


def start(build, disk, port):
    """
    Starts and waits for the prompt; returns (terminal, what was printed before the emulator
    started).
    """
    line = (f"make run WEB=1 UI=no BOOT=kernel HTTP_PORT={free_port()} HTTPS_PORT={port} "
            f"STATE_DISK={disk} STORE_DISK={disk}.store MEMORY=2G BUILD={os.path.relpath(build, ROOT)}")
    terminal = pexpect.spawn("/bin/sh", ["-c", line], cwd=ROOT, timeout=LIMIT, encoding="utf-8",
                             codec_errors="replace")
    terminal.expect("  QEMU ")
    said = terminal.before
    terminal.expect(PROMPT)
    return terminal, said


def run(terminal, line, shown):
    """A command at the prompt; what it says up to what it has to show."""
    terminal.send(f"{line}\r")
    terminal.expect(shown)
    said = terminal.before + terminal.after
    terminal.expect(PROMPT)
    return said


def check_apart(terminal, port, fingerprint):
    """
    The service VM has a network that no guest is on. One that takes its address reaches nobody, and
    cannot send from there.
    """
    run(terminal, "net list", r"lan +ready +net0 [^\n]*\r\nmanagement +ready +net1 ")
    said = run(terminal, "net stat", r"management +net1 [^\n]*\r\nmanagement +web [^\n]*\r\n")
    assert re.findall(r"\n(lan|management) +([\w.]+)", said) == [
        ("lan", "net0"), ("lan", "alpha"), ("lan", "beta"), ("management", "net1"), ("management", "web")]
    terminal.send("vm console beta\r")
    terminal.expect("READY beta")
    terminal.expect("beta# ")
    for line, shown in (("arping -c 2 -w 5 -I eth0 10.0.3.15", r"Received 0 response"),
                        ("ip address add 10.0.3.15/24 dev eth0; echo status $?", r"status \d"),
                        ("arping -U -c 3 -I eth0 10.0.3.15; echo status $?", r"status \d")):
        terminal.send(f"{line}\r")
        terminal.expect(shown)
        terminal.expect("beta# ")
    terminal.send("\x1d")
    terminal.expect(PROMPT)
    assert shown_by(port) == fingerprint


def shown_by(port):
    """The fingerprint of the certificate that is shown at that port."""
    shown = subprocess.run(["openssl", "s_client", "-connect", f"localhost:{port}"],
                           stdin=subprocess.DEVNULL, capture_output=True, timeout=60).stdout
    print_of = subprocess.run(["openssl", "x509", "-noout", "-fingerprint", "-sha256"],
                              input=shown, capture_output=True, timeout=20).stdout
    return print_of.decode().split("=")[1].strip().replace(":", "").lower()


def end(terminal):
    terminal.send("poweroff\r")
    terminal.expect(pexpect.EOF)


def check_run(build, port, fingerprint, token):
    """README's lines: a Python template, and a line of Python in a VM of its own."""
    def ctl(*words, data=None):
        return subprocess.run([build / "gateway/skerryctl", "--host", f"https://localhost:{port}", "--fingerprint", fingerprint,
                               *words], input=data, capture_output=True, text=True, timeout=LIMIT, check=False,
                              env=os.environ | {"SKERRY_TOKEN": token})
    done = ctl("template", "create", "python")
    assert done.returncode == 0, done.stderr
    done = ctl("run", "python", "--", "python3", "-", data="print(sum(range(100)))")
    assert (done.stdout, done.returncode) == ("4950\n", 0), done.stderr


def check_image(build, tmp_path, port, fingerprint, token):
    """README's six lines: a machine of an image, with a text for cloud-init. The image is a boot sector that prints the text."""
    block = re.search(r"\n    make run WEB=1 MEMORY=2G .*?\n\n", (ROOT / "README.md").read_text(), re.DOTALL)[0]
    lines = [line.strip() for line in block.strip().split("\n")]
    assert len(lines) <= 6, lines
    image = lines[1].split("/")[-1]
    (tmp_path / image).write_bytes(firmware.seed_disk(tmp_path))
    environment = os.environ | {"SKERRY_TOKEN": token, "SKERRY_HOST": f"https://localhost:{port}"}
    ctl = f"{build / 'gateway/skerryctl'} --fingerprint {fingerprint}"
    commands = [line.replace("build/gateway/skerryctl", ctl) for line in lines[2:]]
    subprocess.run(["/bin/sh", "-e", "-c", "\n".join(commands[:-1])], cwd=tmp_path, env=environment, timeout=LIMIT, check=True,
                   stdin=subprocess.DEVNULL)
    console = pexpect.spawn("/bin/sh", ["-c", commands[-1]], env=environment, timeout=LIMIT, encoding="utf-8", codec_errors="replace")
    console.expect("password: mine.*END of user-data")
    console.close(force=True)


def test_service_vm(build, tmp_path):
    disk, port = tmp_path / "state.img", free_port()
    terminal, said = start(build, disk, port)
    try:
        assert f"https://localhost:{port}/" in said
        token = re.search(r"first token (sky_\w+)", said)[1]
        fingerprint = re.search(r"fingerprint ([0-9a-f]{64})", said)[1]
        assert '"live":true' in curl(port, "/v1/health")
        # The port is a machine channel: what skerryd knows is what Skerry says.
        wait_for(lambda: '"ready":true' in curl(port, "/v1/health"), LIMIT)
        me = curl(port, "/v1/me", "-H", f"Authorization: Bearer {token}")
        assert '"admin"' in me, me
        assert "unauthenticated" in curl(port, "/v1/vms")
        assert shown_by(port) == fingerprint
        vms = json.loads(curl(port, "/v1/vms", "-H", f"Authorization: Bearer {token}"))
        assert {vm["name"]: vm["state"] for vm in vms["items"]} == dict.fromkeys(
            ("alpha", "beta", "web"), "running")
        terminal.send("vm console web\r")
        terminal.expect("SERVICE web at 10.0.3.15/24")
        terminal.expect(f"fingerprint {fingerprint}")
        terminal.send("\x1d")
        terminal.expect(PROMPT)
        assert "sky_" not in terminal.before
        terminal.send("vm list\r")
        terminal.expect("alpha +running.*beta +running.*web +running")
        terminal.expect(PROMPT)
        check_apart(terminal, port, fingerprint)
        check_run(build, port, fingerprint, token)
        check_image(build, tmp_path, port, fingerprint, token)
        end(terminal)
        assert token.encode() not in disk.read_bytes()
        # The second time: the same server, and nothing secret is said.
        terminal.close(force=True)
        terminal, said = start(build, disk, port)
        assert fingerprint in said and "sky_" not in said
        terminal.send("poweroff now\r")
        terminal.expect(pexpect.EOF)
    finally:
        terminal.close(force=True)
