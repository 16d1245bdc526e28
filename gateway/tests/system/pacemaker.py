# SPDX-License-Identifier: MIT
"""A node of a cluster, in namespaces of its own: Debian's Corosync and Pacemaker; and a stand-in for the controllers of boards."""
import base64
import http.server
import json
import shutil
import ssl
import subprocess
import threading

NEEDED = ("corosync", "pacemakerd", "fence_redfish", "crm_mon", "virsh", "unshare", "nsenter", "ip", "openssl")
TOTEM = """totem {{
  version: 2
  cluster_name: skerry
  transport: knet
  crypto_cipher: none
  crypto_hash: none
}}
nodelist {{
{nodes}}}
quorum {{
  provider: corosync_votequorum
  two_node: 1
  wait_for_all: 0
}}
logging {{
  to_logfile: yes
  logfile: {folder}/corosync.log
}}
"""
ENTRY = "  node {{\n    ring0_addr: 10.78.0.{number}\n    name: {name}\n    nodeid: {number}\n  }}\n"
SETUP = """set -e
mount --make-rprivate /
for folder in /run /var/lib/pacemaker /var/lib/corosync /etc/corosync /dev/shm /var/log; do
  mkdir -p $folder
  mount -t tmpfs -o mode=1777 none $folder
done
mkdir -p /run/skerryd /var/log/pacemaker /var/log/cluster
ln -s {socket} /run/skerryd/libvirt-sock
for folder in cib pengine cores blackbox; do install -d -o hacluster -g haclient /var/lib/pacemaker/$folder; done
chown hacluster:haclient /var/lib/pacemaker
chmod 755 /var/lib/pacemaker /run
hostname {name}
cp {folder}/corosync.conf /etc/corosync/
ip link set lo up
echo ready
read networks
corosync
PCMK_logfile={folder}/pacemaker.log exec pacemakerd -f >{folder}/pacemaker.out 2>&1
"""


def missing():
    return [name for name in NEEDED if not shutil.which(name)]


def ip(*words):
    subprocess.run(["ip", *words], check=True, capture_output=True, text=True)


class Node:
    """One end of the cluster; ends as a machine does whose power is cut."""

    def __init__(self, number, name, names, folder, socket):
        self.number, self.name = number, name
        folder.mkdir()
        nodes = "".join(ENTRY.format(number=1 + place, name=of) for place, of in enumerate(names))
        (folder / "corosync.conf").write_text(TOTEM.format(nodes=nodes, folder=folder))
        (folder / "setup").write_text(SETUP.format(socket=socket, name=name, folder=folder))
        self.process = subprocess.Popen(
            ["unshare", "-m", "-n", "-u", "-i", "-p", "-f", "--mount-proc", "--kill-child", "bash", folder / "setup"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=open(folder / "setup.err", "w"), text=True)
        assert self.process.stdout.readline() == "ready\n", (folder / "setup.err").read_text()
        self.pid = int(open(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read().split()[0])

    def begin(self):
        """Starts Corosync and Pacemaker, once the network is there."""
        self.process.stdin.write("\n")
        self.process.stdin.flush()

    def run(self, *words, check=True, limit=60):
        done = subprocess.run(["nsenter", "-t", str(self.pid), "-m", "-n", "-u", "-i", "-p", *words], stdin=subprocess.DEVNULL,
                              capture_output=True, text=True, timeout=limit)
        assert not check or done.returncode == 0, (words, done.stdout, done.stderr)
        return done.stdout

    def join(self, link, address):
        """Gives the node the end of a pair of network cards."""
        ip("link", "set", link, "netns", str(self.pid))
        self.run("ip", "addr", "add", f"{address}/24", "dev", link)
        self.run("ip", "link", "set", link, "up")

    def power_off(self):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()


class Controllers:
    """Speaks as much Redfish as fence_redfish asks for; each system has a function that cuts its power."""

    def __init__(self, folder, off, is_on):
        self.looked, self.asked, self.off, self.is_on = set(), [], off, is_on
        pem = folder / "bmc.pem"
        subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=bmc", "-days", "2",
                        "-keyout", pem, "-out", folder / "bmc.crt"], check=True, capture_output=True)
        pem.write_text(pem.read_text() + (folder / "bmc.crt").read_text())
        controllers = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def answer(self, body):
                text = json.dumps(body).encode()
                self.send_response(200)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(text)))
                self.end_headers()
                self.wfile.write(text)

            def do_GET(self):
                name = self.path.rsplit("/", 1)[-1]
                controllers.looked.add(name)
                self.answer({"PowerState": "On" if controllers.is_on(name) else "Off", "@odata.id": self.path,
                             "Actions": {"#ComputerSystem.Reset": {"target": self.path + "/Actions/ComputerSystem.Reset"}}})

            def do_POST(self):
                assert self.headers["Authorization"] == "Basic " + base64.b64encode(b"bmc:secret").decode()
                name = self.path.split("/")[4]
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                controllers.asked.append((name, body["ResetType"]))
                if body["ResetType"] == "ForceOff":
                    controllers.off(name)
                self.answer({})

            def log_message(self, *_words):
                pass

        self.server = http.server.ThreadingHTTPServer(("0.0.0.0", 0), Handler)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(pem)
        self.server.socket = context.wrap_socket(self.server.socket, server_side=True)
        self.port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def close(self):
        self.server.shutdown()
        self.server.server_close()
