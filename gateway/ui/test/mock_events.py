# SPDX-License-Identifier: MIT
"""The part of the mock that sends events as they come (SSE), from the one behind Last-Event-ID."""
import asyncio
import fnmatch
import json
import secrets


class Events:
    async def event_stream(self, request, user):
        """Sends events until the reader is gone; as skerryd, all that are kept for an id of this boot, and else a snapshot first."""
        self.need(user, "viewer")
        last = request.headers.get("last-event-id", "")
        request.writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nCache-Control: no-store\r\nConnection: close\r\n\r\n")
        boot, _, number = last.rpartition(".")
        known = number.isdigit() and boot in ("", self.machine.boot)
        at = 0
        if not known:
            at = self.event_snapshot(request)
        elif self.forgotten and int(number) < self.forgotten:
            self.event_send(request, "lost", {"type": "lost", "count": self.forgotten - int(number)})
        boot, drops = self.machine.boot, self.event_drops
        while not request.writer.is_closing() and drops == self.event_drops:
            if boot != self.machine.boot:
                boot, at = self.machine.boot, self.event_snapshot(request)
            for event in self.machine.events[at:]:
                fresh = event["sequence"] == "0" and at or int(event["sequence"]) > max(int(number) if known else 0, self.forgotten)
                if fresh and (not event["vm"] or fnmatch.fnmatchcase(event["vm"], user[2])):
                    self.event_send(request, event["event"], event, event["sequence"])
            at = len(self.machine.events)
            request.writer.write(b":\n\n")
            await request.writer.drain()
            await asyncio.sleep(0.05)
        request.writer.close()

    def event_snapshot(self, request):
        """Sends a snapshot; returns the number of events that it stands for."""
        count = len(self.machine.events)
        self.event_send(request, "snapshot", {"type": "snapshot", "host": self.machine.host(), "vms": []}, str(count))
        return count

    def event_send(self, request, name, event, number="0"):
        head = f"id: {self.machine.boot}.{number}\n" if number != "0" else ""
        request.writer.write(f"{head}event: {name}\ndata: {json.dumps(event)}\n\n".encode())

    def event_knob(self, given):
        """Takes "event" (makes one), "boot" (the host starts anew), "forget" (so many events are kept no more) and "drop"."""
        if "event" in given:
            event = self.machine.event(given["event"]["event"], given["event"].get("vm", ""), given["event"].get("reason", ""))
            event.update(given["event"])
            self.tell(event)
        if "boot" in given:
            self.machine.boot, self.machine.events = secrets.token_hex(16), []
            self.tell({"type": "snapshot", "host": self.machine.host(), "vms": [vm.view() for vm in self.machine.vms.values()]})
        self.forgotten = given.get("forget", self.forgotten)
        self.event_drops += "drop" in given


ROUTES = ((r"GET events", Events.event_stream),)
