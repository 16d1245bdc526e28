# SPDX-License-Identifier: MIT
"""A fake Skerry that replies when a test wants it to: what is to happen before a reply takes as long as it takes."""
import contextlib
import threading


@contextlib.contextmanager
def held(fake):
    """Skerry does what it is asked, and its replies are sent at the end of the `with`; what else it says is sent at once."""
    send, lock, kept, over = fake.send, threading.Lock(), [], threading.Event()

    def hold(line):
        with lock:
            if "status" in line and not over.is_set():
                kept.append(line)
                return
        send(line)
    fake.send = hold
    try:
        yield kept
    finally:
        with lock:
            over.set()
        fake.send = send
        for line in kept:
            send(line)
