// SPDX-License-Identifier: MIT

/** `name`, or NAME-2, NAME-3 and so on: the first for which `taken(name)` is false. */
export function freeName(taken, name) {
	let free = name;
	for (let number = 2; taken(free); number++) {
		free = `${name}-${number}`;
	}
	return free;
}
