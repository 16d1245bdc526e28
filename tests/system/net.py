# SPDX-License-Identifier: MIT
"""What tests with networks have in common: guests on them, pings, fetched pages, counts."""
import contextlib
import ctypes
import http.server
import os
import re
import subprocess
import threading

import bundle
from machine import Bochs
from ports import free_port

GUEST = """[vm {name}]
kernel = vmlinuz
initrd = initramfs.cpio.gz
cmdline = console=ttyS0 quiet name={name} no_timer_check address={address} {words}
memory = 128M
autostart = yes
net = {net}
"""


def guest(name, address, net="lan", words=""):
    """The section of a Debian with that address; `words` go to its command line."""
    return GUEST.format(name=name, address=address, net=net, words=words)


def files(build, tmp_path, *sections):
    return bundle.make(tmp_path / "net.cpio", "\n".join(sections), bundle.debian(build / "guests"))


def user_card(port, model="e1000e"):
    """A card that leads to the host, where that port leads to port 80 of 10.0.2.15."""
    return ("-netdev", f"user,id=n,hostfwd=tcp:127.0.0.1:{port}-10.0.2.15:80",
            "-device", f"{model},netdev=n")


def way_out(emulator):
    """The words for a machine of that emulator with a card that leads to the host, which is 10.0.2.2 there."""
    return {"card": True} if emulator is Bochs else {"extra": user_card(free_port())}


def tap_card(emulator, name):
    """The words for a machine of that emulator with a card that is on one wire with a tap of this machine."""
    return {"card": name} if emulator is Bochs else {
        "extra": ("-netdev", f"tap,id=n,ifname={name},script=no,downscript=no", "-device", "e1000e,netdev=n")}


@contextlib.contextmanager
def own_network(name, address):
    """
    This thread, and what it starts meanwhile, is in a network namespace of its own, where a tap of that name has that address.
    Takes root.
    """
    libc, new_network = ctypes.CDLL(None, use_errno=True), 0x40000000   # CLONE_NEWNET
    before = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
    try:
        assert libc.unshare(new_network) == 0, os.strerror(ctypes.get_errno())
        for words in ("link set lo up", f"tuntap add dev {name} mode tap", f"address add {address} dev {name}", f"link set {name} up"):
            subprocess.run(["ip", *words.split()], check=True)
        yield
    finally:
        assert libc.setns(before, new_network) == 0, os.strerror(ctypes.get_errno())
        os.close(before)


def boot(machine, *names):
    machine.wait_prompt()
    wait_shells(machine, *names)


def wait_shells(machine, *names):
    for name in names:
        machine.attach_shell(name)
        machine.leave()


def shell(machine, name, line):
    machine.attach(name)
    said = machine.shell(line)
    machine.leave()
    return said


def pings(machine, name, address, count=3):
    """Sends pings and returns how many of them were answered."""
    said = shell(machine, name, f"ping -c {count} -i 0.2 -W 5 {address}")
    return int(re.search(r"(\d+) packets received", said).group(1))


def begin_transfer(machine, source, address, more=""):
    """Sends from one guest to another, which has an iperf3 that serves, until end_transfer()."""
    machine.attach(source)
    machine.type(f"(iperf3 -c {address} -t 3600 {more} -f k >/tmp/iperf 2>&1; echo iperf''-ends) &\r")
    machine.leave()


def end_transfer(machine, source):
    """Ends it, and checks that nothing had ended it before."""
    machine.attach(source)
    machine.type("killall -TERM iperf3\r")
    machine.wait("iperf-ends")
    said = machine.shell("cat /tmp/iperf")
    machine.leave()
    assert "interrupt - the client has terminated" in said and "error - " not in said, said


def fetch(port):
    done = subprocess.run(["curl", "-s", "-m", "300", f"http://127.0.0.1:{port}/"],
                          stdout=subprocess.PIPE, text=True, check=False)
    return done.stdout


@contextlib.contextmanager
def host_page(data):
    """The port of a page with these bytes on this machine, which guests find at 10.0.2.2."""
    class Page(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(200)
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, *unused):
            pass

    with http.server.HTTPServer(("127.0.0.1", 0), Page) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield server.server_port
        finally:
            server.shutdown()
            thread.join()


def ports(machine):
    return {row["port"]: row for row in machine.objects("net stat")}
