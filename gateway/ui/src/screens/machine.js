// SPDX-License-Identifier: MIT
// One machine in tabs: what it does now, what is kept of it, its configuration, what is inside.
import { bytes, clock, duration, percent, plural, rate } from "../format.js";
import { bindKey } from "../keys.js";
import { html, useCell, useEffect, useRef, useState } from "../lib.js";
import { link } from "../router.js";
import { explain, mean } from "../slow.js";
import { connection, events, histories, machineNow, samples, vms } from "../stream.js";
import { ActionButtons, request } from "../parts/action_buttons.js";
import { Backups } from "../parts/backups.js";
import { Balloon } from "../parts/balloon.js";
import { Configuration } from "../parts/configuration.js";
import { ConsolePane } from "../parts/console_pane.js";
import { Digest } from "../parts/digest.js";
import { Drives } from "../parts/drives.js";
import { Exits } from "../parts/exits.js";
import { Graph } from "../parts/graph.js";
import { Inspect } from "../parts/inspect.js";
import { PastGraphs, SpanChoice } from "../parts/past.js";
import { Saves } from "../parts/saves.js";
import { State } from "../parts/icons.js";
import { Snapshots } from "../parts/snapshots.js";
import { Skeleton, Wall } from "../parts/states.js";

const LEVELS = { bad: "!", note: "i", good: "✓" };
const NO_HISTORY = { times: [], cpu: [], steal: [], halted: [], exits: [], resident: [] };

function summary(values, format) {
	const known = values.filter((value) => value !== null);
	return known.length ? `now ${format(known.at(-1))}, mean ${format(mean(known))}, highest ${format(Math.max(...known))}`
		: "no samples yet";
}

function pastGraphs(vm) {
	return [
		{ title: "CPU", format: percent, top: 100 * vm.vcpus, lines: [
			{ label: "CPU", of: "cpu_percent", token: "--graph-1", fill: "--graph-1-fill" },
			{ label: "highest", of: "cpu_percent", kind: "most", token: "--graph-3" },
			{ label: "steal", of: "steal_percent", token: "--graph-2" }] },
		{ title: "Exits a second", format: rate, lines: [
			{ label: "all reasons", of: "exits_per_s", token: "--graph-3", fill: "--graph-3-fill" },
			{ label: "highest", of: "exits_per_s", kind: "most", token: "--graph-1" }] },
		{ title: "Memory", format: bytes, top: vm.memory_bytes, binary: true, lines: [
			{ label: `resident of ${bytes(vm.memory_bytes)}`, of: "resident_bytes", token: "--graph-4", fill: "--graph-4-fill" }] },
		{ title: "Disks, bytes a second", format: bytes, binary: true, lines: [
			{ label: "read", of: "disk_read_bytes_per_s", token: "--graph-1" },
			{ label: "written", of: "disk_written_bytes_per_s", token: "--graph-2" }] },
		{ title: "Networks, bytes a second", format: bytes, binary: true, lines: [
			{ label: "received", of: "net_received_bytes_per_s", token: "--graph-1" },
			{ label: "sent", of: "net_sent_bytes_per_s", token: "--graph-2" }] },
	];
}

function Graphs({ vm }) {
	const [span, setSpan] = useState("live");
	return html`<${SpanChoice} span=${span} choose=${setSpan} live=${true} />
		${span === "live" ? html`<${LiveGraphs} vm=${vm} />`
			: html`<div class="graphs"><${PastGraphs} what=${`vm/${vm.name}`} span=${span} graphs=${pastGraphs(vm)} /></div>`}`;
}

function LiveGraphs({ vm }) {
	useCell(samples);
	const history = histories.get(vm.name) ?? NO_HISTORY;
	const cpu = [{ label: "CPU", values: history.cpu, token: "--graph-1", fill: "--graph-1-fill" },
		{ label: "steal", values: history.steal, token: "--graph-2" }];
	const first = history.times[0];
	return html`<div class="graphs">
		<${Graph} title="CPU" times=${history.times} series=${cpu} format=${percent} top=${100 * vm.vcpus}
			summary=${`${summary(history.cpu, percent)}; steal ${summary(history.steal, percent)}`} />
		<${Graph} title="Exits a second" times=${history.times} format=${rate} summary=${summary(history.exits, rate)}
			series=${[{ label: "all reasons", values: history.exits, token: "--graph-3", fill: "--graph-3-fill" }]} />
		<${Graph} title="Memory" binary times=${history.times} format=${bytes} top=${vm.memory_bytes} summary=${summary(history.resident, bytes)}
			series=${[{ label: `resident of ${bytes(vm.memory_bytes)}`, values: history.resident, token: "--graph-4", fill: "--graph-4-fill" }]} />
		<p class="muted small">${first ? `Since ${clock(new Date(first * 1000))}, when this page was opened; five minutes at most.`
			: "Graphs begin with the next sample."}</p></div>`;
}

function Slow({ vm, others }) {
	useCell(samples);
	return html`<section class="tile" aria-label="Why is it slow?"><h2>Why is it slow?</h2>
		<ul class="findings">${explain(vm, histories.get(vm.name), others).map(({ level, title, text }) => html`
			<li class="finding finding-${level}"><span class="finding-mark" aria-hidden="true">${LEVELS[level]}</span>
				<p><strong>${title}</strong> ${text}</p></li>`)}</ul>
		<dl class="facts"><div><dt>CPU</dt><dd>${percent(vm.sample?.cpu_percent)}</dd></div>
			<div><dt>Steal</dt><dd>${percent(vm.sample?.steal_percent)}</dd></div>
			<div><dt>Halted</dt><dd>${percent(vm.sample?.halted_percent)}</dd></div>
			<div><dt>Cap</dt><dd>${vm.cap_percent ? percent(vm.cap_percent) : "none"}</dd></div>
			<div><dt>Exits/s</dt><dd>${rate(vm.sample?.exits_per_s)}</dd></div></dl></section>`;
}

function Happened({ name }) {
	const mine = useCell(events).filter((event) => event.vm === name).slice(0, 8);
	const now = machineNow();
	return html`<section class="tile" aria-label="Events"><h2>Events</h2>
		${mine.length ? html`<ol class="events">${mine.map((event) => html`<li key=${event.time_s + event.sequence}>
			<time>${duration(Math.max(0, now - event.time_s))} ago</time>
			<span>${event.event.replaceAll("_", " ")}${event.reason ? `: ${event.reason}` : ""}</span></li>`)}</ol>`
			: html`<p class="muted">None since this page was opened.</p>`}
		<p><a href=${`#/log?${new URLSearchParams({ vm: name })}`}>Log of ${name}</a></p></section>`;
}

function useKeys(name) {
	const latest = useRef(null);
	latest.current = () => vms.get()?.get(name);
	useEffect(() => {
		const act = (choose) => () => {
			const vm = latest.current();
			vm && request(choose(vm), [vm]);
		};
		const leave = [bindKey("s", act(() => "start")),
			bindKey("p", act((vm) => (vm.state === "paused" ? "resume" : "pause")))];
		return () => leave.forEach((one) => one());
	}, []);
}

const TABS = [["", "Now"], ["state", "Snapshots"], ["backups", "Backups"], ["configuration", "Configuration"], ["inside", "Inside"]];

function Tabs({ name, tab }) {
	return html`<nav class="tabs" aria-label=${`Parts of ${name}`}><ul>${TABS.map(([place, title]) => html`<li key=${place}>
		<a href=${place ? link("machines", name, place) : link("machines", name)} aria-current=${place === tab ? "page" : null}>${title}</a></li>`)}</ul></nav>`;
}

function Tab({ tab, vm, others }) {
	switch (tab) {
	case "state": return html`<${Snapshots} vm=${vm} /><${Saves} vm=${vm} />`;
	case "backups": return html`<${Backups} vm=${vm} />`;
	case "configuration": return html`<${Drives} vm=${vm} /><${Configuration} vm=${vm} />`;
	case "inside": return html`<${Balloon} vm=${vm} /><${Inspect} vm=${vm} /><${Digest} vm=${vm} />`;
	case "": return html`<section class="tile console-tile" aria-label="Console">
			<div class="tile-head"><h2>Console</h2><a href=${link("machines", vm.name, "console")}>Open large</a></div>
			<${ConsolePane} name=${vm.name} /></section>
		<section class="tile" aria-label="Graphs"><${Graphs} vm=${vm} /></section>
		<${Slow} vm=${vm} others=${others} />
		<${Exits} vm=${vm} />
		<${Happened} name=${vm.name} />`;
	default: return html`<${Wall} title="A machine has no such page."><a href=${link("machines", vm.name)}>All of ${vm.name}</a><//>`;
	}
}

export function MachineScreen({ name, tab = "" }) {
	const map = useCell(vms);
	const { state } = useCell(connection);
	useKeys(name);
	if (!map) {
		return html`<h1 tabindex="-1">${name}</h1><${Skeleton} lines=${8} />`;
	}
	const vm = map.get(name);
	if (!vm) {
		return html`<h1 tabindex="-1">${name}</h1>
			<${Wall} title="There is no machine of this name, or it is not yours to see."><a href="#/machines">All machines</a><//>`;
	}
	const others = [...map.values()].filter((other) => other !== vm);
	return html`<div class="title-line machine-title"><h1 tabindex="-1">${name}</h1><${State} vm=${vm} />
			<span class="muted">${plural(vm.vcpus, "vCPU")} · ${bytes(vm.memory_bytes)} ·
				${vm.uptime_s ? ` up ${duration(vm.uptime_s)} · ` : " "}${plural(vm.boots, "start")}</span>
			<${ActionButtons} list=${[vm]} /></div>
		${vm.reason && html`<p class="inline-error">Reason: ${vm.reason}</p>`}
		<${Tabs} name=${name} tab=${tab} />
		<div class="machine machine-${tab || "now"} ${state === "live" ? "" : "stale"}"><${Tab} tab=${tab} vm=${vm} others=${others} /></div>`;
}
