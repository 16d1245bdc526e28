// SPDX-License-Identifier: MIT
// A wall of consoles: the last lines of each, live, a page of machines at a time; a click opens one, where one can type.
import { may } from "../api.js";
import { matches, parse } from "../filter.js";
import { plural } from "../format.js";
import { html, useCell, useEffect, useState } from "../lib.js";
import { setQuery } from "../router.js";
import { vms } from "../stream.js";
import { NoConsoles } from "../parts/console_pane.js";
import { ConsoleTile } from "../parts/console_tile.js";
import { Skeleton, Wall } from "../parts/states.js";
import { FirstStart } from "./overview.js";

// Half of the consoles that the server shows at a time, so that others find a place.
const PAGE = 8;
// Each connection is a line of the audit: who looks at another tab for a moment makes none.
const AWAY_MS = 3000;

/** Whether the page is in sight, or was a moment ago. */
function useSight() {
	const [seen, setSeen] = useState(!document.hidden);
	useEffect(() => {
		let timer = 0;
		const look = () => {
			clearTimeout(timer);
			if (document.hidden) {
				timer = setTimeout(() => setSeen(false), AWAY_MS);
			} else {
				setSeen(true);
			}
		};
		document.addEventListener("visibilitychange", look);
		return () => {
			clearTimeout(timer);
			document.removeEventListener("visibilitychange", look);
		};
	}, []);
	return seen;
}

function Pages({ first, total }) {
	const turn = (to) => setQuery({ from: to > 0 ? String(to) : "" });
	return total > PAGE && html`<button disabled=${first === 0} onClick=${() => turn(first - PAGE)}>Previous</button>
		<button disabled=${first + PAGE >= total} onClick=${() => turn(first + PAGE)}>Next</button>`;
}

/** Of the machines that fit the filter, those of the page that begins at `from` or includes it. */
function pageOf(list, from) {
	const wanted = Math.min(Math.max(0, Math.floor(Number(from) || 0)), Math.max(0, list.length - 1));
	const first = wanted - wanted % PAGE;
	return { first, shown: list.slice(first, first + PAGE) };
}

export function ConsolesScreen({ query }) {
	const map = useCell(vms);
	const seen = useSight();
	const [paused, setPaused] = useState(false);
	if (!may("console-read")) {
		return html`<h1 tabindex="-1">Consoles</h1><${NoConsoles} />`;
	}
	if (!map) {
		return html`<h1 tabindex="-1">Consoles</h1><${Skeleton} lines=${8} />`;
	}
	const list = [...map.values()].filter((vm) => matches(vm, parse(query.q ?? ""))).sort((a, b) => a.name.localeCompare(b.name));
	const { first, shown } = pageOf(list, query.from);
	return html`<div class="title-line"><h1 tabindex="-1">Consoles</h1>
		<label class="filter"><span class="unseen">Filter consoles</span><input type="search" data-filter placeholder="web state:running" value=${query.q ?? ""}
			autocomplete="off" spellcheck=${false} onInput=${(event) => setQuery({ q: event.target.value, from: "" })} /></label>
		<${Pages} first=${first} total=${list.length} />
		<button aria-pressed=${paused ? "true" : "false"} onClick=${() => setPaused(!paused)}>Pause</button></div>
	${!map.size ? html`<${FirstStart} />` : !list.length ? html`<${Wall} title="No machine matches.">
			<button onClick=${() => setQuery({ q: "", from: "" })}>Show all ${map.size}</button><//>` : html`
		<p class="muted small">${list.length > PAGE ? `Machines ${first + 1} to ${first + shown.length} of ${list.length}` : plural(list.length, "machine")}:
			the last lines of their consoles, read only. Open one to type.</p>
		<ul class="wall-of-consoles">${shown.map((vm, place) => html`<${ConsoleTile} key=${vm.name} vm=${vm} place=${place} running=${seen && !paused} />`)}</ul>`}`;
}
