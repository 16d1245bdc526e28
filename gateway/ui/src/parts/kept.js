// SPDX-License-Identifier: MIT
// The backups that a machine's schedule keeps, and the way back to one of them.
import { may, session } from "../api.js";
import { bytes, duration } from "../format.js";
import { html, useCell, useState } from "../lib.js";
import { useAct } from "./act.js";
import { confirm } from "./dialogs.js";

const FIRST_ROWS = 14;
const DAY_S = 86400;

/** 29 Nov 2026, 19:16: the browser's time. */
const written = (seconds) => new Date(seconds * 1000).toLocaleString("en-GB",
	{ day: "numeric", month: "short", year: "numeric", hour: "2-digit", minute: "2-digit" });
const dayWritten = (seconds) => new Date(seconds * 1000).toLocaleDateString("en-GB", { day: "numeric", month: "short", year: "numeric" });
const made = ({ made: at, moment }) => (at === null ? `the moment ${moment}` : written(at));

/** Why a disk cannot go back now, or "". */
function hindrance(vm, { me }) {
	return !may("admin") || !may("content") || me.scope !== "*" ? "Restoring needs the roles admin and content for all machines."
		: vm.state === "running" || vm.state === "paused" ? "Stop the machine first: a restore writes its disk anew." : "";
}

function Row({ item, why, restore, every }) {
	const age = item.made === null ? null : Math.max(0, Date.now() / 1000 - item.made);
	const [store, volume] = item.disk.split("/");
	const until = item.until === null ? "not known" : every < DAY_S ? written(item.until) : dayWritten(item.until);
	return html`<tr><th scope="row">${age === null ? made(item) : html`<span class="word">${duration(age)} ago</span> <span class="small muted word">${written(item.made)}</span>`}
			<span class="small muted only-narrow">until ${until}</span></th>
		<td>${store}/<wbr />${volume}</td><td class="opt-2 word">${item.number === 1 ? "full" : `changes ${item.number - 1}`}</td>
		<td class="num opt-2">${bytes(item.all_bytes)}</td><td class="opt-2"><code class="place">${item.target}</code></td>
		<td class="opt-1 word">${until}</td>
		<td class="act"><button class="danger-quiet" title=${why || "Restore"} aria-disabled=${why ? "true" : null} onClick=${() => !why && restore(item)}>Restore…
			<span class="unseen"> ${item.disk} of ${made(item)}${why && `: ${why}`}</span></button></td></tr>`;
}

/** `kept`: as keptOf(); `plan`: as planOf(). */
export function Kept({ vm, kept, plan, reload }) {
	const now = useCell(session);
	const [all, setAll] = useState(false);
	const { act, busy, failure } = useAct();
	const why = hindrance(vm, now);
	const others = (disk) => [...new Set(kept.map((item) => item.disk))].filter((other) => other !== disk);
	const restore = async (item) => {
		const age = item.made === null ? "" : `, ${duration(Math.max(0, Date.now() / 1000 - item.made))} ago`;
		const stay = others(item.disk);
		if (!busy && await confirm({ title: `Restore ${item.disk}?`, label: "Restore", word: item.disk,
			text: `All that ${item.disk} holds now is overwritten by what it held at ${made(item)}${age}. What was written since is lost.${
				stay.length ? `\nThe machine's other disks stay as they are: ${stay.join(", ")}.` : ""}` })) {
			await act(`${item.disk} holds what it held at ${made(item)}.`, "POST", "/disks/restore", { disk: item.disk, at: item.moment });
			reload();
		}
	};
	const shown = all ? kept : kept.slice(0, FIRST_ROWS);
	return html`<section class="tile wide-tile" aria-label="Kept backups"><h2>Kept backups</h2>
		${!plan ? html`<p class="muted">None: the machine has no schedule.</p>`
			: !kept.length ? html`<p class="muted">None yet. The first one is made as soon as the machine runs.</p>`
			: html`${why && html`<p class="small muted">${why}</p>`}<div class="table-box" tabindex="0" role="region" aria-label="Table of kept backups">
			<table class="plain kept"><thead><tr><th scope="col">Made</th><th scope="col">Disk</th><th scope="col" class="opt-2">Kind</th>
				<th scope="col" class="num opt-2">Size</th><th scope="col" class="opt-2">Place</th><th scope="col" class="opt-1">Kept until about</th>
				<th scope="col"><span class="unseen">Actions</span></th></tr></thead>
			<tbody>${shown.map((item) => html`<${Row} key=${item.target} ...${{ item, why, restore, every: plan.every }} />`)}</tbody></table></div>
			<p class="small muted">A full one and the changes behind it are dropped together, once ${plan.keep === 1 ? "a newer full one is"
				: `${plan.keep} newer full ones are`} whole. That is sooner if the machine is started anew, as the next one is full then.</p>
			${shown.length < kept.length && html`<p><button onClick=${() => setAll(true)}>Show all ${kept.length}</button></p>`}`}
		${busy && html`<p class="muted">The disk is being written.</p>`}${failure}</section>`;
}
