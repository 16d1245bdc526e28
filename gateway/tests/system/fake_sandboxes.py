# SPDX-License-Identifier: MIT
"""A fake Skerry whose clones stay (iso/init/stay.c): commands are the test host's, with files in a folder of the test's."""
import os
import shutil
import stat
import subprocess
import threading

from fake_runs import FakeRuns, frame

# enum act_end of iso/init/gate.h
ENDS = {FileNotFoundError: 2, NotADirectoryError: 2, IsADirectoryError: 3, PermissionError: 4, FileExistsError: 6}


def ended(code, by_signal=0):
    return frame("X", bytes((by_signal, code, 0, 0)) + (1024).to_bytes(4, "little") + bytes(16))


class FakeSandboxes(FakeRuns):
    """Its init knows GATE_STAY, and does what it is told in `root`."""

    def __init__(self, path, root, **keys):
        self.root, self.going, self.stays = str(root), {}, []
        super().__init__(path, **keys)
        self.hello_frames = frame("H", b"\4")

    def take_frame(self, number, kind, said):
        if kind == "B":
            self.stays.append(said)
            self.say(number, frame("B"))
        elif kind == "C":
            words = [word for word in said.decode().split("\0") if word]
            self.told.append(said)
            self.going[number] = going = Going(self, number, words)
            threading.Thread(target=going.act if going.deed else going.run, daemon=True).start()
        elif kind == "I" and number in self.going:
            self.going[number].take(said)
        elif kind == "K":
            self.going[number].process.send_signal(said[0])
        else:
            super().take_frame(number, kind, said)

    def run_stream_close(self, words, after):
        going = self.going.pop(int(words[0]), None)
        if going and going.process:
            going.process.kill()
        self.inits.pop(int(words[0]), None)
        return []


class Going:
    """One command."""

    def __init__(self, fake, number, words):
        self.fake, self.number, self.process = fake, number, None
        self.words = [word[1:] for word in words if word[0] == "a"]
        common = [word for word in fake.stays[-1].decode().split("\0") if word]
        self.env = dict(word[1:].split("=", 1) for word in common + words if word[0] == "e")
        self.deed = ([word[1:] for word in words if word[0] == "f"] or [None])[0]
        self.input, self.all = b"", threading.Event()
        self.begun = threading.Event()

    def say(self, data):
        with self.fake.lock:
            if self.number in self.fake.inits:
                self.fake.say(self.number, data)

    def take(self, said):
        if not self.deed:
            self.begun.wait(10)
            try:
                if said:
                    os.write(self.process.stdin.fileno(), said)
                else:
                    self.process.stdin.close()
            except OSError:
                pass
        self.input += said
        if said:
            self.fake.say(self.number, frame("T", len(said).to_bytes(4, "little")))
        else:
            self.all.set()

    def run(self):
        self.process = subprocess.Popen(self.words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=self.fake.root,
                                        env={"PATH": os.environ["PATH"], "HOME": self.fake.root, **self.env})
        self.begun.set()
        parts = [threading.Thread(target=self.copy, args=part) for part in ((self.process.stdout, "O"), (self.process.stderr, "E"))]
        for part in parts:
            part.start()
        code = self.process.wait()
        for part in parts:
            part.join()
        self.say(ended(code) if code >= 0 else ended(-code, 1))

    def copy(self, stream, kind):
        while data := os.read(stream.fileno(), 3000):
            self.say(frame(kind, data))

    def act(self):
        try:
            self.say(b"".join(frame("O", piece) for piece in self.done(*(self.fake.root + "/" + word for word in self.words))) + ended(0))
        except OSError as error:
            self.say(ended(ENDS.get(type(error), 1)))

    def done(self, path, other=None):
        """What act.c does; returns what it prints."""
        if self.deed == "write":
            self.all.wait(10)
            os.makedirs(os.path.dirname(path), exist_ok=True)
            with open(path, "wb") as file:
                file.write(self.input)
        elif self.deed == "read":
            with open(path, "rb") as file:
                data = file.read()
            return [data[at:at + 3000] for at in range(0, len(data), 3000)]
        elif self.deed == "make":
            os.makedirs(path)
        elif self.deed == "move":
            os.rename(path, other)
            path = other
        elif self.deed == "remove":
            (shutil.rmtree if os.path.isdir(path) else os.unlink)(path)
            return []
        if self.deed == "list":
            return [self.entry(os.path.join(path, name)) for name in sorted(os.listdir(path))]
        return [self.entry(path)] if self.deed != "write" else []

    def entry(self, path):
        about = os.lstat(path)
        kind = "d" if stat.S_ISDIR(about.st_mode) else "l" if stat.S_ISLNK(about.st_mode) else "f"
        inside = path.replace(self.fake.root, "").replace("//", "/")
        return f"{kind} {about.st_mode & 0o7777:o} 0 0 {about.st_size} {int(about.st_mtime)} {inside}\0\0".encode()
