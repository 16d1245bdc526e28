# SPDX-License-Identifier: MIT
"""A fake Skerry whose clones have an init at the gate (iso/init/gate.h), which may lie."""
import base64
import threading

from fake_skerry import FakeSkerry


def frame(kind, data=b""):
    return kind.encode() + len(data).to_bytes(3, "little") + data


def ended(code=0, by_signal=0, memory=0):
    return frame("X", bytes((by_signal, code, memory, 0)) + (1024).to_bytes(4, "little") + bytes(16))


class FakeRuns(FakeSkerry):
    """What the init says, and when: at a connection, to its seed, to its command. None: it says nothing."""

    def __init__(self, path, **keys):
        self.inits, self.number = {}, 1000
        self.seeds, self.told, self.files, self.typed = [], [], [], b""
        self.sizes, self.puts = [], []
        self.put_frames = frame("Q", b"\0")     # what the init says to a piece of a file
        self.hello_frames, self.seed_frames, self.command_frames = frame("H", b"\3"), frame("R"), ended()
        self.resets = 0     # connections that are cut before a word
        self.cut = False    # behind the command's frames
        self.unanswered_s = 0   # until Skerry says that a guest has not answered
        self.calls = self.calls_most = 0    # that are unanswered
        self.timers = {}
        self.clone_addresses = []   # of each clone's cards
        super().__init__(path, vms=1, **keys)
        self.vms["vm00"].snapshots.append("gate")
        self.vms["vm00"].name = "vm00"

    def take_request(self, request):
        if request.get("command") != "vsock connect" or not self.unanswered_s:
            super().take_request(request)
            return
        self.calls += 1
        self.calls_most = max(self.calls, self.calls_most)
        timer = self.timers[request["id"]] = threading.Timer(self.unanswered_s, self.refuse_call, [request["id"]])
        timer.daemon = True
        timer.start()

    def refuse_call(self, number):
        with self.lock:
            if not self.timers.pop(number, None):
                return
            self.calls -= 1
        self.send({"id": number, "status": "error", "code": "failed", "error": "it has not answered"})

    def refuse_calls(self):
        """Skerry says now of all the guests that have not answered that they have not; the next ones answer."""
        self.unanswered_s = 0
        for number in list(self.timers):
            self.refuse_call(number)

    def run_vm_clone(self, words, after):
        result = super().run_vm_clone(words, after)
        self.vms[words[1]].addresses = self.clone_addresses
        return result

    def run_vsock_connect(self, words, after):
        self.number += 1
        number = self.number
        self.inits[number] = {"vm": self.vm(words[0]), "at": 0, "in": b""}
        if self.resets:
            self.resets -= 1
            after.append(lambda: self.send({"closed": number, "reason": "reset"}))
        else:
            after.append(lambda: (self.send({"credit": number, "bytes": 4096}), self.say(number, self.hello_frames)))
        return [{"stream": number}]

    def say(self, number, data):
        init = self.inits[number]
        for place in range(0, len(data or b""), 3000):
            piece = data[place:place + 3000]
            self.send({"stream": number, "at": init["at"], "data": base64.b64encode(piece).decode()})
            init["at"] += len(piece)

    def take_credit(self, line):
        if line["credit"] not in self.inits:
            super().take_credit(line)

    def take_input(self, line):
        number = line["stream"]
        init = self.inits.get(number)
        if not init:
            super().take_input(line)
            return
        data = base64.b64decode(line["data"])
        self.send({"credit": number, "bytes": len(data)})
        init["in"] += data
        while len(init["in"]) >= 4:
            count = int.from_bytes(init["in"][1:4], "little")
            if len(init["in"]) < 4 + count:
                break
            kind, said = chr(init["in"][0]), init["in"][4:4 + count]
            init["in"] = init["in"][4 + count:]
            self.take_frame(number, kind, said)

    def take_frame(self, number, kind, said):
        if kind == "S":
            self.seeds.append(said)
            self.say(number, self.seed_frames)
        elif kind == "F":
            assert len(self.told) < len(self.seeds)
            self.files.append(said)
        elif kind == "C":
            self.told.append(said)
            self.say(number, self.command_frames)
            if self.cut:
                self.send({"closed": number, "reason": "reset"})
        elif kind == "I":
            self.typed += said
        elif kind == "W":
            self.sizes.append((int.from_bytes(said[:2], "little"), int.from_bytes(said[2:], "little")))
        elif kind == "U":
            path, data = said[4:].split(b"\0", 1)
            self.puts.append((int.from_bytes(said[:4], "little"), path.decode(), data))
            self.say(number, self.put_frames)
