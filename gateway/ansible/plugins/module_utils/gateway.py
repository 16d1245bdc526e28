# SPDX-License-Identifier: MIT
"""Asks skerryd by REST, over HTTPS or its Unix socket. Modules and the inventory call it; it keeps one connection.

Waiting is bounded: a `timeout` counts for all of a request, with what is sent again and the operation that it begins.
"""
from __future__ import absolute_import, division, print_function

__metaclass__ = type

import hashlib
import http.client
import json
import re
import socket
import ssl
import time
import uuid
from urllib.parse import quote

DEFAULT_SOCKET = "/run/skerryd/skerryd.sock"
DEFAULT_PORT = 8443
ANSWER_MOST = 16 << 20      # bytes
PIECE = 1 << 16             # bytes that are read at once
WAIT_MOST = 10              # seconds for which skerryd holds one request
REACH_MOST = 15             # seconds for a connection
GRACE = 3                   # seconds in which the last answer may come, as skerryd holds a request until the end


class Problem(Exception):
    """Why something was not done, in a sentence; `code` and `status` are skerryd's, if it answered."""

    def __init__(self, sentence, status=None, code=None):
        Exception.__init__(self, sentence)
        self.sentence, self.status, self.code = sentence, status, code


def path_of(*parts):
    """Makes a path below /v1 of names, each of which is one segment whatever it holds."""
    if any(part in ("", ".", "..") for part in parts):
        raise Problem("a name is 1 to 31 letters, digits, '-', '_' and '.', and begins with a letter or digit")
    return "/v1/" + "/".join(quote(part, safe="") for part in parts)


def address_of(text):
    """Reads https://HOST[:PORT], or HOST[:PORT]; an IPv6 address stands in brackets."""
    found = re.match(r"(?:https://)?(?:\[([0-9A-Fa-f:.]+)\]|([A-Za-z0-9._-]+))(?::(\d{1,5}))?/?\Z", text)
    if not found or int(found.group(3) or DEFAULT_PORT) > 65535:
        raise Problem('"%s" is no address of skerryd: use https://HOST or https://HOST:PORT' % text)
    return found.group(1) or found.group(2), int(found.group(3) or DEFAULT_PORT)


def fingerprint_of(text):
    """Reads a SHA-256 as `skerryctl host` shows it, or with colons."""
    plain = text.replace(":", "").lower()
    if not re.match(r"[0-9a-f]{64}\Z", plain):
        raise Problem("the fingerprint is no SHA-256 of a certificate: use the 64 digits that `skerryctl host` shows")
    return plain


class LocalConnection(http.client.HTTPConnection):
    def __init__(self, path, timeout):
        http.client.HTTPConnection.__init__(self, "localhost", timeout=timeout)
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self.path)


class Gateway:
    """One skerryd, and one who asks it."""

    def __init__(self, host=None, socket=None, token=None, fingerprint=None, ca=None, validate_certs=True, timeout=60):
        self.timeout = timeout
        self.address = address_of(host) if host else None
        self.path = None if host else socket or DEFAULT_SOCKET
        self.place = "https://%s" % re.sub(r"^https://", "", host).rstrip("/") if host else self.path
        self.token = token if host else None    # at the socket, the kernel says who asks
        self.fingerprint = fingerprint_of(fingerprint) if fingerprint else None
        self.ca, self.validate_certs = ca, validate_certs
        self.connection = None
        # http.client would show the whole token in its own error
        if self.token and not re.match(r"[!-~]+\Z", self.token):
            raise Problem("the token has characters that no token has")

    # --- one request ---

    def context(self):
        if not self.fingerprint and self.validate_certs:
            try:
                return ssl.create_default_context(cafile=self.ca)
            except (OSError, ssl.SSLError) as why:
                raise Problem("the certificates in %s cannot be read: %s" % (self.ca, why))
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        return context

    def connect(self, seconds):
        """Opens the connection, and compares the certificate before anything is sent."""
        if self.path:
            connection = LocalConnection(self.path, seconds)
        else:
            connection = http.client.HTTPSConnection(self.address[0], self.address[1], timeout=seconds, context=self.context())
        try:
            connection.connect()
        except ssl.SSLCertVerificationError as why:
            raise Problem("the certificate of %s is not trusted (%s): give its fingerprint, which `skerryctl host` shows there"
                          % (self.place, why.verify_message))
        except (OSError, ssl.SSLError, http.client.HTTPException) as why:
            raise Problem("skerryd at %s cannot be reached: %s" % (self.place, why))
        if self.fingerprint:
            seen = hashlib.sha256(connection.sock.getpeercert(True)).hexdigest()
            if seen != self.fingerprint:
                connection.close()
                raise Problem("the certificate of %s has the fingerprint %s, not %s: nothing was sent to it"
                              % (self.place, seen, self.fingerprint))
        return connection

    def close(self):
        if self.connection:
            self.connection.close()
        self.connection = None

    def read(self, response, deadline):
        pieces, count = [], 0
        while True:
            piece = response.read(PIECE)
            count += len(piece)
            if count > ANSWER_MOST:
                raise Problem("%s answered more than %d bytes" % (self.place, ANSWER_MOST))
            if not piece:
                return b"".join(pieces)
            if time.monotonic() > deadline:
                raise Problem("%s did not answer within %g s" % (self.place, self.timeout))
            pieces.append(piece)

    def once(self, method, path, body, headers, deadline):
        """Sends a request and returns status, headers and what the JSON says; OSError or HTTPException: the connection was lost."""
        deadline += GRACE
        seconds = max(0.1, deadline - time.monotonic())
        if not self.connection:
            self.connection = self.connect(min(seconds, REACH_MOST))
        self.connection.sock.settimeout(seconds)
        try:
            self.connection.request(method, path, body=body, headers=headers)
            response = self.connection.getresponse()
            data = self.read(response, deadline)
        except BaseException:
            self.close()
            raise
        if response.will_close:
            self.close()
        try:
            value = json.loads(data.decode("utf-8")) if data else None
        except (ValueError, RecursionError):
            raise Problem("%s is no skerryd: it answered %d and no JSON" % (self.place, response.status), response.status)
        return response.status, response.headers, value

    # --- a request until it is done ---

    def sent(self, method, path, body, headers, deadline):
        """Sends a request, and again after a lost connection, after too many requests, or while another change is under way."""
        lost = False
        while True:
            try:
                status, said, value = self.once(method, path, body, headers, deadline)
            except socket.timeout:
                raise Problem("%s did not answer within %g s" % (self.place, self.timeout))
            except (OSError, http.client.HTTPException) as why:
                if lost or time.monotonic() >= deadline:
                    raise Problem("the connection to %s was lost: %s" % (self.place, why))
                lost = True
                continue
            code = value.get("code") if isinstance(value, dict) else None
            again = status == 429 or (status == 409 and code == "busy" and not lost)
            if not again or time.monotonic() + 1 >= deadline:
                break
            time.sleep(1 if status == 429 else 0.2)
        if not 200 <= status < 300 and not (method == "DELETE" and status == 404 and lost):
            raise self.problem(status, value)
        return status, said, value

    def problem(self, status, value):
        value = value if isinstance(value, dict) else {}
        sentence = value.get("detail") or "%s answered %d" % (self.place, status)
        return Problem(str(sentence), status, value.get("code"))

    def ask(self, method, path, body=None, **more):
        """Makes a request; returns what was answered, and its ETag. A change that goes on is waited for."""
        deadline = time.monotonic() + self.timeout
        headers = {"Accept": "application/json", "Prefer": "wait=%d" % min(WAIT_MOST, self.timeout)}
        headers.update((name.replace("_", "-"), value) for name, value in more.items() if value)
        if self.token:
            headers["Authorization"] = "Bearer " + self.token
        if body is not None:
            headers["Content-Type"] = "application/json"
            body = json.dumps(body).encode("utf-8")
        if method == "POST":
            # the same for each time that this request is sent, so that it is carried out once
            headers["Idempotency-Key"] = str(uuid.uuid4())
        status, said, value = self.sent(method, path, body, headers, deadline)
        if status == 202:
            value = self.followed(value, headers, deadline)
        return value, said.get("ETag")

    def followed(self, operation, headers, deadline):
        """Waits for the end of an operation; returns its result, or raises why it failed."""
        headers = {name: headers[name] for name in ("Accept", "Authorization") if name in headers}
        while operation.get("state") == "running":
            left = deadline - time.monotonic()
            if left <= 0:
                raise Problem("the change of %s is not done after %g s: skerryd goes on with it" % (operation.get("target"), self.timeout))
            path = path_of("operations", str(operation.get("id"))) + "?wait=%d" % min(WAIT_MOST, int(left) + 1)
            operation = self.sent("GET", path, None, headers, deadline + WAIT_MOST)[2]
        if operation.get("state") == "failed":
            raise self.problem(409, operation.get("problem"))
        return operation.get("result")

    def get(self, path):
        return self.ask("GET", path)[0]

    def find(self, path):
        """What is at a path and its ETag, or None and None."""
        try:
            return self.ask("GET", path)
        except Problem as why:
            if why.status != 404:
                raise
            return None, None

    def items(self, path):
        """All items of a list, over all its pages."""
        found, after = [], None
        while True:
            page = self.get(path + ("?after=" + quote(after, safe="") if after else ""))
            found += page["items"]
            if not page.get("next") or page["next"] == after:
                return found
            after = page["next"]

    def vm(self, name):
        """A VM with its keys and its ETag, or None and None. Waits for the keys of a new VM, as skerryd asks for them only then."""
        deadline = time.monotonic() + min(self.timeout, WAIT_MOST)
        while True:
            vm, tag = self.find(path_of("vms", name))
            if vm is None or vm["config"] or vm["stale"] or time.monotonic() > deadline:
                return vm, tag
            time.sleep(0.1)
