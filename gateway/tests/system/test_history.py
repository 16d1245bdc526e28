# SPDX-License-Identifier: MIT
"""What the gateway remembers: ring files that are read and written, who may see which, bad questions."""
import struct
import time
import zlib

import pytest

from client import wait_for

# The file's format, written down a second time: tiers as (step in seconds, records).
TIERS = ((1, 3600), (60, 44640), (3600, 17544))
SERIES = {"host": 2, "vm": 9, "store": 2}
HEAD = 4096
UNKNOWN = 0xffff


def record_bytes(series, tier):
    return 10 + 2 * series * (3 if tier else 1) + 3 & ~3


def record(series, tier, period, count, values):
    """A record with words as values: whole numbers below 1024 stand for themselves."""
    body = struct.pack(f"<IH{len(values)}H", period, count, *values)
    body = body.ljust(record_bytes(series, tier) - 4, b"\0")
    return struct.pack("<I", zlib.crc32(body, zlib.crc32(bytes((tier, series))))) + body


def ring_file(what, records):
    """A file of `what` with records (tier, period, count, words)."""
    series = SERIES[what.split("/")[0]]
    head = struct.pack("<8sII3I72s", b"skhist\n", 1, series, *(count for _, count in TIERS), what.encode())
    head += struct.pack("<I", zlib.crc32(head))
    data = bytearray(HEAD + sum(count * record_bytes(series, tier) for tier, (_, count) in enumerate(TIERS)))
    data[:len(head)] = head
    for tier, period, count, words in records:
        place = HEAD + sum(TIERS[each][1] * record_bytes(series, each) for each in range(tier)) + \
            period % TIERS[tier][1] * record_bytes(series, tier)
        packed = record(series, tier, period, count, words)
        data[place:place + len(packed)] = packed
    return bytes(data)


def history(server, query="", token=None):
    answer = server.tls("GET", f"/v1/history{query}", token=token)
    assert answer.status == 200, answer.body
    return answer.json()


def series(found, name, kind="mean"):
    return next(each[kind] for each in found["series"] if each["name"] == name)


def known(values):
    return [value for value in values if value is not None]


def test_what_a_machine_does_is_remembered(server):
    def samples():
        found = history(server, "?what=vm/vm00")
        return len(known(series(found, "cpu_percent"))) >= 3 and found
    found = wait_for(samples, 20, "samples")
    assert found["step"] == 1 and 3599 <= found["to"] - found["from"] <= 3601
    # the fake's VMs take 11 % of a CPU; a step of one second has no least and most
    assert all(10 <= value <= 12 for value in known(series(found, "cpu_percent")))
    assert "least" not in found["series"][0]
    now = int(time.time())
    found = history(server, f"?what=vm/vm00&from={now - 600}&to={now}&step=60")
    assert found["from"] % 60 == 0 and found["step"] == 60
    least, mean, most = (known(series(found, "resident_bytes", kind)) for kind in ("least", "mean", "most"))
    assert least == mean == most and set(mean) == {16 << 20}
    host = history(server)
    assert host["what"] == "host"
    assert all(0 < value <= 100 for value in known(series(host, "busy_percent")))
    assert known(series(host, "free_bytes"))


def test_disks_and_networks(pair):
    _, server = pair("--silence", "2")      # asks for the counts each second
    server.start()

    def rates():
        found = history(server, "?what=vm/vm00")
        return all(known(series(found, name)) for name in
                   ("disk_read_bytes_per_s", "net_sent_bytes_per_s")) and found
    found = wait_for(rates, 20, "rates")
    # The fake grows by 1024 bytes a millisecond, by its own clock and that of this machine.
    assert 0.3e6 < known(series(found, "disk_read_bytes_per_s"))[-1] < 3e6
    assert known(series(history(server, "?what=disk/disk0"), "read_bytes_per_s"))
    assert known(series(history(server, "?what=net/lan"), "frames_per_s"))
    assert server.tls("GET", "/v1/history?what=disk/none").status == 404


def test_files_of_an_earlier_day_are_read(pair):
    """A file that this test writes by the format's description, one from the future, and one that is cut."""
    _, server = pair()
    server.start()
    server.stop()
    now = int(time.time())
    minute, hour = now // 60 - 1500, now // 3600 - 24 * 300
    words = [500, UNKNOWN, 2, 3, 4, 5, 6, 7, 8]
    folder = server.state / "history"
    (folder / "vm-vm00").write_bytes(ring_file("vm/vm00", [
        (1, minute, 60, words + [100] * 9 + [900] * 9), (2, hour, 3600, words * 3)]))
    future = bytearray(ring_file("vm/vm01", []))
    future[8] = 2
    (folder / "vm-vm01").write_bytes(future)
    (folder / "vm-vm02").write_bytes(ring_file("vm/vm02", [])[:70000])
    (folder / "host").write_bytes(b"no history at all")
    server.start()
    found = history(server, f"?what=vm/vm00&from={minute * 60}&to={minute * 60 + 120}&step=60")
    assert series(found, "cpu_percent") == [5.0, None]
    assert series(found, "cpu_percent", "least") == [1.0, None]
    assert series(found, "cpu_percent", "most") == [9.0, None]
    assert series(found, "steal_percent") == [None, None]
    found = history(server, f"?what=vm/vm00&from={hour * 3600}&to={hour * 3600 + 7200}&step=3600")
    assert series(found, "net_sent_bytes_per_s") == [8, None]
    for name in ("vm01", "vm02"):
        wait_for(lambda: known(series(history(server, f"?what=vm/{name}"), "cpu_percent")) or
                 server.tls("GET", f"/v1/history?what=vm/{name}").status == 200, what=name)
        assert (folder / f"vm-{name}~").exists() and not (folder / f"vm-{name}").exists()
    assert history(server)["what"] == "host" and (folder / "host~").exists()
    said = (server.folder / "skerryd.log").read_text()
    assert "vm-vm01 is of a later version" in said and "vm-vm02 is cut" in said and "host is cut" in said


def test_what_waits_goes_into_the_file_at_the_end(pair):
    fake, server = pair()
    server.start()
    server.stop()
    (server.state / "history/vm-vm00").write_bytes(ring_file("vm/vm00", []))
    server.start()
    wait_for(lambda: known(series(history(server, "?what=vm/vm00"), "cpu_percent")), 20, "a sample")
    server.stop()
    fake.act("kill", ["vm00"], [])
    server.start()
    assert known(series(history(server, "?what=vm/vm00"), "cpu_percent"))
    # A VM that is no more keeps its history for those who could see it.
    fake.run_vm_destroy(["vm00"], [])
    wait_for(lambda: server.tls("GET", "/v1/vms/vm00").status == 404, 20, "vm00 is gone")
    assert known(series(history(server, "?what=vm/vm00"), "cpu_percent"))


def test_who_sees_what(server):
    foreign = server.make_token(["viewer"], "web-*")
    assert server.tls("GET", "/v1/history?what=vm/vm00", token=foreign).status == 404
    assert server.tls("GET", "/v1/history?what=vm/none", token=foreign).body.split(b"request_id")[0] == \
        server.tls("GET", "/v1/history?what=vm/vm00", token=foreign).body.split(b"request_id")[0]
    assert server.tls("GET", "/v1/history?what=disk/disk0", token=foreign).status == 403
    assert server.tls("GET", "/v1/history", token=foreign).status == 200
    assert server.tls("GET", "/v1/history?what=vm/none").status == 404
    auditor = server.make_token(["auditor"], "*")
    assert server.tls("GET", "/v1/history", token=auditor).status == 403


@pytest.mark.parametrize("query", ["what=vm/", "what=vm/../x", "what=etc", "what=host/a", "from=5&to=4", "from=x",
                                   "from=-1", "step=0", "step=61", "step=9999999999", "from=0&step=1", "from=1800000000&to=1800000100&step=x",
                                   "to=99999999999", "from=4294967295"])
def test_bad_questions(server, query):
    answer = server.tls("GET", f"/v1/history?{query}")
    assert answer.status == 422 and answer.code == "bad-argument", answer.body


def test_long_answers_count_for_more(pair):
    """A month by half-hours, read of its minutes, takes core as long as some eighty requests, and counts as these."""
    _, server = pair("--rate", "20")
    server.start()
    ask = f"/v1/history?what=vm/vm00&from={int(time.time()) - 1490 * 1800}&step=1800"
    tokens = [server.make_token(["viewer"], "vm0*") for _ in range(2)]
    assert [server.tls("GET", ask, token=token).status for token in (tokens[0], tokens[0], tokens[1])] == [200, 429, 200]


def test_none_are_kept_with_history_0(pair):
    _, server = pair("--history", "0")
    server.start()
    assert not (server.state / "history").exists()
    assert not known(series(history(server, "?what=vm/vm00"), "cpu_percent"))
