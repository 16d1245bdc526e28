# SPDX-License-Identifier: MIT
"""A client of the machine channel: requests out, replies, events and log lines in."""
import json
import socket
import time

BUSY = "is still busy with the last command, try again"


class Channel:
    """A line received is a reply if it has an id, an event if it has an event, else a log line."""

    def __init__(self, link, limit):
        self.link = link
        self.limit = limit
        self.buffer = b""
        self.replies = []
        self.events = []
        self.log = []
        self.last_id = 0

    def close(self):
        self.link.close()

    def send(self, data):
        """Sends bytes as they are."""
        self.link.settimeout(self.limit)
        self.link.sendall(data)

    def take_line(self, line):
        # Each line is one JSON object in UTF-8, without a prompt: anything else is a mistake.
        value = json.loads(line.decode("utf-8"))
        assert isinstance(value, dict), line
        if "id" in value:
            self.replies.append(value)
        elif "event" in value:
            self.events.append(value)
        else:
            self.log.append(value)

    def receive(self, limit):
        """Takes in what comes within the limit; False when nothing comes."""
        self.link.settimeout(limit)
        try:
            data = self.link.recv(65536)
        except socket.timeout:
            return False
        assert data, "the channel was closed"
        lines = (self.buffer + data).split(b"\n")
        self.buffer = lines.pop()
        for line in lines:
            self.take_line(line)
        return True

    def wait(self, found, limit=None):
        """Receives until found() returns something; returns that."""
        deadline = time.monotonic() + (limit or self.limit)
        while True:
            value = found()
            if value:
                return value
            left = deadline - time.monotonic()
            assert left > 0 and self.receive(left), \
                f"nothing came; replies {self.replies[-3:]}, events {self.events[-3:]}"

    def reply(self, limit=None):
        """Returns the next reply."""
        self.wait(lambda: self.replies, limit)
        return self.replies.pop(0)

    def ask(self, command, limit=None):
        """Sends a request and returns its reply."""
        self.last_id += 1
        self.send(json.dumps({"id": self.last_id, "command": command}).encode() + b"\n")
        reply = self.reply(limit)
        assert reply["id"] == self.last_id and reply["status"] in ("ok", "error"), reply
        return reply

    def result(self, command, limit=None):
        """The result of a request that must succeed: asked again as long as its VM has still to do the last one."""
        end = time.monotonic() + (limit or self.limit)
        while BUSY in (reply := self.ask(command, limit)).get("error", ""):
            assert time.monotonic() < end, reply
        assert reply["status"] == "ok" and "error" not in reply, reply
        return reply["result"]

    def error(self, command, limit=None):
        """The error of a request that must fail."""
        reply = self.ask(command, limit)
        assert reply["status"] == "error" and "result" not in reply, reply
        return reply["error"]

    def event(self, name, vm, limit=None):
        """The next event of this name of the VM; events before it are dropped."""
        def find():
            for place, event in enumerate(self.events):
                if event["event"] == name and event["vm"] == vm:
                    del self.events[:place + 1]
                    return event
            return None
        return self.wait(find, limit)
