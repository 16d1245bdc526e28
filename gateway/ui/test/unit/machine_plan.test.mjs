// SPDX-License-Identifier: MIT
import assert from "node:assert/strict";
import { test } from "node:test";
import { freeName } from "../../src/free_name.js";
import { drivesOf, filesFor, plan, wrongAt } from "../../src/machine_plan.js";
import { grouped, meant, wordsOf } from "../../src/config_keys.js";

const CHOICE = { name: " shop ", source: "copy", store: "pool", volume: "debian", cd: "", boot: "uefi", firmware: "OVMF.fd", seed: "",
	memory: "256M", vcpus: "1", nets: ["lan", "lab"], start: false, kernel: "vmlinuz", initrd: "", cmdline: "quiet", diskBytes: 8 * 1024 ** 3 };

test("a copy of a volume is made first, under a name that is free", () => {
	const [clone, made] = plan(CHOICE, [{ name: "debian" }, { name: "shop" }]);
	assert.deepEqual(clone.slice(1), ["POST", "/stores/pool/volumes/debian/clones", { name: "shop-2" }]);
	assert.deepEqual(made.slice(1), ["POST", "/vms", { name: "shop", config: { memory: "256M", vcpus: "1", net: "lan, lab", boot: "uefi",
		firmware: "OVMF.fd", disk: "pool/shop-2" } }]);
});

test("an installer starts from its CD, and what it has installed from the disk", () => {
	const [disk, made, started] = plan({ ...CHOICE, source: "empty", cd: "netinst", start: true }, []);
	assert.deepEqual(disk.slice(1), ["POST", "/stores/pool/volumes", { name: "shop", bytes: 8 * 1024 ** 3 }]);
	assert.equal(made[3].config.disk, "pool/shop, pool/netinst cdrom");
	assert.equal(made[3].config["boot.order"], "disk cdrom");
	assert.deepEqual(started.slice(1), ["POST", "/vms/shop/actions/start", {}]);
});

test("a kernel of the host needs no volume", () => {
	const [made] = plan({ ...CHOICE, source: "kernel", nets: [] }, []);
	assert.deepEqual(made[3].config, { memory: "256M", vcpus: "1", kernel: "vmlinuz", cmdline: "quiet" });
});

test("a text for cloud-init goes with a machine that boots from a volume, and is not too long", () => {
	const userData = "#cloud-config\n";
	assert.equal(plan({ ...CHOICE, userData }, [])[1][3].user_data, userData);
	assert.equal(plan({ ...CHOICE, userData: "" }, [])[1][3].user_data, undefined);
	assert.equal(plan({ ...CHOICE, userData, seed: "web.yaml" }, [])[1][3].user_data, undefined);
	assert.equal(plan({ ...CHOICE, userData, source: "kernel" }, [])[0][3].user_data, undefined);
	assert.equal(wrongAt(2, { ...CHOICE, userData: "#".repeat(12288) }), "");
	assert.match(wrongAt(2, { ...CHOICE, userData: `${"#".repeat(12287)}\u00fc` }), /too long/);
});

test("what is missing is said at its step", () => {
	assert.match(wrongAt(0, { ...CHOICE, name: " " }), /name/);
	assert.match(wrongAt(0, { ...CHOICE, volume: "" }), /volume/);
	assert.match(wrongAt(0, { ...CHOICE, firmware: "" }), /SeaBIOS/);
	assert.match(wrongAt(0, { ...CHOICE, source: "empty", diskBytes: NaN }), /size/);
	assert.match(wrongAt(0, { ...CHOICE, source: "kernel", kernel: "" }), /no kernel/);
	assert.equal(wrongAt(0, CHOICE), "");
	assert.equal(wrongAt(1, CHOICE), "");
});

test("files are offered for what they may be, the surest first", () => {
	const files = [{ name: "flat", uses: "kernel initrd" }, { name: "vmlinuz", uses: "kernel" }, { name: "OVMF.fd", uses: "uefi" }];
	assert.deepEqual(filesFor(files, "kernel"), ["vmlinuz", "flat"]);
	assert.deepEqual(filesFor(files, "initrd"), ["flat"]);
	assert.equal(freeName((name) => ["a", "a-2"].includes(name), "a"), "a-3");
});

test("keys stand in groups, and say what they take", () => {
	assert.deepEqual(grouped(["disk.ops", "hpet", "disk", "kernel"]), [["Starts from", ["kernel"]], ["Disks", ["disk.ops", "disk"]],
		["Devices and the CPU's features", ["hpet"]]]);
	assert.deepEqual(wordsOf({ enum: ["no", "yes", false, true, null] }), ["no", "yes"]);
	assert.equal(wordsOf({ type: "string" }), null);
	assert.equal(meant({ enum: ["stop", "jump", null] }), "stop, jump");
	assert.equal(meant(undefined), "");
});

test("the media of a machine's drives are those of its disks that are a CD", () => {
	assert.deepEqual(drivesOf("pool/web, pool/tools cdrom,data ro,  iso cdrom optional"), ["pool/tools", "iso"]);
	assert.deepEqual(drivesOf(undefined), []);
	assert.deepEqual(drivesOf("cdrom, none"), []);
});

test("nothing goes on while an image is on its way", () => {
	assert.match(wrongAt(0, { ...CHOICE, uploading: true }), /wait for the end of its upload/);
	assert.equal(wrongAt(0, { ...CHOICE, source: "kernel", uploading: true }), "");
});
