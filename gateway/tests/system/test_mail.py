# SPDX-License-Identifier: MIT
"""Mail of alerts, with a script that stands in for sendmail: what it gets, retries, who may be sent what, the process's bounds."""
import email
import json
import os
import signal
import socket
import subprocess
import threading
from email.utils import parsedate_to_datetime
from pathlib import Path

import pytest

from client import wait_for
from test_hooks import RULE, make, rule

TO = "ops@mail.example"


class Sendmail:
    """A script that notes each message, and ends with the codes that it is given, the last one again and again."""

    def __init__(self, folder):
        self.folder = folder
        folder.mkdir()
        self.program = folder / "sendmail"
        self.program.write_text(
            f"#!/bin/sh\nD={folder}\nN=$(ls $D | grep -c words)\nprintf '%s\\n' \"$@\" >$D/new\ncat >$D/text$N\nenv >$D/env$N\n"
            f"mv $D/new $D/words$N\n[ -e $D/hang ] && exec sleep 1000\nexit $(sed -n \"$((N + 1))p\" $D/codes || echo 0)\n")
        self.program.chmod(0o755)
        self.ends_with()

    def ends_with(self, *codes):
        (self.folder / "codes").write_text("".join(f"{code}\n" for code in codes) + "0\n" * 100)

    @property
    def count(self):
        return len(list(self.folder.glob("words*")))

    def message(self, number):
        words = (self.folder / f"words{number}").read_text().splitlines()
        return words, email.message_from_string((self.folder / f"text{number}").read_text()), (self.folder / f"env{number}").read_text()


@pytest.fixture
def post(tmp_path, pair):
    """A fake, a server that sends mail to the domain mail.example, and what stands in for sendmail."""
    sendmail = Sendmail(tmp_path / "post")
    fake, server = pair("--mail-from", "skerry@host.example", "--mail-to", "@mail.example", "--mail-to", "one@other.example",
                        "--sendmail", str(sendmail.program))
    server.start()
    return fake, server, sendmail


class Relay:
    """An SMTP server (RFC 5321) for one message after another."""

    def __init__(self):
        self.got = []
        self.listener = socket.create_server(("127.0.0.1", 0))
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        while True:
            try:
                peer, _ = self.listener.accept()
            except OSError:
                return
            with peer, peer.makefile("rwb") as line:
                self.talk(line)

    def talk(self, line):
        def say(text):
            line.write(text + b"\r\n")
            line.flush()
        envelope, text = [], b""
        say(b"220 relay")
        for said in line:
            if said.startswith(b"DATA"):
                say(b"354 go on")
                while (each := line.readline()) not in (b".\r\n", b""):
                    text += each
                self.got.append((envelope, email.message_from_bytes(text)))
            elif said.startswith((b"MAIL", b"RCPT")):
                envelope.append(said.split(b"<")[1].split(b">")[0].decode())
            say(b"221 bye" if said.startswith(b"QUIT") else b"250 ok")


def mail_pid(server):
    return server.children().get("skerryd-mail")


def delivery(server, words, name="full"):
    return wait_for(lambda: words in (rule(server, name)["mail_delivery"] or "") and rule(server, name), 40, words)


def test_what_a_mailbox_gets(post):
    fake, server, sendmail = post
    sendmail.ends_with(75, 0)
    make(server, mail=TO, severity="critical")
    assert mail_pid(server) is None             # it is not there before it is needed
    fake.vms["vm00"].resident = 200 << 20
    wait_for(lambda: sendmail.count == 2, 40, "the second try")     # the first ended with 75, EX_TEMPFAIL
    (words, message, env), (words_again, again, _) = sendmail.message(0), sendmail.message(1)
    assert words == words_again == ["-i", "-f", "skerry@host.example", "--", TO]
    assert message["From"] == "skerry@host.example" and message["To"] == TO
    assert message["Subject"] == "[skerry] critical: full fires for vm/vm00" and message["Auto-Submitted"] == "auto-generated"
    assert message["Message-ID"] == again["Message-ID"] and message["Message-ID"].endswith("@host.example>")
    assert parsedate_to_datetime(message["Date"]).tzinfo is not None
    text = message.get_payload()
    assert text.startswith("full: resident_bytes of vm/vm00 is 209715200, above 104857600 for 0 s.\n")
    for line in ("severity  critical", "of        vm/vm00", "value     209715200", f"gateway   {server.fingerprint}"):
        assert line in text.splitlines(), line
    assert {line.partition("=")[0] for line in env.splitlines()} <= {"PATH", "LANG", "PWD", "OLDPWD", "SHLVL", "_"}
    shown = delivery(server, "sendmail has taken it")
    assert shown["mail"] == TO and shown["mailed"] and shown["mail_waiting"] == shown["mail_dropped"] == 0 and not shown["hook"]
    fake.vms["vm00"].resident = 16 << 20
    wait_for(lambda: sendmail.count == 3, 40, "the end")
    assert sendmail.message(2)[1]["Subject"].endswith("full has ended for vm/vm00")
    assert sendmail.message(2)[1]["Message-ID"] != message["Message-ID"]
    # The rule keeps its address over a start, and a viewer does not see it.
    server.stop()
    server.start()
    assert rule(server)["mail"] == TO
    seen = server.tls("GET", "/v1/alerts", token=server.make_token(["viewer"], "*")).json()["items"][0]
    assert seen["mailed"] and "mail" not in seen and "mail_delivery" not in seen


def test_debian_s_msmtp(pair, tmp_path):
    """A sendmail of Debian's, under the filters that skerryd sets for all that it starts."""
    relay = Relay()
    settings, program = tmp_path / "msmtprc", tmp_path / "sendmail"
    settings.write_text(f"account default\nhost 127.0.0.1\nport {relay.listener.getsockname()[1]}\ntls off\nauth off\nfrom other@host.example\n")
    program.write_text(f'#!/bin/sh\nexec msmtp -C {settings} "$@"\n')
    program.chmod(0o755)
    fake, server = pair("--mail-from", "skerry@host.example", "--mail-to", TO, "--sendmail", str(program))
    server.start()
    make(server, mail=TO)
    fake.vms["vm00"].resident = 200 << 20
    delivery(server, "sendmail has taken it")
    envelope, message = relay.got[0]
    assert envelope == ["skerry@host.example", TO] and message["Subject"].endswith("full fires for vm/vm00")
    # Without its relay it ends with EX_TEMPFAIL, and the message is tried again.
    relay.listener.shutdown(socket.SHUT_RDWR)
    relay.listener.close()
    fake.vms["vm00"].resident = 16 << 20
    delivery(server, "and is tried again")


def test_who_gets_none(post, pair):
    fake, server, sendmail = post
    bad = ["ops@x.mail.example", "two@other.example", "ops@mail.example.evil.example", "-oQ@mail.example", "ops@mail.example\nBcc: x@mail.example",
           "ops@mail.example,x@mail.example", "|sh@mail.example", "ops@MAIL.example", "", 5, True, ["ops@mail.example"], "a" * 65 + "@mail.example"]
    for address in bad:
        answer = server.tls("POST", "/v1/alerts", {**RULE, "mail": address})
        assert answer.status == 422 and answer.code == "bad-argument", (address, answer.body)
    assert server.tls("GET", "/v1/alerts").json()["items"] == []
    make(server, mail="one@other.example")
    fake.vms["vm00"].resident = 200 << 20
    wait_for(lambda: sendmail.count == 1, 40, "the mail")
    assert sendmail.message(0)[0][-1] == "one@other.example"
    # One whom --mail-to does not name any more gets none.
    server.stop()
    items = json.loads((server.state / "alerts.json").read_text())
    items["items"][0]["mail"] = "two@other.example"
    (server.state / "alerts.json").write_text(json.dumps(items))
    fake.vms["vm00"].resident = 16 << 20
    server.start()
    wait_for(lambda: rule(server)["state"] == "ok", 40, "the end")
    assert sendmail.count == 1 and rule(server)["mail_waiting"] == 0


def test_without_mail_from(pair):
    _, server = pair("--mail-to", "@mail.example")
    server.start()
    answer = server.tls("POST", "/v1/alerts", {**RULE, "mail": TO})
    assert answer.status == 422 and "--mail-from" in answer.json()["detail"]


def test_what_is_final(post):
    fake, server, sendmail = post
    sendmail.ends_with(67)
    make(server, mail=TO)
    fake.vms["vm00"].resident = 200 << 20
    assert "sendmail has ended with 67, and was given up" in delivery(server, "given up")["mail_delivery"]
    lines = server.local("GET", "/v1/audit?limit=500").json()["items"]
    assert [line["result"] for line in lines if line["action"] == "alert.undelivered"] == ["sendmail has ended with 67, and was given up"]


def test_one_that_hangs_delays_no_web_hook_and_no_request(post):
    fake, server, sendmail = post
    (sendmail.folder / "hang").touch()
    for number in range(8):
        make(server, name=f"r{number}", mail=TO)
    fake.vms["vm00"].resident = 200 << 20
    wait_for(lambda: sendmail.count == 1, 40, "the program")
    assert server.tls("GET", "/v1/alerts", timeout=5).status == 200
    assert sum(rule(server, f"r{number}")["mail_waiting"] for number in range(8)) == 8
    # A process that is killed takes the program with it, and is started again.
    (sendmail.folder / "hang").unlink()
    os.kill(mail_pid(server), signal.SIGKILL)
    wait_for(lambda: sendmail.count == 9, 60, "all of them")
    assert server.health()["ready"]


def test_the_process_has_nothing(post):
    fake, server, sendmail = post
    (sendmail.folder / "hang").touch()
    make(server, mail=TO)
    fake.vms["vm00"].resident = 200 << 20
    wait_for(lambda: sendmail.count == 1, 40, "the program")
    pid = mail_pid(server)
    links = [str(each.readlink()) for each in Path(f"/proc/{pid}/fd").iterdir() if each.exists()]
    assert not [link for link in links if str(server.state) in link or "anon_inode:[e" in link or "signalfd" in link], links
    assert "Seccomp:\t2" in Path(f"/proc/{pid}/status").read_text()
    child = int(Path(f"/proc/{pid}/task/{pid}/children").read_text().split()[0])
    wait_for(lambda: Path(f"/proc/{child}/comm").read_text() == "sleep\n", 20, "the script's last command")
    # a program that has just begun has the libraries open that are loaded
    wait_for(lambda: sorted(os.listdir(f"/proc/{child}/fd")) == ["0", "1", "2"], 20, "no more descriptors than the first three")
    server.stop()
    wait_for(lambda: not Path(f"/proc/{child}").exists(), 20, "the program's end")


def test_started_by_one_that_ignores_its_children(post):
    """How sendmail has ended is seen, and a process that has ended is started again, though SIGCHLD was ignored by whoever started skerryd."""
    fake, server, sendmail = post
    server.stop()
    before = signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    try:
        server.start()
    finally:
        signal.signal(signal.SIGCHLD, before)
    make(server, mail=TO)
    fake.vms["vm00"].resident = 200 << 20
    delivery(server, "sendmail has")
    assert rule(server)["mail_delivery"] == "sendmail has taken it"
    os.kill(mail_pid(server), signal.SIGKILL)
    fake.vms["vm00"].resident = 16 << 20
    wait_for(lambda: sendmail.count == 2, 20, "the mail about the end")


def test_options_that_are_wrong(program, tmp_path):
    for words, said in ((["--mail-from", "nobody"], "--mail-from takes an address"), (["--mail-to", "*@x"], "--mail-to takes an address"),
                        (["--sendmail", "sendmail"], "--sendmail takes a path"), (["--mail-to", "@a"] * 17, "at most 16")):
        done = subprocess.run([program, "--link", "unix:/none", "--socket", str(tmp_path / "s"), "--state", str(tmp_path), *words],
                              capture_output=True, text=True, timeout=10)
        assert done.returncode == 2 and said in done.stderr
