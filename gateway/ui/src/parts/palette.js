// SPDX-License-Identifier: MIT
// Ctrl-K: every place and every action by name.
import { ACTIONS, hindrance } from "../actions.js";
import { html, useRef, useState } from "../lib.js";
import { go } from "../router.js";
import { vms } from "../stream.js";
import { request } from "./action_buttons.js";
import { openDialog } from "./dialogs.js";

const SHOWN = 12;

function* commands() {
	for (const place of ["Overview", "Machines", "Consoles", "Volumes", "Images", "Networks", "Events", "Alerts", "Log", "Audit", "Report", "Access", "Host"]) {
		yield { text: `Go to ${place.toLowerCase()}`, run: () => go(place.toLowerCase()) };
	}
	yield { text: "Show keys", run: () => openDialog("help") };
	const list = [...(vms.get()?.values() ?? [])];
	for (const { name } of list) {
		yield { text: `Open ${name}`, run: () => go("machines", name) };
	}
	for (const vm of list) {
		yield { text: `Console of ${vm.name}`, run: () => go("machines", vm.name, "console") };
		yield { text: `Log of ${vm.name}`, run: () => { location.hash = `#/log?${new URLSearchParams({ vm: vm.name })}`; } };
		for (const [action, { label }] of Object.entries(ACTIONS)) {
			if (!hindrance(action, [vm])) {
				yield { text: `${label} ${vm.name}`, run: () => request(action, [vm]) };
			}
		}
	}
}

/** Those in whose text every word occurs; those that begin with the first word come first. */
function found(text) {
	const words = text.toLowerCase().split(/\s+/).filter(Boolean);
	const hits = [...commands()].filter((command) => {
		const lower = command.text.toLowerCase();
		return words.every((word) => lower.includes(word));
	});
	const first = (command) => (words.length && command.text.toLowerCase().startsWith(words[0]) ? 0 : 1);
	return hits.sort((a, b) => first(a) - first(b)).slice(0, SHOWN);
}

export function Palette({ close }) {
	const [text, setText] = useState("");
	const [at, setAt] = useState(0);
	const list = useRef(null);
	const hits = found(text);
	const run = (command) => {
		close();
		// The dialog gives the focus back first.
		setTimeout(command.run, 0);
	};
	const onKey = (event) => {
		const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
		if (step && hits.length) {
			event.preventDefault();
			const next = (at + step + hits.length) % hits.length;
			setAt(next);
			list.current.children[next]?.scrollIntoView({ block: "nearest" });
		} else if (event.key === "Enter" && hits[at]) {
			event.preventDefault();
			run(hits[at]);
		}
	};
	return html`<input class="palette-input" role="combobox" aria-expanded="true" aria-controls="palette-list"
			aria-activedescendant=${hits[at] ? `palette-${at}` : null} aria-label="Search and act"
			aria-autocomplete="list" placeholder="pause, console of, log of …" autofocus autocomplete="off"
			spellcheck=${false} value=${text} onKeyDown=${onKey}
			onInput=${(event) => { setText(event.target.value); setAt(0); }} />
		<ul class="palette-list" id="palette-list" role="listbox" aria-label="Commands" ref=${list}>
			${hits.map((command, place) => html`<li key=${command.text} id="palette-${place}" role="option"
				aria-selected=${place === at ? "true" : "false"} onMouseMove=${() => setAt(place)}
				onClick=${() => run(command)}>${command.text}</li>`)}
		</ul>
		${!hits.length && html`<p class="muted">Nothing of that name.</p>`}`;
}
