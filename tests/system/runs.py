# SPDX-License-Identifier: MIT
"""Runs of commands in clones, spoken by hand over a machine channel: what iso/init/gate.h says."""
import struct
import time

from machine import wait_for

GATE = "1023"
SNAPSHOT = "gate"
LIMIT = 300  # seconds, of a wait for the guest


class Ended(Exception):
    """The connection has ended before the run had."""


class Gate:
    """A connection to a guest's init: frames in and out."""

    def __init__(self, client, name):
        self.client = client
        end = time.monotonic() + LIMIT
        while time.monotonic() < end:
            reply = client.ask("vsock connect", name, GATE)
            if reply["status"] == "error":
                # it may have answered before it heard of its new CID, which counts as no answer
                assert reply["code"] == "not-found", reply
                continue
            number = reply["result"][0]["stream"]
            self.stream = client.streams[number]
            self.stream.refill = True
            client.give(self.stream, 65536)
            # Linux hears of the clone's reset in one thread and of connections in another.
            if self.frame_or_end() == ("H", b"\x05"):
                return
        raise AssertionError(f"{name}: each connection is reset")

    def frame_or_end(self):
        data = self.stream.data

        def whole():
            return len(data) >= 4 and len(data) >= 4 + int.from_bytes(data[1:4], "little")
        self.client.wait(lambda: whole() or self.stream.closed, LIMIT)
        if not whole():
            return None
        count = int.from_bytes(data[1:4], "little")
        found = chr(data[0]), bytes(data[4:4 + count])
        del data[:4 + count]
        return found

    def frame(self):
        found = self.frame_or_end()
        if found is None:
            raise Ended(self.stream.closed)
        return found

    def send(self, kind, data=b""):
        self.client.write(self.stream, kind.encode() + len(data).to_bytes(3, "little") + data)

    def seed(self, seed):
        self.send("S", seed)
        assert self.frame() == ("R", b"")

    def close(self):
        if not self.stream.closed:
            self.client.result("stream close", str(self.stream.number))


class Result:
    """How a run ended, and what it said."""

    def __init__(self):
        self.out = self.error = b""
        self.taken = 0
        self.code = self.signal = None
        self.out_of_memory = False
        self.puts = []  # what became of files that were sent while the command ran
        self.files, self.done = {}, []  # bytes by a wanted file's number; what became of each

    def take(self, kind, data):
        """One frame; true when it was the last."""
        if kind == "O":
            self.out += data
        elif kind == "E":
            self.error += data
        elif kind == "P":
            self.files[data[0]] = self.files.get(data[0], b"") + data[1:]
        elif kind == "Q":
            self.puts.append(data[0])
        elif kind == "D":
            self.done.append((data[0], data[1]))
        elif kind == "T":
            self.taken += int.from_bytes(data, "little")
        elif kind == "X":
            by_signal, code, memory, _, _, _, _ = struct.unpack("<BBBBIQQ", data)
            self.signal, self.code = (code, None) if by_signal else (None, code)
            self.out_of_memory = bool(memory)
        else:
            raise AssertionError((kind, data))
        return kind == "X"


def words(command, env=(), directory=None, user=None, wanted=(), terminal=None, volume=None):
    parts = [f"a{word}" for word in command] + [f"e{word}" for word in env] + [f"o{path}" for path in wanted]
    parts += [f"d{directory}"] * bool(directory) + [f"u{user}"] * bool(user) + [f"t{terminal}"] * bool(terminal)
    parts += [volume] * bool(volume)    # a "v" or an "r", and where it is mounted
    return "".join(part + "\0" for part in parts).encode()


def settled(client, name):
    """What Linux does behind its start has been done: else each clone would do it again."""
    first, then = ([row for row in client.result("vm list") if row["name"] == name][0] for _ in range(2) if not time.sleep(0.5))
    return (then["cpu_ns"] - first["cpu_ns"]) * 20 < then["uptime_ns"] - first["uptime_ns"]


def make_template(client, name):
    """Boots it to the gate, and keeps that moment."""
    client.result("vm create", name)
    client.result("vm start", name)

    def there():
        reply = client.ask("vsock connect", name, GATE)
        if reply["status"] == "error":
            return None
        client.result("stream close", str(reply["result"][0]["stream"]))
        return True
    wait_for(there)
    wait_for(lambda: settled(client, name))
    client.result("vm snapshot", name, SNAPSHOT)
    client.result("vm pause", name)


def talk(gate, stdin):
    """Gives the command its input as it takes it, to the end of either."""
    result = Result()
    sent = 0
    while sent < len(stdin):
        piece = stdin[sent:sent + 4096]
        gate.send("I", piece)
        sent += len(piece)
        while sent - result.taken > 8192:
            if result.take(*gate.frame()):
                return result
    gate.send("I")
    while not result.take(*gate.frame()):
        pass
    return result


def run(client, template, name, command, stdin=b"", seed=bytes(64), **how):
    """One run, from the clone to its end."""
    client.result("vm clone", f"{template}@{SNAPSHOT}", name)
    try:
        gate = Gate(client, name)
        gate.seed(seed)
        gate.send("C", words(command, **how))
        return talk(gate, stdin)
    finally:
        client.result("vm destroy", name)


TERMINAL = ("tty; stty size; stty raw -echo; echo up; head -c 4 | od -An -tx1; stty sane; trap 'stty size; cat /tmp/new/put' WINCH; "
            "echo more; while :; do sleep 0.1; done")


def on_a_terminal(client, template, name):
    """
    A run whose command has a terminal: its name and size, bytes as they are, a file that comes meanwhile, a new size, and a
    key that interrupts.
    """
    client.result("vm clone", f"{template}@{SNAPSHOT}", name)
    try:
        gate = Gate(client, name)
        gate.seed(bytes(64))
        gate.send("C", words(["sh", "-c", TERMINAL], terminal="24x80"))
        done = Result()

        def until(there):
            while not there():
                assert not done.take(*gate.frame()), (done.out, done.code, done.signal)
        until(lambda: b"up" in done.out)
        assert done.out.startswith(b"/dev/pts/0\r\n24 80\r\n"), done.out
        gate.send("I", b"\x03\x04\x1b\xff")
        until(lambda: b"more" in done.out)
        assert b"03 04 1b ff" in done.out, done.out
        for place, text in ((0, b"of "), (3, b"the host\n")):
            gate.send("U", place.to_bytes(4, "little") + b"/tmp/new/put\0" + text)
        gate.send("U", bytes(4) + b"/tmp\0x")
        until(lambda: len(done.puts) == 3)
        assert done.puts == [0, 0, 2]
        gate.send("W", (50).to_bytes(2, "little") + (132).to_bytes(2, "little"))
        until(lambda: b"of the host" in done.out)
        assert b"50 132\r\n" in done.out, done.out
        gate.send("I", b"\x03")
        while not done.take(*gate.frame()):
            pass
        assert done.signal == 2 or done.code == 130, (done.signal, done.code)
        assert not done.error
    finally:
        client.result("vm destroy", name)
