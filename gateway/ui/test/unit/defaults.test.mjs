// SPDX-License-Identifier: MIT
import assert from "node:assert/strict";
import { test } from "node:test";
import { newMachine } from "../../src/defaults.js";
import { appliesText } from "../../src/applies.js";

const MIB = 1 << 20;
const CONFIG = { kernel: { value: "vmlinuz" }, initrd: { value: "initramfs.cpio.gz" },
	cmdline: { value: "console=ttyS0 quiet name=alpha address=10.0.2.15 serve=hello" } };

test("a new machine begins with what the machines of this host have", () => {
	assert.deepEqual(newMachine(CONFIG, 1024 * MIB), { kernel: "vmlinuz", initrd: "initramfs.cpio.gz",
		memory: "256M", vcpus: "1", cmdline: "console=ttyS0 quiet" });
	assert.deepEqual(newMachine(null, undefined), { kernel: "", initrd: "", memory: "256M", vcpus: "1",
		cmdline: "console=ttyS0" });
});

test("its memory is at most half of what is free", () => {
	assert.equal(newMachine(CONFIG, 300 * MIB).memory, "128M");
	assert.equal(newMachine(CONFIG, 130 * MIB).memory, "64M");
	assert.equal(newMachine(CONFIG, 0).memory, "32M");
});

test("nothing is promised for the next start that would be refused now", () => {
	assert.equal(appliesText("now", "running"), "at once");
	assert.equal(appliesText("next-start", "stopped"), "at next start");
	assert.equal(appliesText("next-start", "crashed"), "at next start");
	for (const state of ["running", "paused"]) {
		assert.equal(appliesText("next-start", state), "not while it runs: stop it first");
	}
	assert.equal(appliesText("new", "running"), "new");
});
