// SPDX-License-Identifier: MIT
// A machine's keys as a person looks for them: in groups, each with what it takes. Nothing here touches the page.

const GROUPS = [["Starts from", ["kernel", "initrd", "cmdline", "boot", "firmware", "seed", "smbios"]],
	["CPUs and memory", ["vcpus", "memory", "weight", "cap", "reserve", "affinity", "overcommit", "balloon", "pages"]],
	["Disks", ["disk", "quiesce"]], ["Networks", ["net"]],
	["Its life", ["autostart", "on_crash", "stop_timeout", "clock"]],
	["Ways in", ["console", "port", "channel", "vsock"]]];
const OTHERS = "Devices and the CPU's features";

/** [title, keys] of each group that has one of `keys`; a key such as disk.ops stands with disk. */
export function grouped(keys) {
	const of = (key) => GROUPS.find(([, names]) => names.some((name) => key === name || key.startsWith(`${name}.`)))?.[0] ?? OTHERS;
	return [...GROUPS.map(([title]) => title), OTHERS].map((title) => [title, keys.filter((key) => of(key) === title)])
		.filter(([, own]) => own.length);
}

/** The words that a key takes, or null when it takes others than words of a list. `property` is that of the API's schema. */
export function wordsOf(property) {
	const words = property?.enum?.filter((word) => typeof word === "string");
	return words?.length ? words : null;
}

/** What a key takes, in words. */
export function meant(property) {
	return property?.description ?? wordsOf(property)?.join(", ") ?? "";
}
