// SPDX-License-Identifier: MIT
// The one polite live region: at most one message in five seconds.
import { cell } from "./lib.js";

const SPACING_MS = 5000;

export const announced = cell("");
let waiting = [];
let last = 0;
let timer = 0;

function say() {
	timer = 0;
	last = Date.now();
	announced.set(waiting.length > 3
		? `${waiting.slice(-2).join(" ")} And ${waiting.length - 2} more messages.` : waiting.join(" "));
	waiting = [];
}

export function announce(text) {
	waiting.push(text);
	if (!timer) {
		timer = setTimeout(say, Math.max(50, last + SPACING_MS - Date.now()));
	}
}
