// SPDX-License-Identifier: MIT
// What machines can be started from, in words.
import assert from "node:assert/strict";
import { test } from "node:test";
import { copySaid, imagesOf, kindOf, usesOf } from "../../src/images.js";

test("images: read-only, copied, or used by nobody", () => {
	const volumes = [
		{ name: "base", id: 1, parent: 0, read_only: true, users: "" }, { name: "a", id: 2, parent: 1, users: "vm-a" },
		{ name: "b", id: 3, parent: 2, users: "vm-b" }, { name: "kept", id: 4, parent: 3, snapshot: true, users: "" },
		{ name: "spare", id: 5, parent: 0, users: "" }, { name: "new.part", id: 6, parent: 0, users: "" },
	];
	const images = imagesOf(volumes);
	assert.deepEqual(images.map(({ name, made }) => [name, made]), [["base", ["a"]], ["a", ["b"]], ["kept", []], ["spare", []]]);
	assert.deepEqual(images.map(kindOf), ["read-only", "in use, and copied", "snapshot", "volume"]);
	assert.deepEqual(imagesOf([]), []);
});

test("uses of a file, and a copy, in words", () => {
	assert.equal(usesOf({ uses: "kernel initrd" }), "kernel or initial RAM disk");
	assert.equal(usesOf({ uses: "later" }), "later");
	const copy = { store: "pool", volume: "web", disk: "usb", copy: "export", copied_bytes: 1, all_bytes: 3, reason: "" };
	assert.equal(copySaid({ ...copy, state: "copies" }), "Export of pool/web to the disk usb: under way, 33 %.");
	assert.equal(copySaid({ ...copy, state: "copies", all_bytes: 0 }), "Export of pool/web to the disk usb: under way.");
	assert.equal(copySaid({ ...copy, copy: "import", state: "failed", reason: "no room" }), "Import of pool/web from the disk usb: failed: no room.");
});
