# SPDX-License-Identifier: MIT
"""Sockets of guests for the fake Skerry: a few ports at which programs of every kind listen."""
import base64
import json

from fake_snapshots import Refused

# What a guest has: its program answers what it gets, says one thing and ends, resets, or never answers.
ECHO, SAYS, RESETS, SILENT, STUCK = 7, 8, 9, 10, 11
AGENT = "agent"
RING = 4096


def polite(request):
    """An agent that answers a synchronisation and a ping, and is asked to say more by a test."""
    if request["execute"] == "guest-sync-delimited":
        return b"\xff" + json.dumps({"return": request["arguments"]["id"]}).encode() + b"\n"
    return b'{"return": {}}\n'


class Vsocks:
    """`streams` has these sockets beside the consoles, with a port."""

    def run_vsock_connect(self, words, after):
        vm, port = self.vm(words[0]), int(words[1])
        if "guest" not in self.rights:
            raise Refused("no-right", "this channel has no right to do this")
        if port == SILENT:
            raise Refused("failed", f"{vm.name} has not answered within 5 s")
        if port not in (ECHO, SAYS, RESETS, STUCK):
            raise Refused("not-found", f"{vm.name} refuses the connection")
        number = self.vsock_last = getattr(self, "vsock_last", 100) + 1
        stream = {"vm": vm, "port": port, "credit": 0, "write": False, "room": RING, "got": 0,
                  "at": 0, "output": b"", "ended": False, "end": False}
        self.streams[number] = stream
        after.append(lambda: self.send({"credit": number, "bytes": RING}))
        if port == SAYS:
            stream.update(output=b"hello from " + vm.name.encode(), ended=True)
        if port == RESETS:
            after.append(lambda: self.close_stream(number, "reset"))
        return [{"stream": number}]

    def open_agent(self, vm, name):
        assert name == "org.qemu.guest_agent.0"
        if "guest" not in self.rights:
            raise Refused("no-right", "this channel has no right to do this")
        number = self.vsock_last = getattr(self, "vsock_last", 100) + 1
        self.streams[number] = {"vm": vm, "port": AGENT, "credit": 0, "write": False, "room": RING, "got": 0, "at": 0,
                                "output": b"", "ended": False, "end": False, "input": b"", "endless": False}
        return [{"stream": number, "from": 0, "oldest": 0, "next": 0, "lost": 0}]

    def answer_agent(self, stream, data):
        *lines, stream["input"] = (stream["input"] + data).split(b"\n")
        for line in lines:
            answer = getattr(self, "agent", polite)(json.loads(line))
            stream["output"] += answer
            stream["endless"] = answer.endswith(b"...")     # such an answer never ends

    def close_stream(self, number, reason):
        if self.streams.pop(number, None):
            self.send({"closed": number, "reason": reason})

    def take_vsock(self, number, stream, line):
        if not stream or "port" not in stream:
            return
        if "end" in line:
            assert line["end"] == stream["got"] and not stream["end"]
            stream["end"] = True
            stream["ended"] = stream["ended"] or stream["port"] == ECHO
        else:
            data = base64.b64decode(line["data"])
            assert not stream["end"]
            stream["room"] -= len(data)
            if stream["room"] < 0:
                self.close_stream(number, "bad-input")
                return
            stream["got"] += len(data)
            if stream["port"] == ECHO:
                stream["output"] += data
            if stream["port"] == AGENT:
                self.answer_agent(stream, data)
        self.push_vsock(number, stream)

    def push_vsock(self, number, stream):
        """Bytes as far as there is credit; a full ring takes no more, as in a guest that is held up."""
        if not stream or "port" not in stream:
            return
        if stream["port"] == AGENT and stream["endless"]:
            stream["output"] = stream["output"].ljust(RING, b"x")
        while stream["credit"] and stream["output"]:
            data = stream["output"][:min(3072, stream["credit"])]
            stream["output"] = stream["output"][len(data):]
            self.send({"stream": number, "at": stream["at"], "data": base64.b64encode(data).decode()})
            stream["at"] += len(data)
            stream["credit"] -= len(data)
        room = max(0, RING - len(stream["output"])) if stream["port"] != STUCK else stream["room"]
        if room > stream["room"]:
            self.send({"credit": number, "bytes": room - stream["room"]})
            stream["room"] = room
        if stream["ended"] and not stream["output"] and "told" not in stream:
            stream["told"] = True
            self.send({"stream": number, "end": stream["at"]})
        if "told" in stream and stream["end"]:
            self.close_stream(number, "done")
