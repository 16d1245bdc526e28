# SPDX-License-Identifier: MIT
"""When something will be used up: what is said of histories that this test writes, who may ask, bad questions."""
import time

import pytest

from client import wait_for
from test_history import ring_file

HOUR, DAY = 3600, 86400
GIB = 1 << 30


def word(value):
    """A value as records hold it: a floating-point number of 6 and 10 bits."""
    value = int(value)
    if value < 1024:
        return value
    shift = value.bit_length() - 11
    return (shift + 1) << 10 | (value >> shift) & 1023


def history_of(what, days, values):
    """A file with an hour's means for each of the last days, by a function of the hours until now for each series."""
    now = int(time.time()) // HOUR
    return ring_file(what, [(2, now - back, 3600, [word(value) for value in values(back)] * 3) for back in range(1, 24 * days)])


def forecast(server, query="", token=None):
    answer = server.tls("GET", f"/v1/forecast{query}", token=token)
    assert answer.status == 200, answer.body
    found = answer.json()
    return found, {item["series"]: item for item in found["items"]}


@pytest.fixture
def past(pair):
    """A server whose state has histories: {file name: bytes}."""
    def begin(files):
        fake, server = pair()
        fake.make_stores()
        server.start()
        server.stop()
        for name, content in files.items():
            (server.state / "history" / name).write_bytes(content)
        server.start()
        return fake, server
    return begin


def test_what_will_be_used_up(past):
    """The fake has 64 MiB for a VM, 11 % of whose only CPU is used; its host's memory is nearly free."""
    def vm(back):
        return [4000, 0, 0, 0, (62 << 20) - back * (64 << 10), 0, 0, 0, 0]
    _, server = past({"vm-vm00": history_of("vm/vm00", 20, vm),
                      "store-pool": history_of("store/pool", 28, lambda back: [6 * GIB + back * GIB // 24, 4 * GIB])})
    now = time.time()
    wait_for(lambda: server.tls("GET", "/v1/vms/vm00").json()["state"] == "running", 20, "the VM")
    found, items = forecast(server, "?what=vm/vm00&series=resident_bytes&limit=67108864")
    assert found["what"] == "vm/vm00" and abs(found["time"] - now) < 60 and len(items) == 1
    memory = items["resident_bytes"]
    assert memory["comparison"] == "above" and memory["limit"] == 64 << 20 and memory["days"] in (19, 20)
    assert abs(memory["per_day"] - 24 * (64 << 10)) < 64 << 10
    # 2 MiB are left at 64 KiB an hour; the present hour has what the fake says, which is less
    assert memory["state"] == "expected" and now + 28 * HOUR < memory["likely"] < now + 37 * HOUR
    assert memory["earliest"] <= memory["likely"] <= memory["latest"]
    _, items = forecast(server, "?what=vm/vm00")
    assert set(items) == {"cpu_percent", "resident_bytes"}
    cpu = items["cpu_percent"]
    assert cpu["state"] == "not-within" and cpu["limit"] % 95 == 0 and cpu["ahead_days"] in (19, 20)
    assert cpu["earliest"] is cpu["likely"] is cpu["latest"] is None
    _, items = forecast(server, "?what=store/pool")
    store = items["free_bytes"]
    assert store["comparison"] == "below" and store["limit"] == 0 and store["per_day"] < 0
    assert store["state"] == "expected" and now + 5 * DAY < store["likely"] < now + 7 * DAY
    _, items = forecast(server, "?what=store/pool&days=3")
    assert items["free_bytes"]["state"] == "not-within" and items["free_bytes"]["ahead_days"] == 3


def test_what_is_not_known_is_said(past):
    _, server = past({"vm-vm01": history_of("vm/vm01", 3, lambda back: [500] * 9)})
    _, items = forecast(server)
    assert set(items) == {"busy_percent", "free_bytes"}
    assert {item["state"] for item in items.values()} == {"not-enough-history"}
    assert items["free_bytes"]["per_day"] is None and items["free_bytes"]["ahead_days"] == 0
    _, items = forecast(server, "?what=vm/vm01&series=cpu_percent&limit=90")
    assert items["cpu_percent"]["state"] == "not-enough-history" and items["cpu_percent"]["days"] in (2, 3)
    _, items = forecast(server, "?what=vm/vm01&series=exits_per_s")
    assert items["exits_per_s"]["state"] == "no-limit" and items["exits_per_s"]["limit"] is None
    wait_for(lambda: forecast(server, "?what=vm/vm00&series=cpu_percent&limit=5")[1]["cpu_percent"]["state"] == "reached", 30, "samples")


def test_stores_have_a_history(pair):
    fake, server = pair()
    fake.make_stores()
    server.start()

    def known():
        answer = server.tls("GET", "/v1/history?what=store/pool")
        return answer.status == 200 and [value for value in answer.json()["series"][0]["mean"] if value is not None]
    assert set(wait_for(known, 30, "samples of the store")) == {1 << 29}
    # one without a store on it has none, nor has one that does not exist
    for name in ("empty", "none"):
        assert server.tls("GET", f"/v1/history?what=store/{name}").status == 404
        assert server.tls("GET", f"/v1/forecast?what=store/{name}").status == 404
    assert server.tls("POST", "/v1/alerts", {"name": "full", "what": "store/*", "series": "free_bytes", "comparison": "below",
                                             "threshold": 1 << 30}).status == 201
    wait_for(lambda: server.tls("GET", "/v1/alerts").json()["items"][0]["state"] == "firing", 30, "the alert")


def test_who_may_ask(server):
    foreign = server.make_token(["viewer"], "web-*")
    assert server.tls("GET", "/v1/forecast?what=vm/vm00", token=foreign).status == 404
    assert server.tls("GET", "/v1/forecast?what=store/pool", token=foreign).status == 403
    assert server.tls("GET", "/v1/forecast", token=foreign).status == 200
    assert server.tls("GET", "/v1/forecast?what=vm/none").status == 404
    auditor = server.make_token(["auditor"], "*")
    assert server.tls("GET", "/v1/forecast", token=auditor).status == 403


@pytest.mark.parametrize("query", ["what=vm/", "what=vm/../x", "what=etc", "series=none", "series=", "series=free_bytes&limit=-1",
                                   "series=free_bytes&limit=x", "series=free_bytes&limit=nan", "series=free_bytes&limit=1e3",
                                   "series=free_bytes&limit=9999999999999999999999", "limit=5", "days=0", "days=29", "days=x", "days=-1"])
def test_bad_questions(server, query):
    answer = server.tls("GET", f"/v1/forecast?{query}")
    assert answer.status == 422 and answer.code == "bad-argument", answer.body


def test_a_forecast_counts_for_more(pair):
    """One of two series takes core as long as some five requests."""
    _, server = pair("--rate", "2")
    server.start()
    tokens = [server.make_token(["viewer"], "*") for _ in range(2)]
    assert [server.tls("GET", "/v1/forecast", token=token).status for token in (tokens[0], tokens[0], tokens[1])] == [200, 429, 200]
