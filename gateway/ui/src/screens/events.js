// SPDX-License-Identifier: MIT
// What has happened to machines, networks and stores, and which alerts have fired: what the host keeps, then live until
// paused; the address holds the filter.
import { clock, plural } from "../format.js";
import { EventReader } from "../event_reader.js";
import { KINDS, detailsOf, fits, severityOf, words } from "../event_words.js";
import { html, useCell, useEffect, useReducer, useRef, useState } from "../lib.js";
import { link, setQuery } from "../router.js";
import { host, machineNow, vms } from "../stream.js";
import { Choice } from "../parts/choice.js";
import { Loaded, Wall } from "../parts/states.js";

const KEPT = 1000;

/** Adds what came to the newest that are kept; each gets its place in their order, and its time by this browser's clock. */
function added(list, came) {
	const now = Date.now() - machineNow() * 1000;
	let order = list.at(-1)?.order ?? 0;
	return [...list, ...came.map((one) => ({ ...one, order: ++order, at: one.at ?? now + one.time_s * 1000 }))].slice(-KEPT);
}

/** { data, error, reload } as of useLoad(): data is the list of events, oldest first. */
function useEvents(known) {
	const [, redraw] = useReducer((number) => number + 1, 0);
	const held = useRef({ data: null, error: null, reload: () => {} });
	useEffect(() => {
		if (!known) {
			return undefined;
		}
		const set = (changes) => {
			Object.assign(held.current, changes);
			redraw();
		};
		const before = () => held.current.data ?? [];
		const note = (text) => ({ note: text, at: Date.now() });
		const add = (came) => (came.length || held.current.data === null || held.current.error) && set({ data: added(before(), came), error: null });
		const reader = new EventReader({
			events: add,
			lost: (count) => add([note(`${plural(count, "earlier event")} not kept any more`)]),
			anew: () => set({ data: added(before(), [note("The host was started anew: what was before is gone")]).slice(-1) }),
			failed: (error) => set({ error }),
		});
		set({ reload: () => reader.retry() });
		return () => reader.close();
	}, [known]);
	return held.current;
}

function Row({ event }) {
	const date = new Date(event.at);
	if (event.note) {
		return html`<tr class="gap"><td colspan="4">${event.note}</td></tr>`;
	}
	const severity = severityOf(event);
	const day = date.toDateString() !== new Date().toDateString() ? `${date.toLocaleDateString("en-GB", { day: "2-digit", month: "2-digit" })} ` : "";
	return html`<tr data-row=${event.order} class="level-${severity}">
		<td class="when"><time datetime=${date.toISOString()} title=${date.toISOString().replace("T", " ").replace(/\..*/, " UTC")}>${day}${clock(date)}</time></td>
		<td><span class="level">${severity}</span></td>
		<td>${event.vm ? html`<a data-open title=${event.vm} href=${link("machines", event.vm)}>${event.vm}</a>` : ""}</td>
		<td class="text"><strong>${words(event.event)}</strong> ${detailsOf(event)}</td></tr>`;
}

function Table({ list }) {
	return html`<div class="table-box" tabindex="0" role="region" aria-label="Events"><table class="log happened">
		<thead><tr><th scope="col">Time</th><th scope="col">Severity</th><th scope="col">Machine</th><th scope="col">Event</th></tr></thead>
		<tbody>${list.map((event) => html`<${Row} key=${event.order} event=${event} />`)}</tbody></table></div>`;
}

function Found({ all, newer, query }) {
	const filtered = Object.values(query).some(Boolean);
	const list = all.filter((event) => (event.note ? !filtered : fits(event, query))).reverse();
	if (!list.length) {
		return filtered ? html`<${Wall} title=${`None of ${plural(all.length, "event")} matches.`}>
			<button onClick=${() => setQuery({ severity: "", kind: "", vm: "", q: "" })}>Show all</button><//>`
			: html`<${Wall} title="Nothing has happened yet."><p>What happens to machines, networks and stores is listed here as it comes.</p><//>`;
	}
	return html`<p class="muted small">${plural(list.length, "event")}, newest first, of the last ${KEPT} at most since the host was started.
		Alerts are here from when this page was opened.${newer > 0 && html` <strong>${plural(newer, "newer event")} waiting.</strong>`}</p><${Table} list=${list} />`;
}

export function EventsScreen({ query }) {
	const [paused, setPaused] = useState(null);
	const known = Boolean(useCell(host));
	const names = [...(useCell(vms)?.keys() ?? [])];
	const events = useEvents(known);
	const newer = paused ? events.data.filter(({ order }) => order > (paused.at(-1)?.order ?? 0)).length : 0;
	return html`<div class="title-line"><h1 tabindex="-1">Events</h1>
		<${Choice} id="severity" label="Severity" values=${["error", "warning", "info"]} value=${query.severity} />
		<${Choice} id="kind" label="Event" values=${KINDS} words=${words} value=${query.kind} />
		<${Choice} id="vm" label="Machine" values=${names} value=${query.vm} />
		<label class="filter"><span class="unseen">Text in the events</span><input type="search" data-filter placeholder="Text" value=${query.q ?? ""}
			autocomplete="off" onInput=${(event) => setQuery({ q: event.target.value })} /></label>
		<button aria-pressed=${paused ? "true" : "false"} disabled=${!events.data} onClick=${() => setPaused(paused ? null : events.data)}>Pause</button></div>
		<${Loaded} from=${events} lines=${12}>${(data) => html`<${Found} all=${paused ?? data} newer=${newer} query=${query} />`}<//>`;
}
