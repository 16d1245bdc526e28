// SPDX-License-Identifier: MIT
// One screen: the host, how the machines are, what wants attention, what happened last.
import { bytes, duration, percent, plural, rate } from "../format.js";
import { useLoad } from "../api.js";
import { html, useCell } from "../lib.js";
import { link } from "../router.js";
import { explain, mean } from "../slow.js";
import { connection, events, histories, host, machineNow, vms } from "../stream.js";
import { Icon } from "../parts/icons.js";
import { Skeleton, Wall } from "../parts/states.js";

const TOP = 5;
const EVENTS = 10;
const ATTENTION = 5;
const SMOOTH = 10;

function Tile({ title, children, kind = "", more }) {
	return html`<section class="tile ${kind}" aria-label=${title}><div class="tile-head"><h2>${title}</h2>${more}</div>${children}</section>`;
}

/** Percent of a CPU that Skerry itself takes, or null where the guests' share is not known. */
export function ownShare({ busy_percent: busy, guest_percent: guests }) {
	return typeof busy === "number" && typeof guests === "number" ? Math.max(0, busy - guests) : null;
}

function Cpus({ cpus }) {
	return html`<table class="bars"><thead class="unseen"><tr><th>CPU</th><th>Load</th><th>Guests</th><th>Busy</th></tr></thead><tbody>
		${cpus.map((cpu) => html`<tr key=${cpu.id}><th scope="row">CPU ${cpu.id}</th>
			<td class="bar-cell"><div class="bar" aria-hidden="true">
				<i class="part-guest" style=${{ width: `${cpu.guest_percent ?? 0}%` }}></i>
				<i class=${ownShare(cpu) === null ? "part-5" : "part-other"} style=${{ width: `${ownShare(cpu) ?? cpu.busy_percent ?? 0}%` }}></i></div></td>
			<td class="num unseen">${percent(cpu.guest_percent)}</td>
			<td class="num">${percent(cpu.busy_percent)}</td></tr>`)}</tbody></table>
		<p class="legend-line">${cpus.every((cpu) => ownShare(cpu) === null)
			? html`<i class="swatch part-5"></i>busy; the guests' share is not known`
			: html`<i class="swatch part-guest"></i>guests <i class="swatch part-other"></i>Skerry`}</p>`;
}

export function Memory({ memory }) {
	const parts = [...memory.owners.map(({ owner, bytes: size }) => [owner, size]), ["free", memory.free_bytes]];
	return html`<div class="bar bar-tall" aria-hidden="true">${parts.map(([owner, size], place) => html`
			<i key=${owner} class=${owner === "free" ? "part-free" : `part-${place % 8}`}
				style=${{ width: `${100 * size / memory.total_bytes}%` }}></i>`)}</div>
		<ul class="memory">${parts.map(([owner, size], place) => html`<li key=${owner}>
			<i class="swatch ${owner === "free" ? "part-free" : `part-${place % 8}`}" aria-hidden="true"></i>
			${owner} <b>${bytes(size)}</b></li>`)}</ul>`;
}

function States({ list }) {
	const counts = new Map([["running", 0], ["paused", 0], ["stopped", 0], ["crashed", 0]]);
	list.forEach((vm) => counts.set(vm.state, (counts.get(vm.state) ?? 0) + 1));
	return html`<ul class="counts">${[...counts].map(([state, number]) => html`<li key=${state}>
		<a href="#/machines?q=state:${state}" class="state-${state} ${number ? "" : "none"}">
			<b>${number}</b><span><${Icon} name=${state} /> ${state}</span></a></li>`)}</ul>`;
}

function Tops({ list }) {
	const smooth = (vm, series) => mean((histories.get(vm.name)?.[series] ?? []).slice(-SMOOTH));
	const kinds = [["CPU", "cpu", percent], ["Steal", "steal", percent], ["Exits/s", "exits", rate]];
	const running = list.filter((vm) => vm.sample);
	return html`<div class="tops">${kinds.map(([title, series, format]) => {
		const ranked = running.map((vm) => [vm.name, smooth(vm, series)]).sort((a, b) => b[1] - a[1]).slice(0, TOP);
		const most = Math.max(1, ranked[0]?.[1] ?? 1);
		return html`<table key=${title} class="bars"><caption>${title}</caption>
			<thead class="unseen"><tr><th>Machine</th><th>${title}</th></tr></thead>
			<tbody>${ranked.map(([name, value]) => html`<tr key=${name}>
				<th scope="row"><a href=${link("machines", name)}>${name}</a>
					<div class="bar bar-thin" aria-hidden="true"><i class="part-guest" style=${{ width: `${100 * value / most}%` }}></i></div></th>
				<td class="num">${format(value)}</td></tr>`)}</tbody></table>`;
	})}</div>`;
}

function Attention({ list, machine }) {
	const found = list.flatMap((vm) => (["running", "paused", "crashed"].includes(vm.state)
		? explain(vm, histories.get(vm.name), list.filter((other) => other !== vm)) : [])
		.filter((finding) => finding.level === "bad").slice(0, 1).map((finding) => [vm, finding]));
	if (machine.audit_findings) {
		found.unshift([null, { title: `The audit of all pages found ${plural(machine.audit_findings, "fault")}.` }]);
	}
	if (!found.length) {
		return html`<p class="good-line">✓ Nothing wants attention.</p>`;
	}
	return html`<ul class="attention">${found.slice(0, ATTENTION).map(([vm, finding]) => html`<li key=${vm?.name}>
		<a href=${vm ? link("machines", vm.name) : "#/host"}>${vm?.name ?? "Host"}</a> ${finding.title}</li>`)}
		${found.length > ATTENTION && html`<li><a href="#/machines">and ${found.length - ATTENTION} more</a></li>`}</ul>`;
}

/** What happened since the page was opened; before it, what the log says of VMs. */
function Events() {
	const now = machineNow();
	const earlier = useLoad(`/log?category=vm&limit=${EVENTS}`);
	const told = useCell(events).map((event) => ({ ...event,
		text: `${event.event.replaceAll("_", " ")}${event.reason ? `: ${event.reason}` : ""}` }));
	const oldest = told.at(-1)?.time_s ?? Infinity;
	const before = (earlier.data?.items ?? []).filter((line) => line.time_s < oldest - 0.1).reverse();
	const list = [...told, ...before].slice(0, EVENTS);
	if (!list.length) {
		return html`<p class="muted">None yet. More is in the <a href="#/log">log</a>.</p>`;
	}
	return html`<ol class="events">${list.map((event) => html`<li key=${event.time_s + event.sequence}>
		<time>${duration(Math.max(0, now - event.time_s))} ago</time>
		<span title=${event.text}>${event.vm ? html`<a href=${link("machines", event.vm)}>${event.vm}</a> ` : ""}${event.text}</span></li>`)}</ol>`;
}

export function FirstStart() {
	return html`<${Wall} title="There are no machines yet.">
		<p>Make one here with <strong>New machine</strong>, or by a command:</p>
		<pre>skerryctl vm create web kernel=vmlinuz memory=256M
skerryctl vm start web
skerryctl console web</pre><//>`;
}

export function OverviewScreen() {
	const machine = useCell(host);
	const map = useCell(vms);
	const { state } = useCell(connection);
	if (!machine || !map) {
		return html`<h1 tabindex="-1">Overview</h1><${Skeleton} lines=${8} />`;
	}
	const list = [...map.values()];
	const busy = mean(machine.cpus.map((cpu) => cpu.busy_percent));
	return html`<h1 tabindex="-1">Overview</h1>
		<div class="tiles ${state === "live" ? "" : "stale"}">
			<${Tile} title="Machines" kind="tile-wide">${list.length ? html`<${States} list=${list} />` : html`<${FirstStart} />`}<//>
			<${Tile} title="Attention" kind="tile-high"><${Attention} ...${{ list, machine }} /><//>
			<${Tile} title=${`CPUs: ${percent(busy)} busy`}><${Cpus} cpus=${machine.cpus} /><//>
			<${Tile} title=${`Memory: ${bytes(machine.memory.free_bytes)} free of ${bytes(machine.memory.total_bytes)}`}><${Memory} memory=${machine.memory} /><//>
			<${Tile} title="Most used" kind="tile-wide"><${Tops} list=${list} /><//>
			<${Tile} title="Last events" more=${html`<a class="small" href="#/events">All events</a>`}><${Events} /><//>
		</div>`;
}
