# SPDX-License-Identifier: MIT
"""How the collection skerry.host asks: what it sends again, how long it waits, and what it makes of a server that lies; no Ansible runs."""
import http.server
import json
import re
import socketserver
import sys
import threading
import time

import pytest

from ansible_run import SOURCE


@pytest.fixture(scope="module")
def collection(tmp_path_factory):
    """The collection's own modules, found as Ansible finds them."""
    folder = tmp_path_factory.mktemp("collections")
    (folder / "ansible_collections/skerry").mkdir(parents=True)
    (folder / "ansible_collections/skerry/host").symlink_to(SOURCE)
    sys.path.insert(0, str(folder))
    for name in [name for name in sys.modules if name.split(".")[0] == "ansible_collections"]:
        del sys.modules[name]
    from ansible_collections.skerry.host.plugins.module_utils import gateway, values
    yield gateway, values
    sys.path.remove(str(folder))


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def address_string(self):
        return "socket"

    def log_message(self, *_):
        pass

    def answer(self):
        self.server.asked.append((self.command, self.path, self.headers["Idempotency-Key"]))
        self.rfile.read(int(self.headers["Content-Length"] or 0))
        act = self.server.script.pop(0) if len(self.server.script) > 1 else self.server.script[0]
        if act == "lose":
            self.close_connection = True
            return
        status, body, *headers = act
        body = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.send_response(status)
        for name, value in headers or [("Content-Length", str(len(body)))]:
            self.send_header(name, value)
        self.end_headers()
        if callable(getattr(self.server, "writes", None)):
            return self.server.writes(self.wfile)
        self.wfile.write(body)

    do_GET = do_POST = do_PATCH = do_DELETE = answer


class Liar(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    daemon_threads = True


@pytest.fixture
def server(collection, tmp_path):
    """make(script, timeout) gives who asks a server that answers what the script says, its last line for ever; and the server."""
    liar = Liar(str(tmp_path / "s"), Handler)
    threading.Thread(target=liar.serve_forever, args=(0.02,), daemon=True).start()

    def make(*script, timeout=5):
        liar.script, liar.asked = list(script), []
        return collection[0].Gateway(socket=str(tmp_path / "s"), timeout=timeout), liar
    yield make
    liar.shutdown()
    liar.server_close()


DONE = (200, {"changed": True})
BUSY = (409, {"code": "busy", "detail": "another change of x is still under way: wait for it"})


@pytest.mark.parametrize("first", ["lose", (429, {"code": "rate"}), BUSY])
def test_sent_again_with_the_same_key(server, first):
    client, liar = server(first, DONE)
    assert client.ask("POST", "/v1/vms", {"name": "x"})[0] == DONE[1]
    keys = {key for _, _, key in liar.asked}
    assert len(liar.asked) == 2 and len(keys) == 1 and None not in keys
    client.ask("POST", "/v1/vms", {"name": "x"})
    assert liar.asked[-1][2] not in keys


def refused(collection, call):
    began = time.monotonic()
    with pytest.raises(collection[0].Problem) as why:
        call()
    assert time.monotonic() - began < 8
    return why.value.sentence


def test_not_for_ever(collection, server):
    client, liar = server("lose")
    assert "was lost" in refused(collection, lambda: client.ask("POST", "/v1/vms", {})) and len(liar.asked) == 2
    client, _ = server(BUSY, timeout=2)
    assert refused(collection, lambda: client.ask("POST", "/v1/vms", {})) == BUSY[1]["detail"]
    # what was begun before the connection was lost is not begun again, nor waited for
    client, liar = server("lose", BUSY)
    assert refused(collection, lambda: client.ask("POST", "/v1/vms", {})) == BUSY[1]["detail"] and len(liar.asked) == 2


def test_operations(collection, server):
    running = {"id": "7", "state": "running", "target": "x", "problem": None}
    client, liar = server((202, running), (200, running), (200, {**running, "state": "done", "result": {"a": 1}}))
    assert client.ask("POST", "/v1/vms", {})[0] == {"a": 1}
    assert [path.split("?")[0] for _, path, _ in liar.asked] == ["/v1/vms", "/v1/operations/7", "/v1/operations/7"]
    client, _ = server((202, running), (200, {**running, "state": "failed", "problem": {"detail": "x: its disk is full", "code": "failed"}}))
    assert refused(collection, lambda: client.ask("POST", "/v1/vms", {})) == "x: its disk is full"
    client, _ = server((202, running), (200, running), timeout=3)
    assert refused(collection, lambda: client.ask("POST", "/v1/vms", {})) == "the change of x is not done after 3 s: skerryd goes on with it"


@pytest.mark.parametrize("answer, said", [
    ((200, b"<html>"), "is no skerryd: it answered 200 and no JSON"), ((200, b"[" * 200000), "no JSON"), ((200, b"\xff\xfe"), "no JSON"),
    ((302, {}, ("Location", "https://example.invalid/"), ("Content-Length", "2")), "answered 302"), ((500, [1]), "answered 500"),
    ((200, b"1", ("Content-Length", "99999999999")), "did not answer within|was lost"),
    ((200, b"1", ("Transfer-Encoding", "chunked")), "did not answer within|was lost"), ((200, b"1", *[(f"X-{n}", "y") for n in range(200)]), "was lost")])
def test_a_server_that_lies(collection, server, answer, said):
    client, _ = server(answer, timeout=1 if "within" in said else 7)
    assert re.search(said, refused(collection, lambda: client.get("/v1/vms"))), answer


def test_an_answer_without_end(collection, server):
    client, liar = server((200, b"", ("Connection", "close")), timeout=2)

    def drip(file):
        for _ in range(100):
            file.write(b" " * 70000)
            time.sleep(0.05)
    liar.writes = drip
    assert "did not answer within 2 s" in refused(collection, lambda: client.get("/v1/vms"))

    def flood(file):
        for _ in range(20):
            file.write(b" " * (1 << 20))
    liar.writes = flood
    client.timeout = 30
    assert "answered more than 16777216 bytes" in refused(collection, lambda: client.get("/v1/vms"))


def test_addresses(collection):
    client = collection[0]
    for text, place in (("https://h", ("h", 8443)), ("h:1", ("h", 1)), ("https://[::1]:443/", ("::1", 443)), ("10.0.0.1", ("10.0.0.1", 8443))):
        assert client.address_of(text) == place
    for text in ("http://h", "https://h/v1", "h:65536", "h:x", "", "a b", "h\n", "user@h", "[h]"):
        with pytest.raises(client.Problem, match="no address of skerryd"):
            client.address_of(text)
    assert client.path_of("vms", "a/../b?c#d") == "/v1/vms/a%2F..%2Fb%3Fc%23d"


@pytest.mark.parametrize("key, one, other", [
    ("memory", "1024M", "1G"), ("memory", "1048576K", "1G"), ("cap", "50%", "50"), ("cap", "none", ""), ("cap", None, ""), ("weight", "256", "256"),
    ("stop_timeout", "60s", "1m"), ("stop_timeout", "1500ms", "1500000us"), ("reserve", "2ms/10ms", "2000us / 10ms"), ("affinity", "0-3,5", "5,0,1,2,3"),
    ("affinity", "all", ""), ("disk", "a ro optional, b", "a optional ro,b"), ("disk", "cd ro cdrom", "cd cdrom"), ("trap", "cr dr", "dr,cr"),
    ("net", "lan mac=AA:00:00:00:00:01 private", "lan private mac=aa:00:00:00:00:01"), ("port", "a,b", "a, b"), ("backup", "s every 1d keep 4", "s every 24h keep 4"),
    ("smbios.uuid", "AB", "ab"), ("boot.order", "disk, net", "disk net")])
def test_values_that_are_the_same(collection, key, one, other):
    assert collection[1].same(key, one, other)


@pytest.mark.parametrize("key, one, other", [
    ("memory", "1G", "1M"), ("memory", "1Q", "1G"), ("cap", "50%", ""), ("boot.order", "disk net", "net disk"),
    ("disk", "a, b", "b, a"), ("disk", "a", "a ro"), ("net", "lan", "lab"), ("affinity", "0-3", "0-2"), ("affinity", "x", "0"), ("net.egress", "none", "any"), ("kernel", "A", "a"), ("cmdline", "a  b", "a b"),
    ("smbios.serial", "007", "7"), ("cmdline", "none", "")])
def test_values_that_differ(collection, key, one, other):
    assert not collection[1].same(key, one, other)


def test_values_of_yaml(collection):
    values = collection[1]
    for key, value, text in (("hpet", True, "yes"), ("pci", False, "off"), ("preemption_timer", True, "on"), ("vcpus", 2, "2"), ("cap", None, None), ("cmdline", None, ""),
                             ("disk", ["a", "b ro"], "a, b ro"), ("disk", [], "none")):
        assert values.text_of(key, value) == text
    for wrong in ({"a": 1}, [["a"]], [None]):
        with pytest.raises(collection[0].Problem, match="disk: give a text"):
            values.text_of("disk", wrong)
