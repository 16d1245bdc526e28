#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Types random lines to a guest's shell, each from one snapshot: reset_harness.py SOCKET VM PROMPT SECONDS"""
import base64
import json
import random
import socket
import sys
import time

path, vm, prompt, seconds = sys.argv[1], sys.argv[2], sys.argv[3].encode(), float(sys.argv[4])
link = socket.socket(socket.AF_UNIX)
link.connect(path)
lines = link.makefile("r", encoding="utf-8")
printed = b""


def tell(**line):
    link.sendall(json.dumps(line).encode() + b"\n")


def ask(command=None, *arguments, **keys):
    tell(id=1, **({"command": command, "arguments": arguments} if command else {}), **keys)
    while "status" not in (reply := take()):
        pass
    if reply["status"] != "ok":
        sys.exit(reply["error"])
    return reply["result"]


def take():
    global printed
    line = json.loads(lines.readline())
    if "stream" in line and "data" in line:
        data = base64.b64decode(line["data"])
        printed += data
        tell(credit=line["stream"], bytes=len(data))
    return line


def until(text):
    global printed
    while text not in printed:
        take()
    before, _, printed = printed.partition(text)
    return before


def random_line():
    return "".join(random.choices("echo $()|&;<>'`*? 0", k=random.randint(1, 40)))


def type_keys(keys):
    tell(stream=stream, data=base64.b64encode(keys.encode()).decode())


ask(hello=2)
stream = ask("stream open", vm, "mode=write")[0]["stream"]
tell(credit=stream, bytes=1 << 16)
type_keys("\r")
until(prompt)
ask("vm snapshot", vm, "fuzz")
resets, began = 0, time.monotonic()
while time.monotonic() < began + seconds:
    given = random_line()
    type_keys(f"{given}\r\x03echo D''ONE{resets}\r")
    answer = until(b"\nDONE%u\r" % resets)
    if b"Segmentation" in answer or b"Call Trace" in answer:
        print(repr(given), answer.decode(errors="replace"))
    ask("vm reset", vm, "--to", "fuzz")
    resets += 1
print(f"{resets} resets in {time.monotonic() - began:.1f} s")
