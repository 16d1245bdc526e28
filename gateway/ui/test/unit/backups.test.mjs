// SPDX-License-Identifier: MIT
// What the page of backups computes: the key's value and back, and until when a backup is kept.
import assert from "node:assert";
import test from "node:test";
import { everyWords, keptOf, momentOf, planOf, planText, planWords, volumesOf } from "../../src/backup_plan.js";

const DAY = 86400;

test("a plan is read and written as Skerry's key", () => {
	for (const text of ["spare every 1d chain 7 keep 4", "s every 36h chain 1 keep 64", "s every 90s chain 8 keep 1", "s every 366d chain 2 keep 2", "s every 1500000000ns chain 7 keep 2"]) {
		assert.equal(planText(planOf(text)), text);
	}
	assert.deepEqual(planOf("spare every 24h"), { store: "spare", every: DAY, chain: 7, keep: 2 });
	assert.deepEqual([planOf("none"), planOf(""), planOf(undefined), planOf("spare every d")], [null, null, null, null]);
	assert.deepEqual([DAY, 2 * DAY, 3600, 90, 60].map(everyWords), ["day", "2 days", "hour", "90 seconds", "minute"]);
	assert.equal(everyWords(planOf("s every 1500000000ns").every), "1.5 seconds");
	assert.match(planWords(planOf("s every 1d chain 1 keep 1")), /the newest is kept, so one can go back at most 24 hours\.$/);
	assert.match(planWords(planOf("s every 1d chain 7 keep 4")), /then 6 with .* at least 21 days and at most 28 days\.$/);
});

test("a moment is UTC, or not known", () => {
	assert.equal(momentOf("20251129191604"), 1764443764);
	assert.deepEqual([momentOf("19700101000001"), momentOf(""), momentOf("2025112919160")], [null, null, null]);
});

test("a chain is kept until as many newer ones are whole", () => {
	const row = (moment, number, disk = "p/a") => ({ disk, moment, number, state: "kept", target: "t" });
	const items = [row("20251101000000", 1), row("20251102000000", 2), row("20251103000000", 1), row("20251104000000", 2, "p/a"),
		{ disk: "p/a", moment: "", number: 1, state: "done", target: "t" }, row("20251104000000", 1, "p/b")];
	const kept = keptOf(items, { every: DAY, chain: 2, keep: 2 });
	assert.deepEqual(kept.map(({ disk, number }) => `${disk} ${number}`), ["p/a 2", "p/b 1", "p/a 1", "p/a 2", "p/a 1"]);
	// the newest chain of p/a is full, so the next one begins at the 5th and drops the older chain; the newer one goes two days later
	assert.deepEqual(kept.map(({ until }) => new Date(1000 * until).toISOString().slice(8, 10)), ["07", "08", "07", "05", "05"]);
	assert.equal(keptOf([row("19700101000001", 1)], { every: DAY, chain: 2, keep: 2 })[0].until, null);
});

test("a schedule is for the volumes that a machine writes to", () => {
	assert.deepEqual(volumesOf("pool/web, data, pool/tools cdrom, pool/seed ro, pool/db scsi"), ["pool/web", "pool/db"]);
	assert.deepEqual([volumesOf(undefined), volumesOf("none")], [[], []]);
});
