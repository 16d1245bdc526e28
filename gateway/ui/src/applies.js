// SPDX-License-Identifier: MIT
// When a change of a key takes effect; Skerry refuses those that would need a stopped machine.
const STOPPED = ["created", "stopped", "crashed"];

export const changesNow = (applies, state) => applies !== "next-start" || STOPPED.includes(state);

export function appliesText(applies, state) {
	switch (applies) {
	case "now": return "at once";
	case "next-start": return changesNow(applies, state) ? "at next start" : "not while it runs: stop it first";
	default: return applies;
	}
}
