// SPDX-License-Identifier: MIT
// What is typed into the machines' filter: words, and key:value with state, name, reason, exits.

export function parse(text) {
	return text.trim().split(/\s+/).filter(Boolean).map((word) => {
		const at = word.indexOf(":");
		return at > 0 ? { key: word.slice(0, at).toLowerCase(), value: word.slice(at + 1).toLowerCase() }
			: { key: "", value: word.toLowerCase() };
	});
}

function topReason(vm) {
	const exits = Object.entries(vm.sample?.exits ?? {});
	return exits.sort((a, b) => b[1] - a[1])[0]?.[0] ?? "";
}

/** All words must match. An unknown key matches nothing: a typing error must not select everything. */
export function matches(vm, terms) {
	return terms.every(({ key, value }) => {
		switch (key) {
		case "": return vm.name.toLowerCase().includes(value) ||
			vm.reason.toLowerCase().includes(value) || vm.state === value;
		case "state": return vm.state === value;
		case "name": return vm.name.toLowerCase().includes(value);
		case "reason": return vm.reason.toLowerCase().includes(value);
		case "exits": return topReason(vm) === value;
		default: return false;
		}
	});
}

const COLUMNS = {
	state: (vm) => vm.state,
	name: (vm) => vm.name,
	vcpus: (vm) => vm.vcpus,
	cpu: (vm) => vm.sample?.cpu_percent ?? -1,
	steal: (vm) => vm.sample?.steal_percent ?? -1,
	memory: (vm) => vm.resident_bytes,
	exits: (vm) => vm.sample?.exits_per_s ?? -1,
	weight: (vm) => vm.weight,
	uptime: (vm) => vm.uptime_s,
	reason: (vm) => vm.reason,
};

/** Sorted by "cpu" or, downwards, "-cpu"; equal ones by name. */
export function sorted(vms, order) {
	const down = order.startsWith("-");
	const value = COLUMNS[down ? order.slice(1) : order] ?? COLUMNS.name;
	const compare = (a, b) => (typeof a === "string" ? a.localeCompare(b) : a - b);
	return [...vms].sort((a, b) => (down ? -1 : 1) * compare(value(a), value(b)) ||
		a.name.localeCompare(b.name));
}
