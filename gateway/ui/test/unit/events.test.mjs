// SPDX-License-Identifier: MIT
// What an event is in words, and what a stream of events is made of.
import assert from "node:assert/strict";
import { test } from "node:test";
import { messageOf } from "../../src/event_reader.js";
import { fits, severityOf } from "../../src/event_words.js";

test("severity: by kind, of an alert by its rule", () => {
	assert.equal(severityOf({ event: "crashed" }), "error");
	assert.equal(severityOf({ event: "not_known_yet" }), "info");
	assert.equal(severityOf({ event: "alert_firing", severity: "critical" }), "error");
	assert.equal(severityOf({ event: "alert_firing", severity: "info" }), "info");
	assert.equal(severityOf({ event: "alert_cleared", severity: "critical" }), "info");
});

test("a filter: all that is given has to fit", () => {
	const event = { event: "backup_failed", vm: "db", reason: "data: No Room" };
	for (const filter of [{}, { vm: "db", kind: "backup_failed", severity: "error" }, { q: " no room" }, { q: "backup failed" }]) {
		assert.ok(fits(event, filter), JSON.stringify(filter));
	}
	for (const filter of [{ vm: "web" }, { kind: "crashed" }, { severity: "info" }, { vm: "db", q: "web" }]) {
		assert.ok(!fits(event, filter), JSON.stringify(filter));
	}
});

test("a message of a stream", () => {
	assert.deepEqual(messageOf('id: ab.7\nevent: crashed\ndata: {"a":": "}'), { id: "ab.7", event: "crashed", data: '{"a":": "}' });
	assert.equal(messageOf(":"), null);
	assert.equal(messageOf("event: crashed"), null);
	assert.deepEqual(messageOf("constructor: x\ndata: {}"), { id: "", event: "", data: "{}" });
});
