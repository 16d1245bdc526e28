// SPDX-License-Identifier: MIT
// What a new machine is made of, and the requests that make it. Nothing here touches the page.

import { freeName } from "./free_name.js";

const segment = encodeURIComponent;
const TEXT_BYTES = 12288; // what POST /v1/vms takes

/** The files of the host that may be `use`: those that can be nothing else come first. */
export function filesFor(files, use) {
	const fit = files.filter((file) => file.uses.split(" ").includes(use));
	return [...fit.filter((file) => file.uses === use), ...fit.filter((file) => file.uses !== use)].map((file) => file.name);
}

/** The media in a machine's CD-ROM drives, of the value of its key disk. */
export function drivesOf(disk) {
	return (disk ?? "").split(",").map((one) => one.trim().split(/\s+/)).filter(([, ...flags]) => flags.includes("cdrom")).map(([name]) => name);
}

/**
 * What is wrong with a choice at a step (0: what it boots, 1: its size, 2: network and first boot), or "".
 * A machine boots by firmware from a volume (`source` is "copy", "volume" or "empty") or from a kernel of the host.
 */
export function wrongAt(step, choice) {
	if (step === 0 && !choice.name.trim()) {
		return "Give the machine a name.";
	}
	if (step === 0 && choice.source === "kernel" && !choice.kernel) {
		return "The host was booted with no kernel: choose a volume.";
	}
	if (step === 0 && choice.source !== "kernel" && !choice.firmware) {
		return "The host was booted without firmware: put SeaBIOS or OVMF into its bundle, or choose a kernel.";
	}
	if (step === 0 && choice.source !== "kernel" && choice.uploading) {
		return "Your image is not here yet: wait for the end of its upload.";
	}
	if (step === 0 && ["copy", "volume"].includes(choice.source) && !choice.volume) {
		return "Choose a volume, or upload an image below.";
	}
	if (step === 0 && choice.source === "empty" && !(choice.diskBytes > 0)) {
		return "Write the disk's size as a number with a unit, such as 8G or 512M.";
	}
	if (step === 2 && textFor(choice) && new TextEncoder().encode(choice.userData).length > TEXT_BYTES) {
		return `The text for cloud-init is too long: it has at most ${TEXT_BYTES} bytes.`;
	}
	return "";
}

/** The text for cloud-init that is written for this machine alone; null with a kernel, or with a text of the host's. */
function textFor(choice) {
	return choice.source !== "kernel" && !choice.seed && choice.userData ? { user_data: choice.userData } : null;
}

function config(choice, disk) {
	const given = { memory: choice.memory, vcpus: choice.vcpus, net: choice.nets.join(", ") };
	if (choice.source === "kernel") {
		Object.assign(given, { kernel: choice.kernel, initrd: choice.initrd, cmdline: choice.cmdline });
	} else {
		const cd = choice.cd ? [`${choice.store}/${choice.cd} cdrom`] : [];
		Object.assign(given, { boot: choice.boot, firmware: choice.firmware, disk: [`${choice.store}/${disk}`, ...cd].join(", "), seed: choice.seed });
		// An installer is started from its CD, which the installed system's disk does not need.
		given["boot.order"] = choice.cd && choice.source === "empty" ? "disk cdrom" : "";
	}
	return Object.fromEntries(Object.entries(given).filter(([, value]) => value));
}

/** The requests that make the machine, in their order: [what is done then, method, path, body]. */
export function plan(choice, volumes) {
	const place = `/stores/${segment(choice.store ?? "")}/volumes`;
	const name = choice.name.trim();
	const disk = choice.source === "volume" ? choice.volume : freeName((other) => volumes.some((volume) => volume.name === other), name);
	const requests = [];
	if (choice.source === "copy") {
		requests.push([`The volume ${disk} was made.`, "POST", `${place}/${segment(choice.volume)}/clones`, { name: disk }]);
	} else if (choice.source === "empty") {
		requests.push([`The volume ${disk} was made.`, "POST", place, { name: disk, bytes: choice.diskBytes }]);
	}
	requests.push([`The machine ${name} was made.`, "POST", "/vms", { name, config: config(choice, disk), ...textFor(choice) }]);
	if (choice.start) {
		requests.push([`${name} was started.`, "POST", `/vms/${segment(name)}/actions/start`, {}]);
	}
	return requests;
}
