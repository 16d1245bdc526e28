# SPDX-License-Identifier: MIT
"""Debian's Prometheus and Alertmanager, as the guide sets them up: scraped by TLS and token, an alert
for a crashed VM, delivered to a web hook."""
import http.server
import json
import math
import queue
import re
import shutil
import ssl
import subprocess
import threading
import urllib.parse
import urllib.request
from pathlib import Path

import pytest

from client import wait_for
from ports import free_port

MONITORING = Path(__file__).resolve().parents[2] / "monitoring"


def test_metrics_are_sound(server):
    """promtool has no objection to the metrics."""
    answer = server.tls("GET", "/metrics")
    assert answer.status == 200
    done = subprocess.run(["promtool", "check", "metrics"], input=answer.body, timeout=20,
                          capture_output=True)
    assert done.returncode == 0 and done.stderr == b"", done.stderr.decode()


class Hook(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()
        for alert in json.loads(body)["alerts"]:
            self.server.alerts.put(alert)

    def log_message(self, *_):
        pass


@pytest.fixture
def hook():
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Hook)
    server.alerts = queue.Queue()
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


@pytest.fixture
def start(tmp_path):
    """Starts a program that ends with the test."""
    running = []

    def start(*words):
        with open(tmp_path / f"{words[0]}.log", "wb") as log:
            running.append(subprocess.Popen([str(word) for word in words], cwd=tmp_path,
                                            stdout=log, stderr=log))
        return running[-1]
    yield start
    for program in running:
        program.terminate()
    for program in running:
        program.wait(20)


def configure(folder, server, token, alertmanager, hook):
    """Writes the shipped example, with this test's ports and a rule that fires sooner."""
    text = (MONITORING / "prometheus.yml").read_text()
    for before, after in (("15s", "500ms"), ("localhost:9093", f"127.0.0.1:{alertmanager}"),
                          ("localhost:8443", f"localhost:{server.port}")):
        assert before in text
        text = text.replace(before, after)
    (folder / "prometheus.yml").write_text(text)
    shutil.copy(MONITORING / "skerry.rules.yml", folder)
    (folder / "skerry.token").write_text(token)
    (folder / "skerry.pem").write_text(ssl.get_server_certificate(("127.0.0.1", server.port)))
    (folder / "alertmanager.yml").write_text(json.dumps({
        "route": {"receiver": "hook", "group_wait": "100ms", "group_interval": "200ms"},
        "receivers": [{"name": "hook", "webhook_configs": [
            {"url": f"http://127.0.0.1:{hook.server_port}/", "send_resolved": True}]}]}))


def asked(port, path):
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=5) as answer:
            return json.load(answer)["data"]
    except OSError:
        return None


def test_crash_becomes_an_alert(server, fake, hook, start, tmp_path):
    made = server.tls("POST", "/v1/tokens", {"name": "prometheus", "roles": ["viewer"],
                                             "scope": "*", "expires_s": 600})
    assert made.status == 201, made.body
    ports = free_port(), free_port()
    configure(tmp_path, server, made.json()["token"], ports[1], hook)
    done = subprocess.run(["promtool", "check", "config", "prometheus.yml"], cwd=tmp_path,
                          capture_output=True, text=True, timeout=20)
    assert done.returncode == 0, done.stdout + done.stderr
    start("prometheus-alertmanager", "--config.file=alertmanager.yml", "--storage.path=am",
          f"--web.listen-address=127.0.0.1:{ports[1]}", "--cluster.listen-address=")
    start("prometheus", "--config.file=prometheus.yml", "--storage.tsdb.path=data",
          f"--web.listen-address=127.0.0.1:{ports[0]}")
    query = "/api/v1/query?query=skerry_vm_state%7Bvm%3D%22vm01%22,state%3D%22running%22%7D"
    wait_for(lambda: (found := asked(ports[0], query)) and found["result"] and
             found["result"][0]["value"][1] == "1", 30, "a scrape of a running VM")
    assert hook.alerts.empty()
    fake.crash("vm01")
    alert = hook.alerts.get(timeout=30)
    assert alert["status"] == "firing"
    assert alert["labels"]["alertname"] == "SkerryVmCrashed" and alert["labels"]["vm"] == "vm01"
    assert alert["annotations"]["summary"] == "VM vm01 crashed"
    fake.act("start", ["vm01"], [])
    wait_for(lambda: hook.alerts.get(timeout=30)["status"] == "resolved", 30, "the end of the alert")


def board():
    """The dashboard of Grafana, and each query of it: the panel's title, and what it asks."""
    made = json.loads((MONITORING / "grafana.json").read_text(encoding="utf-8"))
    return made, [(panel["title"], target["expr"]) for panel in made["panels"] for target in panel.get("targets", ())]


def answered(port, query):
    """What Prometheus answers: the values, or None when it refuses the query, has nothing, or cannot divide yet."""
    for name, value in (("$instance", ".*"), ("$vm", ".*"), ("$__rate_interval", "20s")):
        query = query.replace(name, value)
    found = asked(port, "/api/v1/query?query=" + urllib.parse.quote(query))
    values = [float(each["value"][1]) for each in found["result"]] if found else []
    return values if values and all(math.isfinite(each) for each in values) else None


def test_dashboard_is_sound(server):
    """Panels have numbers of their own and do not overlap; what they ask for is exported, and nothing that is exported has no panel."""
    made, queries = board()
    numbers = [panel["id"] for panel in made["panels"]]
    assert len(numbers) == len(set(numbers))
    taken = [(x, y) for place in (panel["gridPos"] for panel in made["panels"])
             for x in range(place["x"], place["x"] + place["w"]) for y in range(place["y"], place["y"] + place["h"])]
    assert len(taken) == len(set(taken)) and max(x for x, _ in taken) < 24
    assert all(panel["datasource"]["uid"] == "${datasource}" for panel in made["panels"] if panel["type"] != "row")
    assert [panel["title"] for panel in made["panels"] if panel["type"] == "row"] == ["Host", "VMs", "Disks", "Networks", "Gateway"]
    assert all('instance=~"$instance"' in query for _, query in queries)
    assert server.tls("POST", "/v1/host/actions/audit").status == 200
    exported = set(re.findall(r"^# HELP (\S+)", server.tls("GET", "/metrics").body.decode(), re.M))
    assert {name for _, query in queries for name in re.findall(r"\bskerryd?_\w+", query)} == exported


def test_dashboard_has_data(pair, start, tmp_path):
    """Prometheus answers each query of the dashboard with data, and with the numbers of the VMs that there are."""
    fake, server = pair("--silence", "4")       # Skerry is asked for its counts every 2 s
    fake.act("start", ["vm01"], [])
    server.start()
    assert server.tls("POST", "/v1/host/actions/audit").status == 200
    text = (MONITORING / "prometheus.yml").read_text().replace("15s", "500ms").replace("localhost:8443", f"localhost:{server.port}")
    (tmp_path / "prometheus.yml").write_text(text.replace("rule_files:\n  - skerry.rules.yml\n", ""))
    (tmp_path / "skerry.token").write_text(server.make_token(["viewer"]))
    (tmp_path / "skerry.pem").write_text(ssl.get_server_certificate(("127.0.0.1", server.port)))
    port = free_port()
    start("prometheus", "--config.file=prometheus.yml", "--storage.tsdb.path=data", f"--web.listen-address=127.0.0.1:{port}")
    made, queries = board()
    missing = list(queries)

    def all_answered():
        missing[:] = [(title, query) for title, query in missing if not answered(port, query)]
        return not missing
    try:
        wait_for(all_answered, 40)
    except AssertionError as why:
        raise AssertionError(f"Prometheus has nothing for {missing}") from why
    value = {title: wait_for(lambda query=query: answered(port, query), 20, title) for title, query in queries}
    assert value["VMs that run"] == [2] and value["VMs that crashed"] == [0] and value["Link to Skerry"] == [1]
    assert value["Findings of the page audit"] == [0]
    assert wait_for(lambda: (found := answered(port, dict(queries)["CPUs busy"])) and 0 < found[0] < 1, 20, "a busy CPU")
    assert value["Bytes of a request"] == pytest.approx([15360], rel=0.3)
    for variable in made["templating"]["list"][1:]:
        metric, label = re.fullmatch(r"label_values\((\w+)(?:\{.*\})?, (\w+)\)", variable["definition"]).groups()
        values = asked(port, f"/api/v1/label/{label}/values?match[]={metric}")
        assert ("vm01" if label == "vm" else f"localhost:{server.port}") in values
