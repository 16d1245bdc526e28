# SPDX-License-Identifier: MIT
"""The page of a report, whatever names and texts are in it; its signature, and what breaks it."""
import base64
import hashlib
import json
import re
import subprocess
from html.parser import HTMLParser

import pytest

EVIL = "<script>alert(1)</script>\"'><img src=x onerror=alert(2)>\u202egpj.exe\x1b[2J"
ALLOWED = {"html", "head", "meta", "title", "style", "body", "h1", "h2", "p", "span", "section", "table", "thead",
           "tbody", "tr", "th", "td"}


class Page(HTMLParser):
    """Collects the page's text, and fails on what a page of a report never has."""

    def __init__(self, text):
        super().__init__()
        self.text = ""
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        assert tag in ALLOWED, tag
        for name, value in attrs:
            assert name in ("lang", "charset", "name", "content", "http-equiv", "id", "class", "scope"), name
            assert name != "class" or value in ("unknown", "bad", "facts"), value

    def handle_data(self, data):
        self.text += data


@pytest.fixture
def evil(pair):
    """A host in which every text that somebody else chooses is hostile."""
    fake, server = pair(vms=1)
    fake.findings = [EVIL, "found"]
    fake.leaks = [{"leak": EVIL, "state": "open", "by": EVIL}]
    fake.make_stores()
    fake.make_volume("pool", EVIL, 1 << 20)[0]["users"] = EVIL
    server.start()
    assert server.local("POST", "/v1/tokens", {"name": "<img src=x onerror=alert(3)>", "roles": ["viewer"]}).status == 201
    server.local("POST", "/v1/tokens", {"name": EVIL, "roles": ["viewer"]})
    server.local("DELETE", "/v1/tokens/<b>")
    return server


def test_hostile_names(evil):
    answer = evil.tls("GET", "/v1/report?profile=hardened&format=html")
    assert answer.status == 200 and answer.headers["Content-Type"] == "text/html; charset=utf-8"
    text = answer.body.decode()
    page = Page(text)
    assert "<script" not in text and "<img" not in text and "\u202e" not in text and "\x1b" not in text
    assert "<script>alert(1)</script>" in page.text and "\\u{202e}gpj.exe\\u{1b}[2J" in page.text
    assert "<img src=x onerror=alert(3)>" in page.text
    assert "http:" not in text and "https:" not in text and "url(" not in text
    style = re.search(r"<style>(.*?)</style>", text, re.S).group(1)
    source = "sha256-" + base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    for policy in (answer.headers["Content-Security-Policy"], re.search(r'content="(default-src[^"]*)"', text).group(1)):
        assert f"default-src 'none'; style-src '{source}'; base-uri 'none'; form-action 'none'" in policy
    assert "frame-ancestors 'none'; sandbox" in answer.headers["Content-Security-Policy"]
    assert evil.tls("GET", "/v1/report?format=pdf").status == 422


@pytest.fixture
def ctl(request, evil, tmp_path):
    program = request.config.getoption("--gateway") + "/skerryctl"

    def run(*words):
        return subprocess.run([program, *words], text=True, timeout=30, cwd=tmp_path, capture_output=True, env={
            "HOME": str(tmp_path), "SKERRY_TOKEN": evil.token, "LC_ALL": "C.UTF-8"})
    return run


def test_signature(ctl, evil, program, tmp_path):
    """A report is as it was signed until one byte of it or of its signature is another."""
    key = subprocess.run([program, "report-key", evil.state], text=True, capture_output=True, check=True).stdout
    fingerprint = key.splitlines()[0].split()[1]
    for words, name in ((["--html", "r.html"], "r.html"), (["r.json"], "r.json")):
        done = ctl("--socket", evil.socket, "report", "--profile", "hardened", *words)
        assert done.returncode == 0 and fingerprint in done.stdout, done
        file, beside = tmp_path / name, tmp_path / (name + ".sig")
        whole, signature = file.read_bytes(), beside.read_bytes()
        verify = ["report", "--verify", name, "--fingerprint", fingerprint]
        assert ctl(*verify).returncode == 0
        assert ctl("report", "--verify", name).returncode == 7
        assert ctl(*verify[:-1], "0" * 64).returncode == 7
        for place in (0, len(whole) // 2, len(whole) - 1):
            file.write_bytes(whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1:])
            assert ctl(*verify).returncode == 7, place
        file.write_bytes(whole + b" ")
        assert ctl(*verify).returncode == 7
        file.write_bytes(whole)
        said = json.loads(signature)
        for member in ("key", "signature"):
            beside.write_text(json.dumps({**said, member: said[member][:-8] + "AAAA" + said[member][-4:]}))
            assert ctl(*verify).returncode == 7, member
        beside.write_text("[]")
        assert ctl(*verify).returncode == 7
        beside.write_bytes(signature)
        assert ctl(*verify).returncode == 0
    assert ctl("--socket", evil.socket, "report", "r.json").returncode == 1     # the file is there
    (tmp_path / "s.json.sig").touch()
    refused = ctl("--socket", evil.socket, "report", "s.json")
    assert refused.returncode == 1 and "s.json.sig: there is such a file" in refused.stderr and not (tmp_path / "s.json").exists()
    shown = ctl("--socket", evil.socket, "report", "--profile", "hardened").stdout
    assert "\x1b" not in shown and "\u202e" not in shown and "pages.findings" in shown and "deviates" in shown


def test_openssl_verifies_it_too(evil, program, tmp_path):
    answer = evil.tls("GET", "/v1/report")
    said = json.loads(answer.headers["Report-Signature"])
    assert said["sha256"] == hashlib.sha256(answer.body).hexdigest()
    assert said["fingerprint"] == hashlib.sha256(base64.b64decode(said["key"])).hexdigest()
    pem = subprocess.run([program, "report-key", evil.state], text=True, capture_output=True, check=True).stdout
    (tmp_path / "key.pem").write_text(pem.split("\n", 1)[1])
    (tmp_path / "signature").write_bytes(base64.b64decode(said["signature"]))
    (tmp_path / "report").write_bytes(answer.body)
    command = ["openssl", "dgst", "-sha256", "-verify", "key.pem", "-signature", "signature", "report"]
    assert subprocess.run(command, cwd=tmp_path, capture_output=True, check=False).returncode == 0
    (tmp_path / "report").write_bytes(answer.body.replace(b'"findings": 2', b'"findings": 0'))
    assert subprocess.run(command, cwd=tmp_path, capture_output=True, check=False).returncode == 1


def test_the_key_outlives_a_restart_and_is_not_the_servers(evil, tmp_path):
    before = evil.tls("GET", "/v1/report").headers["Report-Signature"]
    evil.stop()
    evil.start()
    after = evil.tls("GET", "/v1/report").headers["Report-Signature"]
    assert json.loads(before)["fingerprint"] == json.loads(after)["fingerprint"] != evil.fingerprint
    assert (evil.state / "report-key.pem").stat().st_mode & 0o777 == 0o600
    evil.stop()
    (evil.state / "report-key.pem").write_text("no key")
    evil.start()
    answer = evil.tls("GET", "/v1/report")
    assert answer.status == 200 and "Report-Signature" not in answer.headers
    assert "reports are not signed" in evil.errors()
