# SPDX-License-Identifier: MIT
"""Names that skerry-proxy answers: to whom, with which addresses, and what a name server's lies come to."""
import os
import re
import select
import socket
import struct
import subprocess
import time
from pathlib import Path

import pytest

from client import wait_for
from name_server import AAAA, CNAME, TXT, Asker, Server, answer, question, read, record
from ports import free_port
from proxy import Proxy

GOOD, OTHER = "9.9.9.9", "9.9.9.10"


def honest(asked, name):
    """What a name server says that knows every name."""
    return [answer(asked, record(b"\xc0\x0c", GOOD))]


@pytest.fixture
def named(request, tmp_path):
    """Makes a server that says what it is told, and the program that asks it: (program, server, port)."""
    made = []

    def make(say, text="names = api.test, *.lib.test\n", resolver=True):
        port, server = free_port(), Server(say)
        where = f"resolver = 127.0.0.1:{server.port}\n" if resolver else ""
        one = Proxy(str(Path(request.config.getoption("--gateway")) / "skerry-proxy"), tmp_path,
                    f"{where}names.listen = 127.0.0.1:{port}\nnames.set = none\n{text}")
        made.append((one, server))
        return one, server, port
    yield make
    for one, server in made:
        one.close()
        server.close()


def test_listed(named):
    """Names of the list are answered, each spelling of them; others are not, and no name server hears of these."""
    one, server, port = named(honest, "names = api.test, *.lib.test\nresolve = fixed.lib.test. 9.9.9.11\n[host direct.test.]\n"
                              "direct = yes\naddress = 10.1.2.0/24\nclients = 127.0.0.0/24\n[host far.test]\n")
    with Asker(port) as client, Asker(port, "127.0.9.1") as far:
        for name in ("api.test", "API.Test", "a.lib.test", "X-1.LIB.TEST"):
            assert client.ask(name) == ("done", [GOOD], 60), name
        assert client.ask("fixed.lib.test") == ("done", ["9.9.9.11"], 300)
        assert len(server.asked) == 4 and server.asked[1] == "api.test"
        # every question has a number and a port of its own
        assert len(set(server.ports)) == 4 and len({port for port, _ in server.ports}) > 1
        for name in ("evil.test", "lib.test", "a.b.lib.test", "xlib.test", "x.api.test", "api.test.evil", "far.test", "test"):
            assert client.ask(name) == ("no name", [], None), name
        assert far.ask("direct.test")[0] == "no name"
        for kind in (AAAA, TXT, 255, 65):
            assert client.ask("api.test", kind) == ("done", [], None)
            assert client.ask("evil.test", kind)[0] == "no name"
        assert client.ask("api.test", group=3)[0] == "refused"
        assert client.ask("api.test", head=b"\x29\0\0\1\0\0\0\0\0\0")[0] == "no kind"
        assert client.ask("api.test", head=b"\1\0\0\1\0\1\0\0\0\0")[0] == "format"
        for packet in (b"", b"\0" * 11, b"\x12\x34\x81\x80" + bytes(20), bytes(500), os.urandom(300)[:2] + b"\x80" + bytes(9)):
            far.send(packet)
        assert client.ask("direct.test")[:2] == ("done", [])      # its section names other addresses
        assert len(server.asked) == 5
    log = one.log()
    assert "127.0.0.1 NAME api.test 9.9.9.9 200" in log
    assert "NAME evil.test - 403 up 0 down 0: no line names has it, and no [host NAME] with direct = yes" in log
    assert "NAME direct.test - 403" in log and "the name stands for addresses that its rule does not allow" in log


@pytest.mark.parametrize("addresses", [
    ["10.0.0.1"], ["127.0.0.1"], ["169.254.169.254"], ["192.168.1.1", "172.16.0.1"], ["0.0.0.0"], ["100.64.0.1"], ["224.0.0.1"]])
def test_private(named, addresses):
    """Addresses that are no host's of the internet are dropped, alone and beside others."""
    def say(asked, name):
        more = [GOOD] if name == "a.lib.test" else []
        return [answer(asked, *(record(b"\xc0\x0c", address) for address in addresses + more))]
    _, _, port = named(say)
    with Asker(port) as client:
        assert client.ask("api.test") == ("done", [], None)
        assert client.ask("a.lib.test") == ("done", [GOOD], 60)


def test_own(named):
    """The machine's own networks are dropped like private ones, unless a section names them."""
    said = subprocess.run(["ip", "-4", "-o", "address"], capture_output=True, text=True, check=True).stdout
    own = [line.split()[3].split("/")[0] for line in said.splitlines()]
    _, _, port = named(lambda asked, name: [answer(asked, *(record(b"\xc0\x0c", each) for each in own))],
                       "names = api.test\n[host near.test]\ndirect = yes\naddress = 127.0.0.1\n")
    with Asker(port) as client:
        assert client.ask("api.test")[1] == [] and client.ask("near.test")[1] == ["127.0.0.1"]


def test_rebinding(named):
    """Each answer is looked at anew; a lifetime of none, or of years, is told as one within bounds."""
    said = iter([(GOOD, 0), ("10.0.0.1", 60), (OTHER, 0x7FFFFFFF), (GOOD, 100), (GOOD, 0x80000000)])

    def say(asked, name):
        address, seconds = next(said)
        return [answer(asked, record(b"\xc0\x0c", address, seconds=seconds))]
    _, _, port = named(say)
    with Asker(port) as client:
        assert client.ask("api.test") == ("done", [GOOD], 30)
        assert client.ask("api.test") == ("done", [], None)
        assert client.ask("api.test") == ("done", [OTHER], 300)
        assert client.ask("api.test") == ("done", [GOOD], 100)
        assert client.ask("api.test") == ("done", [GOOD], 30)


def test_lies(named):
    """Answers to other questions, of other names, with loops, and too long ones come to nothing."""
    def say(asked, name):
        wrong = bytes([asked[0] ^ 1]) + asked[1:]
        other = asked[:12] + asked[12:].replace(b"\3lib", b"\3bil")
        lies = [answer(wrong, record(b"\xc0\x0c", OTHER)), answer(other, record(b"\xc0\x0c", OTHER)), asked, b"", b"\0",
                answer(asked, *(record(b"\xc0\x0c", OTHER) for _ in range(90)))]
        what = name.split(".")[0]
        chain = [record(f"c{number}.test", f"c{number + 1}.test", CNAME) for number in range(20)]
        last = {
            "before": answer(asked, record(b"\xc0\x0c", GOOD)),
            "foreign": answer(asked, record("evil.test", OTHER), record(b"\xc0\x0c", GOOD)),
            "alias": answer(asked, record("cdn.evil", GOOD, seconds=40), record(b"\xc0\x0c", "cdn.evil", CNAME)),
            "chain": answer(asked, record(b"\xc0\x0c", "c15.test", CNAME), *chain, record("c20.test", GOOD)),
            "long": answer(asked, record(b"\xc0\x0c", "c1.test", CNAME), *chain, record("c20.test", OTHER)),
            "loop": answer(asked, record(b"\xc0\x0c", "c1.test", CNAME), record("c1.test", "c1.test", CNAME)),
            "pointer": answer(asked, record(b"\xc0\x0c", b"\xc0" + bytes([len(asked) + 12]), 5)),
            "half": answer(asked, record(b"\xc0\x0c", "other.test", CNAME)),
            "none": answer(asked, flags=b"\x81\x83"),
            "many": answer(asked, *(record(b"\xc0\x0c", f"9.9.8.{number}") for number in range(30))),
            "cut": answer(asked, record(b"\xc0\x0c", GOOD), flags=b"\x83\x80"),
        }[what]
        return [*lies, last] if what == "before" else [last]
    _, server, port = named(say)
    with Asker(port) as client:
        for name, wanted in (("before", [GOOD]), ("foreign", [GOOD]), ("alias", [GOOD]), ("chain", [GOOD]), ("long", []),
                             ("loop", []), ("pointer", []), ("half", []), ("cut", [GOOD]),
                             ("many", [f"9.9.8.{number}" for number in range(8)])):
            assert client.ask(f"{name}.lib.test")[:2] == ("done", wanted), name
        assert client.ask("alias.lib.test")[2] == 40
        assert client.ask("none.lib.test")[0] == "no name"
    # an alias that the answer does not resolve is asked for nowhere
    assert set(server.asked) == {f"{name}.lib.test" for name in ("before", "foreign", "alias", "chain", "long", "loop", "pointer",
                                                                 "half", "cut", "many", "none")}


def test_silent(named):
    """A server that says nothing, or refuses, keeps no other question waiting; the client hears of it in the end."""
    def say(asked, name):
        if name == "silent.lib.test":
            return []
        return [answer(asked, flags=b"\x81\x82")] if name == "broken.lib.test" else honest(asked, name)
    _, server, port = named(say)
    began = time.monotonic()
    with Asker(port) as client, Asker(port, "127.0.0.2") as other:
        for _ in range(8):
            client.send(question("silent.lib.test"))
        assert client.ask("broken.lib.test")[0] == "refused"      # eight of one client wait
        assert other.ask("broken.lib.test")[0] == "failed"
        assert other.ask("api.test")[0] == "done"
        assert time.monotonic() - began < 5
        assert [client.socket.recv(2048)[3] & 15 for _ in range(8)] == [2] * 8
        assert 5 < time.monotonic() - began < 20
        assert server.asked.count("silent.lib.test") == 24
        assert client.ask("api.test")[0] == "done"


def test_share(named):
    """Clients that wait for a silent name server in all places there are leave one to another client, and one after the other."""
    _, server, port = named(lambda asked, name: [] if name.startswith("silent") else honest(asked, name))
    many = [Asker(port, f"127.0.1.{number}") for number in range(1, 17)]
    with Asker(port) as other:
        for client in many:
            for _ in range(8):
                client.send(question("silent.lib.test"))
        wait_for(lambda: len(server.asked) >= 128, 4)       # they are given up 6 s after they came
        assert other.ask("api.test")[:2] == ("done", [GOOD])
        other.send(question("silent.lib.test"))
        assert other.ask("api.test")[:2] == ("done", [GOOD])
    for client in many:
        client.socket.close()


def test_rates(named):
    """A client's questions are bounded in a second and in an hour; others are served meanwhile."""
    one, server, port = named(honest, "names = *.lib.test\nnames.questions = 5\nnames.hour = 30\n")
    with Asker(port) as client, Asker(port, "127.0.0.2") as other, Asker(port, "127.0.0.3") as slow:
        began = time.monotonic()
        said = [client.ask(f"n{number}.lib.test")[0] for number in range(60)]
        assert said[:20] == ["done"] * 20 and said.count("done") <= 21 + 5 * (time.monotonic() - began), said
        assert other.ask("a.lib.test")[0] == "done"
        until, asked = time.monotonic() + 30, 0
        while slow.ask(f"s{asked}.lib.test")[0] == "done":
            asked += 1
            assert time.monotonic() < until
            time.sleep(0.15)
        assert asked == 30
    log = one.wait_log("names.hour allows")
    assert log.count("more than names.questions allows") == 1 and len(server.asked) <= 61


def test_stream(named):
    """Over TCP a client asks one question after another; of one client there are four connections."""
    def say(asked, name):
        time.sleep(0.2 if name == "slow.lib.test" else 0)
        return honest(asked, name)
    _, _, port = named(say)
    asked = [question(name) for name in ("slow.lib.test", "api.test", "evil.test", "a.lib.test")]
    with socket.create_connection(("127.0.0.1", port), 20) as client, client.makefile("rb") as stream:
        text = b"".join(struct.pack(">H", len(each)) + each for each in asked)
        for byte in text[:7]:
            client.sendall(bytes([byte]))
        client.sendall(text[7:])
        found = [read(stream.read(struct.unpack(">H", stream.read(2))[0]), each) for each in asked]
        assert [code for code, _, _ in found] == ["done", "done", "no name", "done"]
        more = [socket.create_connection(("127.0.0.1", port), 20) for _ in range(4)]
        assert more[3].recv(1) == b""
        client.sendall(b"\xff\xff")
        assert stream.read(1) == b""
        began = time.monotonic()
        assert more[0].recv(1) == b"" and time.monotonic() - began < 15      # it has asked nothing
        for each in more:
            each.close()
    with Asker(port) as client:
        assert client.ask("api.test")[0] == "done"


def test_stream_silent(named):
    """When no name server has answered a question over TCP, its connection goes on, though nobody else asks anything."""
    _, _, port = named(lambda asked, name: [] if name == "silent.lib.test" else honest(asked, name))
    with socket.create_connection(("127.0.0.1", port), 20) as client, client.makefile("rb") as stream:
        for name, code in (("silent.lib.test", "failed"), ("api.test", "done")):
            asked = question(name)
            client.sendall(struct.pack(">H", len(asked)) + asked)
            assert read(stream.read(struct.unpack(">H", stream.read(2))[0]), asked)[0] == code


def names_process(one):
    """The ids of the processes that are no connection's, but for the first."""
    return one.family()[1:]


def test_again(named):
    """SIGHUP brings a new list; a wrong file leaves the old one, and says why. A process that was ended comes again."""
    one, _, port = named(honest)
    with Asker(port) as client:
        one.conf.write_text(one.conf.read_text().replace("names = api.test", "names = a/b"))
        one.again()
        assert "a star stands for one label" in one.wait_log("goes on by")
        assert client.ask("api.test")[0] == "done"
        one.conf.write_text(one.conf.read_text().replace("names = a/b", "names = other.test"))
        one.again()
        one.wait_log("has read")
        assert client.ask("api.test")[0] == "no name" and client.ask("other.test")[0] == "done"
        # the one before it has been killed, and is there until it is reaped
        process, = wait_for(lambda: len(found := names_process(one)) == 1 and found)
        said = Path(f"/proc/{process}/status").read_text(encoding="ascii")
        assert "Seccomp_filters:\t2\n" in said and "CapEff:\t0000000000000000" in said and "CapPrm:\t0000000000000000" in said
        os.kill(process, 9)
        one.wait_log("has ended, and is started again")
        client.socket.settimeout(30)
        assert client.ask("other.test")[0] == "done"
        again, = names_process(one)
        assert again != process
        # it shares no memory with the processes of connections
        assert " rw-s " not in Path(f"/proc/{again}/maps").read_text(encoding="utf-8")


@pytest.mark.skipif(os.geteuid() != 0, reason="a name server's port is 53")
def test_resolv(named, tmp_path):
    """The file of name servers is read again when it has changed; a server that is silent has others stand in for it."""
    first, second = Server(lambda asked, name: [], ("127.0.0.71", 53)), Server(honest, ("127.0.0.72", 53))
    file = tmp_path / "resolv.conf"
    file.write_text("# none\nnameserver ::1\n")
    try:
        one, _, port = named(honest, f"names = api.test\nresolver = {file}\n", resolver=False)
        with Asker(port) as client:
            assert client.ask("api.test")[0] == "failed"
            file.write_text("nameserver 127.0.0.71\nnameserver 127.0.0.72\n")
            one.wait_log("with 2 name servers")
            assert client.ask("api.test")[:2] == ("done", [GOOD]) and first.asked == second.asked == ["api.test"]
    finally:
        first.close()
        second.close()


def test_endless(named, tmp_path):
    """A file of name servers that has no end, or that nobody writes, holds nothing up; what is behind a long line is no line."""
    file = tmp_path / "resolv.conf"
    file.write_text(f"#{'x' * 254}nameserver 192.0.2.1\n")
    one, _, port = named(honest, f"names = api.test\nresolver = {file}\n", resolver=False)
    with Asker(port) as client:
        file.write_text(f"# {'x' * 253}nameserver 192.0.2.1\n")
        one.wait_log("with 0 name servers")
        file.unlink()
        os.mkfifo(file)
        until = time.monotonic() + 30
        while one.log().count("with 0 name servers") < 2:
            assert time.monotonic() < until
            time.sleep(0.1)
        file.unlink()
        file.symlink_to("/dev/zero")
        while one.log().count("with 0 name servers") < 3:
            assert time.monotonic() < until
            time.sleep(0.1)
        assert client.ask("api.test")[0] == "failed" and client.ask("evil.test")[0] == "no name"


def test_left(named):
    """Names that leave the file and come again have an address of their own, and no question waits for them meanwhile."""
    one, _, port = named(honest)
    text, other = one.conf.read_text(), free_port()
    one.conf.write_text("".join(line for line in text.splitlines(True) if not line.startswith("names")))
    one.again()
    one.wait_log("has read")
    with Asker(port) as client, Asker(other) as again:
        client.send(question("api.test"))
        one.conf.write_text(text.replace(f":{port}", f":{other}"))
        one.again()
        until = time.monotonic() + 30
        while one.log().count("has read") < 2:
            assert time.monotonic() < until
            time.sleep(0.1)
        assert again.ask("api.test")[0] == "done"
        client.socket.settimeout(0.1)
        with pytest.raises(OSError):
            client.socket.recv(512)


def test_unread(request, tmp_path):
    """A log that nobody reads holds up no answer; when it is read again, it says what it has lost."""
    program, conf, port, server = Path(request.config.getoption("--gateway")) / "skerry-proxy", tmp_path / "conf", free_port(), Server(honest)
    conf.write_text(f"listen = 127.0.0.1:{free_port()}\nnames = api.test\nnames.listen = 127.0.0.1:{port}\nnames.set = none\n"
                    f"names.questions = 1000\nresolver = 127.0.0.1:{server.port}\n")
    with subprocess.Popen([program, conf], stderr=subprocess.PIPE) as one, Asker(port) as client:
        try:
            assert b"listens" in one.stderr.readline()
            assert {client.ask("evil.test")[0] for _ in range(900)} == {"no name"}
            assert client.ask("api.test")[:2] == ("done", [GOOD])
            os.set_blocking(one.stderr.fileno(), False)
            while one.stderr.read(65536):
                pass
            client.ask("evil.test")
            assert select.select([one.stderr], [], [], 20)[0] and re.search(rb"\d+ lines about names were lost", one.stderr.read(4096))
        finally:
            one.terminate()
            server.close()


def test_refused(request, tmp_path):
    """Names without a set of nftables are refused in a sentence that says what would be right."""
    program, conf = Path(request.config.getoption("--gateway")) / "skerry-proxy", tmp_path / "conf"
    port = free_port()
    for text, why in (("", "names are answered together with a line names.set"),
                      ("names.set = inet skerry nowhere\n", "names.set (is not there|can be changed)|has no nftables")):
        conf.write_text(f"listen = 127.0.0.1:{port}\nnames.listen = 127.0.0.1:{port}\nnames = api.test\n{text}")
        done = subprocess.run([program, conf], capture_output=True, text=True, timeout=30, check=False)
        assert done.returncode == 1 and re.search(why, done.stderr), done
