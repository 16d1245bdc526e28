# SPDX-License-Identifier: MIT
"""A client of the machine channel, version 2: docs/manager/channel.md."""
import base64
import json
import os
import time

from channel import BUSY, Channel


class Failed(Exception):
    """A transfer that has failed; the words say why."""


class Stream:
    """
    A console stream: what came out of it, by offset, and what may still go in. Or a transfer, which
    has an end, and of which nothing is lost.
    """

    def __init__(self, number, first):
        self.number = number
        self.next = first       # offset of the next byte
        self.data = bytearray()
        self.lost = 0
        self.credit = 0         # bytes that may be sent
        self.closed = None      # why the stream was closed
        self.error = ""         # the same reason in words
        self.end = None         # the end of a transfer: the number of all its bytes
        self.refill = False     # credit is given back as bytes come


class Client(Channel):
    """A line received is sorted by its keys; replies wait by their id."""

    def __init__(self, link, limit):
        super().__init__(link, limit)
        self.samples = []
        self.streams = {}
        self.accepted = []      # connections that guests have opened
        self.answered = []      # ids, in the order in which replies came
        self.raw = []           # every line of the stream, as it came

    @classmethod
    def over(cls, channel):
        """Makes a client of version 2 on the same link."""
        client = cls(channel.link, channel.limit)
        client.buffer = channel.buffer
        client.last_id = channel.last_id
        return client

    def take_line(self, line):
        value = json.loads(line.decode("utf-8"))
        self.raw.append(value)
        assert isinstance(value, dict), line[:200]
        assert "id" in value or len(line) < 4097, line[:200]
        if "id" in value:
            self.replies.append(value)
            self.answered.append(value["id"])
            self.note_stream(value.get("result") or [None])
        elif "event" in value:
            self.events.append(value)
        elif "sample" in value:
            self.samples.append(value)
        elif "accepted" in value:
            self.accepted.append(value)
            self.streams[value["accepted"]] = Stream(value["accepted"], 0)
        elif "closed" in value:
            self.streams[value["closed"]].closed = value["reason"]
            self.streams[value["closed"]].error = value.get("error", "")
        elif "credit" in value:
            self.streams[value["credit"]].credit += value["bytes"]
        elif "stream" in value:
            self.take_output(self.streams[value["stream"]], value)
        else:
            self.log.append(value)

    def note_stream(self, result):
        """Lines of a stream may follow right behind the reply that opens it."""
        if isinstance(result[0], dict) and "stream" in result[0]:
            number = result[0]["stream"]
            self.streams[number] = Stream(number, result[0].get("from", 0))

    def take_output(self, stream, value):
        if "end" in value:
            assert value["end"] == stream.next, (value["end"], stream.next)
            stream.end = value["end"]
            return
        assert value["at"] == stream.next, (value["at"], stream.next)
        if "lost" in value:
            stream.lost += value["lost"]
            stream.next += value["lost"]
            return
        data = base64.b64decode(value["data"], validate=True)
        assert 0 < len(data) <= 3072
        stream.data += data
        stream.next += len(data)
        if stream.refill:
            self.give(stream, len(data))

    def post(self, value):
        """Sends a line."""
        self.send(json.dumps(value).encode() + b"\n")

    def request(self, command=None, *arguments, **keys):
        """Sends a request; returns its id."""
        self.last_id += 1
        line = {"id": self.last_id, **keys}
        if command is not None:
            line["command"] = command
        if arguments:
            line["arguments"] = list(arguments)
        self.post(line)
        return self.last_id

    def reply_to(self, number, limit=None):
        def find():
            for place, reply in enumerate(self.replies):
                if reply["id"] == number:
                    return self.replies.pop(place)
            return None
        reply = self.wait(find, limit)
        assert reply["status"] in ("ok", "error"), reply
        assert ("code" in reply) == (reply["status"] == "error"), reply
        return reply

    def ask(self, command, *arguments, limit=None, **keys):
        return self.reply_to(self.request(command, *arguments, **keys), limit)

    def result(self, command, *arguments, limit=None, **keys):
        """The result of a request that must succeed: asked again as long as its VM has still to do the last one."""
        end = time.monotonic() + (limit or self.limit)
        while BUSY in (reply := self.ask(command, *arguments, limit=limit, **keys)).get("error", ""):
            assert time.monotonic() < end, reply
        assert reply["status"] == "ok", reply
        return reply["result"]

    def code(self, command, *arguments, **keys):
        """The code of a request that must fail."""
        reply = self.ask(command, *arguments, **keys)
        assert reply["status"] == "error" and reply["error"], reply
        return reply["code"]

    def hello(self):
        return self.result(None, hello=2)[0]

    def stream_open(self, name, *options):
        return self.streams[self.result("stream open", name, *options)[0]["stream"]]

    def give(self, stream, count):
        self.post({"credit": stream.number, "bytes": count})

    def read(self, stream, wanted, limit=None):
        """Reads on until `wanted` is there; returns the output up to it."""
        def find():
            at = stream.data.find(wanted)
            if at < 0:
                return None
            text = bytes(stream.data[:at + len(wanted)])
            del stream.data[:at + len(wanted)]
            return text
        return self.wait(find, limit)

    def write(self, stream, data):
        """Writes as credit comes."""
        while data:
            self.wait(lambda: stream.credit > 0 or stream.closed)
            assert stream.closed is None, stream.closed
            piece, data = data[:min(stream.credit, 3072)], data[min(stream.credit, 3072):]
            stream.credit -= len(piece)
            self.post({"stream": stream.number, "data": base64.b64encode(piece).decode()})

    def transfer(self, command, name):
        """Opens a transfer, of which this client is the store."""
        reply = self.ask(command, name, "store=channel", order="any")
        if reply["status"] == "error":
            raise Failed(reply["error"])
        return self.streams[reply["result"][0]["stream"]]

    def done(self, stream, limit=None):
        self.wait(lambda: stream.closed, limit)
        if stream.closed != "done":
            raise Failed(stream.error or stream.closed)

    def save(self, name, path, limit=None):
        """Saves a VM into a file, which is there once all of it is."""
        stream = self.transfer("vm save", name)
        stream.refill = True
        self.give(stream, 65536)
        with open(f"{path}.part", "wb") as file:
            while stream.end is None and stream.closed is None:
                self.wait(lambda: stream.data or stream.end is not None or stream.closed, limit)
                file.write(stream.data)
                stream.data.clear()
            file.flush()
            os.fsync(file.fileno())
        if stream.closed is None:
            os.rename(f"{path}.part", path)
            self.post({"stream": stream.number, "end": stream.end})
        self.done(stream, limit)

    def send_piece(self, stream, data):
        """Sends as much of the data as there is credit for; returns the rest."""
        count = min(len(data), stream.credit, 5500)
        self.post({"stream": stream.number, "at": stream.next,
                   "data": base64.b64encode(data[:count]).decode()})
        stream.next += count
        stream.credit -= count
        return data[count:]

    def restore(self, name, path, limit=None):
        """Goes on with a VM that was saved into a file."""
        stream = self.transfer("vm restore", name)
        with open(path, "rb") as file:
            while data := file.read(65536):
                while data and stream.closed is None:
                    self.wait(lambda: stream.credit > 0 or stream.closed, limit)
                    if stream.closed is None:
                        data = self.send_piece(stream, data)
        if stream.closed is None:
            self.post({"stream": stream.number, "end": stream.next})
        self.done(stream, limit)
