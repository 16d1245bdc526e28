// SPDX-License-Identifier: MIT
// All machines: filter, order, actions on those selected.
import { may } from "../api.js";
import { vmsByName } from "../actions.js";
import { bytes, duration, percent, plural, rate } from "../format.js";
import { matches, parse, sorted } from "../filter.js";
import { bindKey } from "../keys.js";
import { html, useCell, useEffect, useRef, useState } from "../lib.js";
import { link, setQuery } from "../router.js";
import { connection, histories, vms } from "../stream.js";
import { ActionButtons, request } from "../parts/action_buttons.js";
import { openDialog } from "../parts/dialogs.js";
import { State } from "../parts/icons.js";
import { Spark } from "../parts/spark.js";
import { Skeleton, Wall } from "../parts/states.js";
import { FirstStart } from "./overview.js";

const COLUMNS = [["state", "State"], ["name", "Name"], ["vcpus", "vCPUs", "num opt-3"], ["cpu", "CPU, 2 min", "num"],
	["steal", "Steal", "num opt-1"], ["memory", "Memory", "num opt-1"], ["exits", "Exits/s", "num opt-2"],
	["weight", "Weight, cap", "num opt-3"], ["uptime", "Uptime or reason", "num opt-2"]];
const MANY_EXITS = 10000;
const MUCH_STEAL = 10;

function Header({ id, label, kind, order }) {
	const down = order === `-${id}`;
	const up = order === id;
	const numbers = kind?.startsWith("num");
	const next = up ? `-${id}` : down ? id : numbers ? `-${id}` : id;
	return html`<th scope="col" class=${kind} aria-sort=${up ? "ascending" : down ? "descending" : null}>
		<button class="sort" onClick=${() => setQuery({ sort: next })}>${label}<span aria-hidden="true">${up ? " ↑" : down ? " ↓" : ""}</span></button></th>`;
}

function topReason(sample) {
	return Object.entries(sample?.exits ?? {}).sort((a, b) => b[1] - a[1])[0]?.[0] ?? "";
}

function Row({ vm, chosen, toggle }) {
	const { sample } = vm;
	return html`<tr data-row=${vm.name} class=${`row-${vm.state} ${chosen ? "chosen" : ""}`}>
		<td class="pick"><input type="checkbox" aria-label=${`Select ${vm.name}`} checked=${chosen} onChange=${() => toggle(vm.name)} /></td>
		<td><${State} vm=${vm} /></td>
		<th scope="row" class="name"><a data-open title=${vm.name} href=${link("machines", vm.name)}>${vm.name}</a></th>
		<td class="num opt-3">${vm.vcpus}</td>
		<td class="num cpu"><${Spark} values=${histories.get(vm.name)?.cpu} top=${100 * vm.vcpus} /><span class="value">${percent(sample?.cpu_percent)}</span></td>
		<td class="num opt-1 value ${sample?.steal_percent > MUCH_STEAL ? "high" : ""}">${percent(sample?.steal_percent)}</td>
		<td class="num opt-1 value">${bytes(vm.resident_bytes)} <span class="muted">/ ${bytes(vm.memory_bytes)}</span></td>
		<td class="num opt-2 value ${sample?.exits_per_s > MANY_EXITS ? "high" : ""}">${rate(sample?.exits_per_s)} <span class="muted reason-tag">${topReason(sample)}</span></td>
		<td class="num opt-3">${vm.weight}${vm.cap_percent ? `, ${vm.cap_percent} %` : ""}</td>
		${vm.reason ? html`<td class="num opt-2 why" title=${vm.reason}>${vm.reason}</td>`
			: html`<td class="num opt-2 value">${vm.uptime_s ? duration(vm.uptime_s) : "–"}</td>`}</tr>`;
}

function Bulk({ chosen, clear }) {
	const list = vmsByName([...chosen]);
	if (!list.length) {
		return null;
	}
	return html`<div class="bulk"><span>${plural(list.length, "machine")} selected</span>
		<${ActionButtons} list=${list} after=${clear} />
		<button class="quiet" onClick=${clear}>Clear selection</button></div>`;
}

function useSelection(shown) {
	const [chosen, setChosen] = useState(new Set());
	const toggle = (name) => {
		const next = new Set(chosen);
		next.delete(name) || next.add(name);
		setChosen(next);
	};
	const all = shown.length > 0 && shown.every((vm) => chosen.has(vm.name));
	const toggleAll = () => setChosen(new Set(all ? [] : shown.map((vm) => vm.name)));
	return { chosen, toggle, all, toggleAll, clear: () => setChosen(new Set()) };
}

function Table({ shown, order, selection }) {
	const { chosen, toggle, all, toggleAll } = selection;
	return html`<div class="table-box" tabindex="0" role="region" aria-label="Table of machines"><table class="machines">
		<thead><tr><th scope="col" class="pick"><input type="checkbox" aria-label="Select all shown" checked=${all}
				indeterminate=${!all && chosen.size > 0} onChange=${toggleAll} /></th>
			${COLUMNS.map(([id, label, kind]) => html`<${Header} key=${id} ...${{ id, label, kind, order }} />`)}</tr></thead>
		<tbody>${shown.map((vm) => html`<${Row} key=${vm.name} vm=${vm} chosen=${chosen.has(vm.name)} toggle=${toggle} />`)}</tbody>
	</table></div>`;
}

export function MachinesScreen({ query }) {
	const map = useCell(vms);
	const { state } = useCell(connection);
	const order = query.sort ?? "name";
	const all = [...(map?.values() ?? [])];
	const shown = sorted(all.filter((vm) => matches(vm, parse(query.q ?? ""))), order);
	const selection = useSelection(shown);
	const latest = useRef(null);
	latest.current = () => vmsByName([...selection.chosen]);
	useEffect(() => {
		const leave = [bindKey("s", () => request("start", latest.current())),
			bindKey("p", () => {
				const list = latest.current();
				request(list.some((vm) => vm.state === "running") ? "pause" : "resume", list);
			})];
		return () => leave.forEach((one) => one());
	}, []);
	return html`<div class="title-line"><h1 tabindex="-1">Machines</h1>
			<span class="muted">${map ? (shown.length === all.length ? all.length : `${shown.length} of ${all.length}`) : ""}</span>
			<label class="filter"><span class="unseen">Filter machines</span><input type="search" data-filter
				placeholder="Filter: web, state:crashed" autocomplete="off" spellcheck=${false} value=${query.q ?? ""}
				onInput=${(event) => setQuery({ q: event.target.value })} /></label>
			<button class="primary" aria-disabled=${may("admin") ? null : "true"}
				title=${may("admin") ? "New machine" : "This needs the role admin."}
				onClick=${() => may("admin") && openDialog("create")}>New machine</button></div>
		<${Bulk} chosen=${selection.chosen} clear=${selection.clear} />
		<div class=${state === "live" ? "" : "stale"}>
		${!map ? html`<${Skeleton} lines=${10} />`
			: !all.length ? html`<${FirstStart} />`
				: !shown.length ? html`<${Wall} title="No machine matches the filter.">
					<button onClick=${() => setQuery({ q: "" })}>Show all ${all.length}</button><//>`
					: html`<${Table} ...${{ shown, order, selection }} />`}</div>`;
}
