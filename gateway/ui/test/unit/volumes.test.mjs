// SPDX-License-Identifier: MIT
// What the screen of volumes computes: digests of bytes that come in pieces, names of files, sizes.
import assert from "node:assert";
import { createHash } from "node:crypto";
import test from "node:test";

globalThis.location = { hash: "" };
globalThis.addEventListener = () => {};
globalThis.document = { addEventListener: () => {}, hidden: false };
const { Sha256 } = await import("../../src/parts/sha256.js");

test("SHA-256 is node's own, however the bytes are cut", () => {
	for (const length of [0, 1, 55, 56, 63, 64, 65, 119, 120, 128, 1000, 70001]) {
		const bytes = new Uint8Array(length).map((_, place) => (place * 7 + length) & 255);
		const wanted = createHash("sha256").update(bytes).digest("hex");
		for (const step of [1, 13, 64, 4096, length || 1]) {
			const sum = new Sha256();
			for (let at = 0; at < length; at += step) {
				sum.add(bytes.subarray(at, at + step));
			}
			assert.equal(sum.end(), wanted, `${length} bytes by ${step}`);
		}
	}
});
