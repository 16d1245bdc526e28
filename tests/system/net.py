# SPDX-License-Identifier: MIT
"""What tests with networks have in common: guests on them, pings, fetched pages, counts."""
import contextlib
import http.server
import re
import subprocess
import threading

import bundle

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


def boot(machine, *names):
    machine.wait_prompt()
    wait_shells(machine, *names)


def wait_shells(machine, *names):
    for name in names:
        machine.attach_shell(name, 280)
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


def fetch(port):
    done = subprocess.run(["curl", "-s", "-m", "60", f"http://127.0.0.1:{port}/"],
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
