# SPDX-License-Identifier: MIT
"""
A client of skerryd's REST interface: one class whose methods are the interface's requests. The standard library is all that
it needs. `make -C gateway sdk` adds the methods from the OpenAPI description (generate.py).
"""
import contextlib
import hashlib
import http.client
import json
import socket
import ssl
import urllib.parse
import uuid


class Problem(Exception):
    """What skerryd refuses, as RFC 9457 says it: `status`, `code`, `detail`, and `allowed` where it lists what would be right."""

    def __init__(self, status, body):
        try:
            told = json.loads(body)
        except ValueError:
            told = {}
        self.status, self.code, self.allowed = status, told.get("code", ""), told.get("allowed")
        self.detail = told.get("detail", "")
        super().__init__(f"{status} {self.code}: {self.detail}")


class _Tls(http.client.HTTPSConnection):
    """Sends nothing before the server has shown the certificate with this fingerprint."""

    def __init__(self, host, port, timeout, context, fingerprint):
        super().__init__(host, port, timeout=timeout, context=context)
        self._fingerprint = fingerprint

    def connect(self):
        super().connect()
        shown = hashlib.sha256(self.sock.getpeercert(binary_form=True)).hexdigest()
        if self._fingerprint and shown != self._fingerprint:
            self.close()
            raise ssl.SSLError(f"the server's certificate has the fingerprint {shown}, not the one that was given")


class _Local(http.client.HTTPConnection):
    def __init__(self, path, timeout):
        super().__init__("localhost", timeout=timeout)
        self._path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self._path)


def _part(word):
    return urllib.parse.quote(str(word), safe="")


class Skerry:
    """
    A skerryd at a host's TLS port, with a token, or at its Unix socket. `fingerprint` is the SHA-256 of the server's certificate
    in hexadecimal, `ca` a file with certificates; with neither the system's are asked. `timeout` is in seconds.
    """

    def __init__(self, host="localhost", port=8443, *, token=None, fingerprint=None, ca=None, unix=None, timeout=600):
        self._token, self._timeout, self._unix = token, timeout, unix
        self._host, self._port = host, port
        self._fingerprint = fingerprint.replace(":", "").lower() if fingerprint else None
        self._context = ssl.create_default_context(cafile=ca)
        if self._fingerprint:
            self._context.check_hostname = False
            self._context.verify_mode = ssl.CERT_NONE

    def _connect(self):
        if self._unix:
            return _Local(self._unix, self._timeout)
        return _Tls(self._host, self._port, self._timeout, self._context, self._fingerprint)

    def _begin(self, method, path, query, body, headers):
        sent = {"Authorization": f"Bearer {self._token}"} if self._token else {}
        if method == "POST":
            sent["Idempotency-Key"] = uuid.uuid4().hex  # what a broken connection repeats is done once
        if isinstance(body, dict):
            body = json.dumps(body).encode()
            sent["Content-Type"] = "application/json"
        elif body is not None:
            sent["Content-Type"] = "application/octet-stream"
        query = {name: str(value).lower() if isinstance(value, bool) else value for name, value in query.items() if value is not None}
        connection = self._connect()
        try:
            connection.request(method, path + ("?" + urllib.parse.urlencode(query) if query else ""), body, sent | (headers or {}))
            response = connection.getresponse()
            if response.status >= 400:
                raise Problem(response.status, response.read())
            return connection, response
        except BaseException:
            connection.close()
            raise

    def _call(self, method, path, query, body, headers):
        """Returns the JSON of an answer, or its bytes, or None where it has none."""
        connection, response = self._begin(method, path, query, body, headers)
        with contextlib.closing(connection):
            answer = response.read()
            if response.status == 204 or not answer:
                return None
            return json.loads(answer) if response.headers.get_content_type() == "application/json" else answer

    def _events(self, path, query, headers):
        """Yields the name and the data, parsed from JSON, of each event, until the server or the caller ends it."""
        connection, response = self._begin("GET", path, query, None, headers)
        with contextlib.closing(connection):
            name, data = "message", []
            for line in response:
                field, _, value = line.decode().rstrip("\r\n").partition(":")
                value = value.removeprefix(" ")
                if field == "event":
                    name = value
                elif field == "data":
                    data.append(value)
                elif not field and not value and data:
                    yield name, json.loads("\n".join(data))
                    name, data = "message", []

    # the methods
