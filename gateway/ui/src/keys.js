// SPDX-License-Identifier: MIT
// Keys: single letters (which can be switched off), and Ctrl-K.
import { cell } from "./lib.js";
import { go, route } from "./router.js";
import { openDialog } from "./parts/dialogs.js";

const PLACES = { o: "overview", m: "machines", c: "consoles", v: "volumes", i: "images", n: "networks", e: "events", t: "alerts", l: "log", a: "audit", r: "report", u: "access", h: "host" };
const STORED = "skerry.letters";

export const KEYS = [
	["?", "this help"], ["Ctrl-K", "palette: go anywhere, do anything"], ["/", "filter"],
	["j, k", "next row, row before"], ["o or Enter", "open the row"], ["x", "select the row"],
	["g o, g m, g c, g v, g i, g n, g e, g t, g l, g a, g r, g u, g h",
		"overview, machines, consoles, volumes, images, networks, events, alerts, log, audit, report, access, host"],
	["s", "start (machine, or rows selected)"], ["p", "pause or resume"], ["c", "console of the machine"],
	["Ctrl-]", "leave a console; all other keys there belong to the guest"],
];

function stored() {
	try {
		return localStorage.getItem(STORED) !== "off";
	} catch {
		return true;
	}
}

export const letters = cell(stored());

export function setLetters(on) {
	letters.set(on);
	try {
		localStorage.setItem(STORED, on ? "on" : "off");
	} catch {
		// Kept for this page only.
	}
}

let pending = 0;
const local = new Map();

/** Gives `key` to a screen while it is shown; returns how to take it back. */
export function bindKey(key, callback) {
	local.set(key, callback);
	return () => local.get(key) === callback && local.delete(key);
}

function rows() {
	return [...document.querySelectorAll("[data-row] [data-open]")];
}

function move(step) {
	const all = rows();
	const at = all.findIndex((row) => row.closest("[data-row]").contains(document.activeElement));
	const next = at < 0 ? (step > 0 ? 0 : all.length - 1) : at + step;
	const target = all[Math.max(0, Math.min(all.length - 1, next))];
	target?.focus();
	target?.closest("[data-row]").scrollIntoView({ block: "nearest" });
}

function inRow(selector) {
	document.activeElement?.closest("[data-row]")?.querySelector(selector)?.click();
}

function letter(key) {
	if (pending && Date.now() - pending < 1500) {
		pending = 0;
		if (PLACES[key]) {
			go(PLACES[key]);
			return true;
		}
	}
	pending = 0;
	switch (key) {
	case "g": pending = Date.now(); return true;
	case "j": move(1); return true;
	case "k": move(-1); return true;
	case "o": inRow("[data-open]"); return true;
	case "x": inRow("input[type=checkbox]"); return true;
	case "?": openDialog("help"); return true;
	case "/": {
		const filter = document.querySelector("[data-filter]");
		if (filter) {
			filter.focus();
			filter.select?.();
		} else {
			go("machines");
			setTimeout(() => document.querySelector("[data-filter]")?.focus(), 50);
		}
		return true;
	}
	case "c": {
		const { parts } = route.get();
		const focused = document.activeElement?.closest("[data-row]")?.dataset.row;
		const name = parts[0] === "machines" ? parts[1] ?? focused : focused;
		if (name) {
			go("machines", name, "console");
		}
		return Boolean(name);
	}
	default: {
		const callback = local.get(key);
		callback?.();
		return Boolean(callback);
	}
	}
}

function onKey(event) {
	const target = event.target;
	if (target.closest?.(".xterm") || document.querySelector("dialog[open]")) {
		return;
	}
	if ((event.ctrlKey || event.metaKey) && !event.altKey && event.key.toLowerCase() === "k") {
		event.preventDefault();
		openDialog("palette");
		return;
	}
	if (event.ctrlKey || event.metaKey || event.altKey || !letters.get()) {
		return;
	}
	const typing = target.matches?.("textarea, select, input:not([type=checkbox])");
	if (typing) {
		if (event.key === "Escape") {
			target.blur();
		}
		return;
	}
	if (letter(event.key)) {
		event.preventDefault();
	}
}

export function watchKeys() {
	addEventListener("keydown", onKey);
	return () => removeEventListener("keydown", onKey);
}
