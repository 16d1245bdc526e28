# SPDX-License-Identifier: MIT
"""skerryctl with skerryd itself, over TLS and over the Unix socket."""
import json
import os
import subprocess

import pexpect
import pytest

from client import wait_for


class Ctl:
    def __init__(self, program, server, folder):
        self.program, self.server = program, server
        self.environment = {"PATH": os.environ["PATH"], "XDG_CONFIG_HOME": str(folder),
                            "SKERRY_HOST": f"https://localhost:{server.port}",
                            "SKERRY_TOKEN": server.token}

    def words(self, words):
        return ["--fingerprint", self.server.fingerprint, *words]

    def run(self, *words, stdin="", **environment):
        return subprocess.run([self.program, *self.words(words)], input=stdin, text=True, timeout=20,
                              env={**self.environment, **environment}, capture_output=True)

    def good(self, *words, **keys):
        done = self.run(*words, **keys)
        assert done.returncode == 0, done
        return done.stdout

    def spawn(self, *words):
        return pexpect.spawn(self.program, self.words(words), env=self.environment, timeout=20,
                             encoding="utf-8")


@pytest.fixture
def make(request, tmp_path):
    return lambda server: Ctl(request.config.getoption("--gateway") + "/skerryctl", server, tmp_path)


@pytest.fixture
def ctl(make, server):
    return make(server)


def test_machines(ctl, fake):
    assert len(ctl.good("vm", "list").splitlines()) == 1 + len(fake.vms)
    assert "vm00: pause, is paused" in ctl.good("vm", "pause", "vm00")
    assert ctl.good("vm", "pause", "vm00") == "vm00: pause, nothing to change, is paused\n"
    assert ctl.good("vm", "resume", "vm00") == "vm00: resume, is running\n"
    assert ctl.good("vm", "snapshot", "vm00", "ready") == "vm00: snapshot taken\n"
    assert ctl.good("vm", "reset", "vm00", "--to", "ready") == "vm00: reset, is running\n"
    assert ctl.good("vm", "snapshot", "list", "vm00").split("\n")[1].split()[0] == "ready"
    assert ctl.good("vm", "clone", "vm00@ready", "copy") == "copy: cloned\n"
    assert ctl.good("vm", "clone", "vm00@ready", "other", "net=a", "net=b") == "other: cloned\n"
    assert ctl.good("vm", "snapshot", "drop", "vm00", "ready") == "vm00: snapshot dropped\n"
    done = ctl.run("vm", "reset", "vm00", "--to", "ready")
    assert done.returncode != 0 and 'no snapshot "ready"' in done.stderr
    assert ctl.good("vm", "renew", "vm00") == "vm00: renew, is running\n"
    assert ctl.good("vm", "trim", "vm00") == "vm00: trim, is running\n"
    done = ctl.run("vm", "resume", "vm07")
    assert done.returncode == 5 and "allowed when" in done.stderr
    assert ctl.run("vm", "show", "none").returncode == 3
    assert {actor for words, actor in fake.commands if words[:2] == ["vm", "trim"]} == {"first via token 1"}


def test_what_cannot_be_undone_is_asked_for(ctl, fake):
    """A command that cannot be undone asks at a terminal; a script is not asked."""
    fake.vms["vm08"].state = "created"
    terminal = ctl.spawn("vm", "destroy", "vm08")
    terminal.expect("destroy vm08\\? What it has in memory is lost. .y/N. ")
    terminal.sendline("")
    terminal.expect("not done")
    terminal.expect(pexpect.EOF)
    terminal.close()
    assert "vm08" in fake.vms and terminal.exitstatus == 1
    count = len(fake.commands)
    for action in ("reboot", "poweroff"):
        terminal = ctl.spawn("host", action)
        terminal.expect("All machines are stopped. .y/N. ")
        terminal.sendline("n")
        terminal.expect("not done")
        terminal.expect(pexpect.EOF)
        terminal.close()
    assert not [words for words, _ in fake.commands[count:] if words[0] in ("reboot", "poweroff")]
    terminal = ctl.spawn("vm", "destroy", "vm08")
    terminal.expect("y/N. ")
    terminal.sendline("y")
    terminal.expect("vm08: destroyed")
    terminal.expect(pexpect.EOF)
    terminal.close()
    ctl.good("vm", "create", "vm08")
    assert ctl.good("vm", "destroy", "vm08") == "vm08: destroyed\n"
    ctl.good("vm", "create", "vm08")
    terminal = ctl.spawn("vm", "destroy", "vm08", "--yes")
    terminal.expect("vm08: destroyed")
    terminal.expect(pexpect.EOF)
    terminal.close()
    ctl.good("vm", "create", "vm08")


def test_states(ctl, fake):
    assert ctl.good("disk", "list").splitlines()[1].split()[:4] == ["saves", "ram0", "ready", "64M"]
    lan, lab = ctl.good("net", "list").splitlines()[1:]
    assert lan.split() == ["lan", "ready", "net0", "net1", "up", "down", "1500", "3", "-"]
    assert lab.endswith("net2 is no network card") and ctl.run("net", "lan").returncode == 2
    assert ctl.good("disk", "restore", "saves", "data") == "saves: restored\n"
    assert ctl.run("disk", "restore", "data", "saves").returncode == 5
    assert ctl.run("disk", "restore", "saves").returncode == 2
    # a volume with scheduled backups
    for words in (["pool/web"], ["pool/web", "at=20261129191604"]):
        assert ctl.run("disk", "restore", *words).returncode == 3
        assert fake.last("disk", "restore") == ["disk", "restore", *words], words
    assert ctl.run("disk", "restore", "pool/web", "at=today").returncode == 1
    assert ctl.run("vm", "save", "vm02").returncode == 2
    assert ctl.run("vm", "save", "vm02", "none").returncode == 3
    done = ctl.run("vm", "save", "vm02", "data")
    assert done.returncode == 1 and "holds something else" in done.stderr
    assert ctl.good("vm", "save", "vm02", "data", "--overwrite") == "vm02: saved on data\n"
    assert ctl.good("vm", "restore", "vm02", "data") == "vm02: restored from data\n"
    assert fake.vms["vm02"].state == "running"
    assert ctl.good("vm", "backup", "vm02", "full", "data=saves") == "vm02: backup begun\n"
    assert ctl.good("vm", "backup", "list", "vm02").splitlines()[1].split() == \
        ["data", "saves", "full", "1", "copying", "1M", "64M", "-", "-"]
    assert ctl.run("vm", "backup", "vm02", "diff", "data=saves").returncode == 5
    assert ctl.good("vm", "backup", "cancel", "vm02") == "vm02: backup cancelled\n"
    assert ctl.run("vm", "backup", "vm02", "full").returncode == 2
    assert "it has no schedule" in ctl.run("vm", "backup", "now", "vm02").stderr
    fake.vms["vm02"].config["backup"] = "pool every 1d"
    assert ctl.good("vm", "backup", "now", "vm02") == "vm02: backup is due now\n"
    fake.vms["vm02"].config["backup"] = ""
    assert ctl.good("vm", "balloon", "vm02") == "vm02: has no balloon, or is not running\n"
    assert ctl.good("vm", "balloon", "vm02", "64M") == "vm02: 64M of 128M wanted, 128M at present\n"
    assert "64M of 128M wanted, 64M at present\n  free-bytes " in ctl.good("vm", "balloon", "vm02")
    for size in ("64Q", "-1", "", "64MB", "99999999999999999999", "M"):
        assert ctl.run("vm", "balloon", "vm02", size).returncode == 2, size
    assert ctl.good("vm", "inspect", "vm02", "vcpu.0.rip").splitlines()[0] == "vcpu.0.rip 18446744071578845184"
    assert ctl.run("vm", "inspect", "vm02", "nothing").returncode == 3
    assert ctl.good("vm", "digest", "vm02") == f"vm02: RAM   {64 * 'a'}\nvm02: state {64 * 'b'}\n"
    assert ctl.run("vm", "digest").returncode == 2
    fake.vms["vm02"].config["disk"] = "data, saves cdrom"
    assert ctl.good("vm", "eject", "vm02") == "vm02: saves is out of the drive\n"
    assert ctl.good("vm", "insert", "vm02", "saves") == "vm02: saves is in the drive\n"
    assert ctl.good("vm", "insert", "vm02", "medium=data") == "vm02: data is in the drive\n"
    assert ctl.run("vm", "eject", "vm02", "saves").returncode == 3
    for words in (["eject"], ["eject", "a", "b", "c"], ["insert"], ["insert", "a", "b", "c"], ["insert", "a", "medium=b", "medium=c"]):
        assert ctl.run("vm", *words).returncode == 2, words
    assert ctl.good("vm", "snapshot", "vm02", "s") and "8K" in ctl.good("vm", "snapshot", "list", "vm02")


def test_users(ctl, tmp_path):
    """A user is made, logs in at a terminal, changes the password, logs out."""
    assert ctl.run("user", "create", "alice", "--role", "viewer", stdin="short\n").returncode == 1
    assert ctl.run("user", "create", "alice", stdin="").returncode == 2
    made = ctl.run("user", "create", "alice", "--role", "operator", "--scope", "vm0*", stdin="correct horse\n")
    assert made.returncode == 0 and made.stdout == "alice: created\n", made
    assert ctl.run("user", "create", "alice", "--role", "viewer", stdin="correct horse\n").returncode == 5
    assert ctl.good("user", "list").splitlines()[1].split() == ["alice", "vm0*", "-", "operator"]
    del ctl.environment["SKERRY_TOKEN"]
    assert ctl.run("vm", "list").returncode == 4
    assert ctl.run("login", "--user", "alice", stdin="wrong horse\n").returncode == 4
    terminal = ctl.spawn("login", "--user", "alice")
    terminal.expect("Password: ")
    terminal.sendline("correct horse")
    terminal.expect("logged in as alice for 12:00:00, kept in (.*)\r\n")
    assert "horse" not in terminal.before
    terminal.close()
    kept, = (tmp_path / "skerry/tokens").iterdir()
    assert kept.read_text().startswith("sks_") and kept.stat().st_mode & 0o77 == 0
    assert len(ctl.good("vm", "list").splitlines()) == 1 + 10
    assert ctl.run("user", "list").returncode == 4
    terminal = ctl.spawn("password")
    for prompt, line in (("Old", "correct horse"), ("New", "another horse"), ("Once more", "another house")):
        terminal.expect(prompt)
        terminal.sendline(line)
    terminal.expect("nothing is changed")
    terminal.close()
    done = ctl.run("password", stdin="correct horse\nanother horse\n")
    assert done.stdout == "password: changed; log in again\n", done
    assert ctl.run("vm", "list").returncode == 4
    assert ctl.run("login", "--user", "alice", stdin="another horse\n").returncode == 0
    token = {"SKERRY_TOKEN": ctl.server.token}
    ctl.good("user", "set", "alice", "--role", "viewer", **token)
    assert ctl.run("vm", "list").returncode == 4
    ctl.good("user", "password", "alice", stdin="a third horse\n", **token)
    assert ctl.run("login", "--user", "alice", stdin="a third horse\n").returncode == 0
    assert ctl.run("vm", "pause", "vm00").returncode == 4
    ctl.good("logout")
    assert not kept.exists() and ctl.run("vm", "list").returncode == 4
    ctl.good("user", "remove", "alice", **token)
    assert ctl.run("user", "remove", "alice", **token).returncode == 3


def test_stop_waits(ctl, fake):
    """`stop` is back when the guest has powered off, however long the button takes."""
    fake.stop_s = 2.5
    try:
        assert ctl.good("vm", "stop", "vm03") == "vm03: stop\n"
        assert fake.vms["vm03"].state == "stopped"
    finally:
        fake.stop_s = 0.3
    ctl.good("vm", "start", "vm03")


def test_life(ctl, fake):
    ctl.good("vm", "create", "fresh", "kernel=vmlinuz", "memory=64M", 'cmdline=console=ttyS0 a="b c"')
    assert fake.vms["fresh"].config["cmdline"] == 'console=ttyS0 a="b c"'
    assert ctl.run("vm", "create", "fresh", "kernel=vmlinuz").returncode == 5
    ctl.good("vm", "set", "fresh", "weight=77")
    shown = ctl.good("vm", "show", "fresh")
    assert "  weight = 77\n" in shown and "memory = 64M   (can change while it is stopped)" in shown
    assert json.loads(ctl.good("--json", "vm", "show", "fresh"))["weight"] == 77
    assert ctl.run("vm", "set", "fresh", "nonsense=1").returncode == 1
    ctl.good("vm", "destroy", "fresh")
    assert "fresh" not in fake.vms


def test_host_log_audit(ctl, fake):
    host = ctl.good("host")
    assert f"fingerprint    {ctl.server.fingerprint}" in host and "link           up" in host
    wait_for(lambda: "cpu 0          busy " in ctl.good("host"), 10, "a sample")
    log = ctl.good("log", "--level", "warning", "--limit", "5").splitlines()
    assert len(log) == 5 and all(" warning vm" in line for line in log)
    ctl.good("vm", "reset", "vm01")
    audit = ctl.good("audit", "--limit", "5")
    assert "vm.reset" in audit and "vm01" in audit and "head " in audit


def test_host_actions(ctl, fake):
    assert ctl.good("host", "audit") == "host: audit, findings: 0\n"
    assert ctl.good("host", "log-rotate") == "host: log-rotate\n"
    assert ctl.run("host", "explode").returncode == 2


def test_tokens(ctl):
    """
    A user makes a token with fewer rights than the user has; the token ends when it is revoked.
    """
    made = ctl.run("token", "create", "looker", "--role", "viewer", "--scope", "vm00",
                   "--expires", "600")
    assert made.returncode == 0, made
    secret = made.stdout.strip()
    assert secret.startswith("sky_") and secret not in made.stderr
    rows = ctl.good("vm", "list", SKERRY_TOKEN=secret).splitlines()
    assert len(rows) == 2 and "vm00" in rows[1]
    assert ctl.run("vm", "kill", "vm00", SKERRY_TOKEN=secret).returncode == 4
    assert ctl.run("vm", "show", "vm05", SKERRY_TOKEN=secret).returncode == 3
    listed = [row for row in json.loads(ctl.good("token", "list", "--json")) if row["name"] == "looker"]
    assert secret not in ctl.good("token", "list", "--json") and len(listed) == 1
    ctl.good("token", "revoke", listed[0]["id"])
    assert ctl.run("vm", "list", SKERRY_TOKEN=secret).returncode == 4


def test_local(ctl):
    """On the Unix socket the user's id decides."""
    done = subprocess.run([ctl.program, "--socket", ctl.server.socket, "vm", "list"],
                          env={"PATH": os.environ["PATH"]}, capture_output=True, text=True, timeout=20)
    assert done.returncode == 0 and "vm00" in done.stdout, done


def test_events_follow(ctl, fake):
    terminal = ctl.spawn("events", "--follow")
    wait_for(lambda: ctl.good("vm", "pause", "vm02") and ctl.good("vm", "resume", "vm02") and
             terminal.expect([r"vm02 paused", pexpect.TIMEOUT], timeout=1) == 0, 20, "the event")
    fake.crash("vm02", "an \x1b[31m escape")
    terminal.expect(r"vm02 crashed: an \\x1b\[31m escape")
    terminal.close(force=True)
    ctl.good("vm", "start", "vm02")
    assert "vm02 crashed" in ctl.good("events")


def test_console(make, pair):
    """
    Input is echoed; the console is taken up without a byte lost or doubled when skerryd was
    killed.
    """
    fake, server = pair()
    server.start()
    terminal = make(server).spawn("console", "vm00")
    terminal.expect("login: ")
    terminal.send("hello")
    terminal.expect("hello")
    server.kill()
    terminal.expect("connection lost")
    fake.print_to(fake.vms["vm00"], b"<meanwhile>")
    server.start()
    terminal.expect("connected again")
    terminal.expect("<meanwhile>")
    assert "login" not in terminal.before
    terminal.send("again")
    terminal.expect("again")
    terminal.send("\x1d")
    terminal.expect(pexpect.EOF)
    terminal.close()
    assert terminal.exitstatus == 0


def test_one_types(ctl, fake):
    """A second writer is refused, or takes over; a look is always free."""
    first = ctl.spawn("console", "vm01")
    first.expect("login: ")
    done = ctl.run("console", "vm01")
    assert done.returncode == 5, done
    second = ctl.spawn("console", "--take", "vm01")
    second.expect("login: ")
    first.expect("the console has ended")
    first.expect(pexpect.EOF)
    look = ctl.spawn("console", "--read-only", "vm01")
    look.expect("login: ")
    second.send("taken")
    look.expect("taken")
    for terminal in (second, look):
        terminal.send("\x1d")
        terminal.expect(pexpect.EOF)


def test_revoked(ctl):
    """The console of a token that is revoked ends."""
    secret = ctl.good("token", "create", "brief", "--role", "console-read", "--role", "viewer").strip()
    number = [row["id"] for row in json.loads(ctl.good("--json", "token", "list"))
              if row["name"] == "brief"][0]
    words = [ctl.program, *ctl.words(["console", "--read-only", "vm01"])]
    with subprocess.Popen(words, env={**ctl.environment, "SKERRY_TOKEN": secret}, text=True,
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE) as program:
        assert program.stdout.read(1)
        ctl.good("token", "revoke", number)
        _, errors = program.communicate(timeout=20)
    assert program.returncode == 4 and "no longer good" in errors


def test_console_without_link(make, pair):
    """The link's loss is waited out without a word each second."""
    fake, server = pair()
    server.start()
    terminal = make(server).spawn("console", "vm00")
    terminal.expect("login: ")
    fake.accepts = False
    fake.drop()
    terminal.expect("connection lost")
    wait_for(lambda: not server.health()["ready"], 20, "the loss of the link")
    fake.accepts = True
    terminal.expect("connected again")
    assert "skerryctl" not in terminal.before
    terminal.close(force=True)


def test_all_output_arrives(make, pair):
    """60 kB that the guest printed before arrive, through credits, byte for byte."""
    fake, server = pair()
    server.start()
    sent = b"".join(b"%07d\n" % n for n in range(7500))
    fake.vms["vm00"].printed = b""
    fake.print_to(fake.vms["vm00"], sent)
    ctl = make(server)
    with subprocess.Popen([ctl.program, *ctl.words(["console", "vm00", "--read-only"])],
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, env=ctl.environment) as program:
        got = b""
        while len(got) < len(sent) and (piece := os.read(program.stdout.fileno(), 65536)):
            got += piece
        program.terminate()
    assert got == sent


def test_link_lost(make, pair):
    fake, server = pair()
    server.start()
    ctl = make(server)
    fake.accepts = False
    fake.drop()
    wait_for(lambda: "link           lost" in ctl.good("host"), 20, "the loss of the link")
    done = ctl.run("vm", "list")
    assert done.returncode == 0 and "link to Skerry is lost" in done.stderr
    assert ctl.run("vm", "pause", "vm00").returncode == 6


def test_history(ctl, server):
    wait_for(lambda: any(json.loads(ctl.good("history", "vm00", "--json"))["series"][0]["mean"]), 20, "a sample")
    rows = ctl.good("history", "vm00", "--hours", "1").splitlines()
    assert rows[0].split()[:4] == ["TIME", "CPU%", "HIGHEST%", "STEAL%"] and 20 <= len(rows) <= 22
    assert 10 < float(rows[-1].split()[1]) < 12
    assert len(ctl.good("history").splitlines()) in (25, 26)
    assert ctl.run("history", "none").returncode == 3
    assert "--hours takes a number from 1 to 17544" in ctl.run("history", "--hours", "0").stderr


def test_forecast(ctl, server):
    wait_for(lambda: ctl.run("forecast", "vm00").returncode == 0, 20, "a sample")
    rows = ctl.good("forecast").splitlines()
    assert rows[0].split() == ["SERIES", "NOW", "LIMIT", "A-DAY", "LIMIT-REACHED"]
    assert [row.split()[0] for row in rows[1:]] == ["busy_percent", "free_bytes"] and "not enough history: 0 days" in rows[1]
    assert ctl.good("forecast", "vm00", "cpu_percent", "5").splitlines()[1].split()[-1] == "now"
    assert {item["state"] for item in json.loads(ctl.good("forecast", "vm00", "--json"))["items"]} == {"not-enough-history"}
    assert ctl.run("forecast", "none").returncode == 3
    for words in (["a", "b"], ["a&b=c"], ["vm00", "cpu_percent", "5", "6"]):
        assert "use: forecast" in ctl.run("forecast", *words).stderr
    assert "series" in ctl.run("forecast", "vm00", "none", "5").stderr
