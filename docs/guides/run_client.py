#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Runs a command in a clone, with this input and output: run_client.py SOCKET TEMPLATE COMMAND [WORD...] <INPUT"""
import base64
import http.client
import json
import socket
import sys


class Local(http.client.HTTPConnection):
    """skerryd's Unix socket; over a network it is HTTPSConnection and the header Authorization."""

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.connect(self.host)


def ask(method, path, body=None):
    connection = Local(sys.argv[1])
    connection.request(method, path, body and json.dumps(body), {
        "Host": "localhost", "Content-Type": "application/json", "Prefer": "wait=50"})
    answer = json.load(connection.getresponse())
    if "detail" in answer:  # a problem (RFC 9457)
        sys.exit(answer["detail"])
    return answer


run = ask("POST", "/v1/runs", {
    "template": sys.argv[2], "command": sys.argv[3:], "stdin_base64": base64.b64encode(sys.stdin.buffer.read()).decode(),
    "limits": {"wall_s": 30, "cpu_s": 10, "output_bytes": 65536}})
while run["state"] != "done":
    run = ask("GET", f"/v1/runs/{run['id']}?wait=50")
for name, out in (("stdout", sys.stdout), ("stderr", sys.stderr)):
    out.buffer.write(run[name].encode() if name in run else base64.b64decode(run[name + "_base64"]))
if run["result"] != "exit":
    sys.exit(f"the command has ended by {run['result']}")
sys.exit(run["exit_code"])
