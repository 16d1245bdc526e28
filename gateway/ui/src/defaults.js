// SPDX-License-Identifier: MIT
// What a new machine begins with: what the machines of this host have, as far as it fits. Nothing
// here touches the page.
const MIB = 1 << 20;
const MEMORY = [256, 128, 64, 32];
/** Words of a command line that are of one machine alone. */
const OWN = /^(name|address|gateway|serve|token-hash)=/;

export function newMachine(config, freeBytes) {
	const value = (key) => config?.[key]?.value ?? "";
	// Half of what is free at most, so that there is room for its tables and for others.
	const memory = MEMORY.find((mib) => !(freeBytes >= 0) || mib * MIB <= freeBytes / 2) ?? MEMORY.at(-1);
	return { kernel: value("kernel"), initrd: value("initrd"), memory: `${memory}M`, vcpus: "1",
		cmdline: value("kernel") ? value("cmdline").split(" ").filter((word) => word && !OWN.test(word)).join(" ") : "console=ttyS0" };
}
