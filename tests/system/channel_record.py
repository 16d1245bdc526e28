#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Records what goes over a machine channel, and plays a record to a client without a machine.

A record has a JSON object a line: {"s": seconds, "to": line} or {"s": seconds, "from": line}.

    channel_record.py record HOST:PORT|SOCKET RECORD LISTEN    between a client at LISTEN and Skerry
    channel_record.py play RECORD LISTEN                       in place of Skerry
"""
import json
import os
import socket
import sys
import threading
import time


class Recorder:
    """A link that writes down its lines; stands in for the socket of a Channel."""

    def __init__(self, link, path):
        self.link = link
        self.file = open(path, "w", encoding="utf-8")
        self.start = time.monotonic()
        self.rest = {"to": b"", "from": b""}
        self.lock = threading.Lock()

    def note(self, way, data):
        with self.lock:
            lines = (self.rest[way] + data).split(b"\n")
            self.rest[way] = lines.pop()
            for line in lines:
                row = {"s": round(time.monotonic() - self.start, 4),
                       way: line.decode("utf-8", "replace")}
                self.file.write(json.dumps(row) + "\n")
            self.file.flush()

    def settimeout(self, seconds):
        self.link.settimeout(seconds)

    def getpeername(self):
        return self.link.getpeername()

    def sendall(self, data):
        self.link.sendall(data)
        self.note("to", data)

    def recv(self, size):
        data = self.link.recv(size)
        self.note("from", data)
        return data

    def close(self):
        self.file.close()
        self.link.close()


def parse(line):
    try:
        value = json.loads(line)
    except ValueError:
        return None
    return value if isinstance(value, dict) else None


def key_of(request):
    """Returns what makes two requests the same: all but the asker and the number."""
    return json.dumps({name: value for name, value in request.items()
                       if name not in ("id", "actor", "order")}, sort_keys=True)


class Record:
    """The replies of each request in turn, and for each reply the lines that came behind it."""

    def __init__(self, path):
        self.answers = {}   # key -> [(reply, [(seconds after the reply, line)])]
        self.first = []     # lines before any reply
        asked = {}
        behind, at = self.first, 0.0
        with open(path, encoding="utf-8") as file:
            for row in map(json.loads, file):
                if "to" in row:
                    value = parse(row["to"])
                    if value is not None and "id" in value:
                        asked[json.dumps(value["id"])] = key_of(value)
                    continue
                value = parse(row["from"])
                key = asked.pop(json.dumps(value["id"]), None) if "id" in (value or {}) else None
                if key is None:
                    behind.append((row["s"] - at, row["from"]))
                    continue
                behind, at = [], row["s"]
                self.answers.setdefault(key, []).append((value, behind))

    def answer(self, request):
        """Returns the next reply to such a request; the last reply stays."""
        found = self.answers.get(key_of(request))
        if not found:
            return {"id": request["id"], "status": "error", "code": "failed",
                    "error": "this is not in the record"}, []
        reply, behind = found.pop(0) if len(found) > 1 else found[0]
        return reply | {"id": request["id"]}, behind


class Player:
    """Serves one client after the other at a Unix socket, each from the beginning."""

    def __init__(self, record, listen, speed=1.0):
        self.record = record
        self.speed = speed
        self.server = socket.socket(socket.AF_UNIX)
        self.server.bind(str(listen))
        self.server.listen(1)

    def close(self):
        self.server.close()

    def send_behind(self, link, lines):
        passed = 0.0
        for seconds, line in lines:
            time.sleep(max(0.0, seconds - passed) / self.speed)
            passed = seconds
            link.sendall(line.encode() + b"\n")

    def serve(self):
        link, _ = self.server.accept()
        record = Record(self.record)
        with link, link.makefile("rb") as lines:
            self.send_behind(link, record.first)
            for line in lines:
                request = parse(line)
                if request is None or "id" not in request:
                    continue
                reply, behind = record.answer(request)
                link.sendall(json.dumps(reply).encode() + b"\n")
                self.send_behind(link, behind)


def connect(where):
    if ":" in where and not os.path.exists(where):
        host, port = where.rsplit(":", 1)
        return socket.create_connection((host, int(port)))
    link = socket.socket(socket.AF_UNIX)
    link.connect(where)
    return link


def pump(source, sink):
    while data := source.recv(65536):
        sink.sendall(data)


def record(where, path, listen):
    server = socket.socket(socket.AF_UNIX)
    server.bind(listen)
    server.listen(1)
    client, _ = server.accept()
    machine = Recorder(connect(where), path)
    threading.Thread(target=pump, args=(machine, client), daemon=True).start()
    pump(client, machine)


def main():
    words = sys.argv[1:]
    if len(words) == 4 and words[0] == "record":
        record(*words[1:])
    elif len(words) == 3 and words[0] == "play":
        player = Player(words[1], words[2])
        while True:
            player.serve()
    else:
        sys.exit(__doc__)


if __name__ == "__main__":
    main()
