// SPDX-License-Identifier: MIT
// The machine's log, followed until paused; the address holds the filter.
import { useLoad } from "../api.js";
import { duration, plural } from "../format.js";
import { html, useCell, useState } from "../lib.js";
import { link, setQuery } from "../router.js";
import { machineNow, vms } from "../stream.js";
import { Choice } from "../parts/choice.js";
import { Loaded, Wall } from "../parts/states.js";

const LIMIT = 500;
const EVERY_MS = 3000;
const LEVELS = ["error", "warning", "info", "debug"];
const CATEGORIES = ["cpu", "disk", "memory", "net", "pci", "scheduler", "vm"];

/** Lines with a row of its own where sequence numbers jump, which a filter makes normal. */
function withGaps(items, filtered) {
	const rows = [];
	let before = null;
	for (const item of items) {
		const number = BigInt(item.sequence);
		if (!filtered && before !== null && number > before + 1n) {
			rows.push({ gap: Number(number - before - 1n), sequence: `gap-${item.sequence}` });
		}
		rows.push(item);
		before = number;
	}
	return rows;
}

function Line({ item, now }) {
	if (item.gap) {
		return html`<tr class="gap"><td colspan="5">${plural(item.gap, "line")} lost</td></tr>`;
	}
	return html`<tr data-row=${item.sequence} class="level-${item.level}"><td class="num when" title=${`${item.time_s} s after the start`}>
			${duration(Math.max(0, now - item.time_s))} ago</td>
		<td><span class="level">${item.level}</span></td><td class="opt-2">${item.category}</td>
		<td>${item.vm ? html`<a data-open title=${item.vm} href=${link("machines", item.vm)}>${item.vm}</a>` : ""}</td>
		<td class="text">${item.text}</td></tr>`;
}

export function LogScreen({ query }) {
	const [paused, setPaused] = useState(false);
	const { level, category, vm, q = "" } = query;
	const wanted = new URLSearchParams(Object.entries({ level, category, vm, limit: LIMIT }).filter(([, value]) => value));
	const log = useLoad(`/log?${wanted}`, paused ? 0 : EVERY_MS);
	const names = [...(useCell(vms)?.keys() ?? [])];
	const now = machineNow();
	return html`<div class="title-line"><h1 tabindex="-1">Log</h1>
		<${Choice} id="level" label="Level" values=${LEVELS} value=${level} />
		<${Choice} id="category" label="Category" values=${CATEGORIES} value=${category} />
		<${Choice} id="vm" label="Machine" values=${names} value=${vm} />
		<label class="filter"><span class="unseen">Text in the log</span><input type="search" data-filter placeholder="Text" value=${q}
			autocomplete="off" onInput=${(event) => setQuery({ q: event.target.value })} /></label>
		<button aria-pressed=${paused ? "true" : "false"} onClick=${() => setPaused(!paused)}>Pause</button></div>
	<${Loaded} from=${log} lines=${12}>${({ items }) => {
		const text = q.toLowerCase();
		const shown = items.filter((item) => !text || item.text.toLowerCase().includes(text));
		if (!shown.length) {
			return html`<${Wall} title="No line of the log matches.">
				<button onClick=${() => setQuery({ level: "", category: "", vm: "", q: "" })}>Show all</button><//>`;
		}
		const rows = withGaps(shown, Boolean(text || level || category || vm)).reverse();
		return html`<p class="muted small">${plural(shown.length, "line")}, newest first, the last ${LIMIT} at most.</p>
			<div class="table-box" tabindex="0" role="region" aria-label="Lines of the log"><table class="log">
			<thead><tr><th scope="col" class="num">When</th><th scope="col">Level</th><th scope="col" class="opt-2">Category</th>
				<th scope="col">Machine</th><th scope="col">Text</th></tr></thead>
			<tbody>${rows.map((item) => html`<${Line} key=${item.sequence} item=${item} now=${now} />`)}</tbody></table></div>`;
	}}<//>`;
}
