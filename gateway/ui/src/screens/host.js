// SPDX-License-Identifier: MIT
// The machine underneath: CPUs, memory, what is open to speculation, its certificate; audit, restart.
import { call, may, useLoad } from "../api.js";
import { finish } from "../actions.js";
import { announce } from "../announce.js";
import { bytes, duration, percent } from "../format.js";
import { html, useCell, useState } from "../lib.js";
import { connection, host } from "../stream.js";
import { confirm } from "../parts/dialogs.js";
import { Disks } from "../parts/disks.js";
import { PageAudit } from "../parts/page_audit.js";
import { PastGraphs, SpanChoice } from "../parts/past.js";
import { Loaded } from "../parts/states.js";
import { Memory, ownShare } from "./overview.js";

const ACTIONS = [["log-rotate", "Rotate the log", null],
	["reboot", "Reboot", "All machines are stopped, then Skerry starts anew."],
	["poweroff", "Power off", "All machines are stopped, then the power goes off."]];

function Actions({ reload }) {
	const [result, setResult] = useState("");
	const { state } = useCell(connection);
	const why = !may("admin") ? "This needs the role admin." : state !== "live" ? "Not now: the machine is out of reach." : "";
	const run = async (action, label, ask) => {
		if (why || (ask && !await confirm({ title: `${label}?`, text: ask, label, word: action }))) {
			return;
		}
		setResult(`${label}: under way`);
		try {
			await finish(await call("POST", `/host/actions/${action}`, {}, { Prefer: "wait=10" }));
			setResult(`${label}: done`);
			announce(`${label}: done.`);
			reload();
		} catch (error) {
			setResult(`${label}: failed: ${error.message}`);
			announce(`${label}: failed.`);
		}
	};
	return html`<div class="actions" role="group" aria-label="Actions">${ACTIONS.map(([action, label, ask]) => html`
		<button key=${action} class=${ask ? "danger-quiet" : ""} title=${why || label} aria-disabled=${why ? "true" : null}
			onClick=${() => run(action, label, ask)}>${label}${why && html`<span class="unseen">: ${why}</span>`}</button>`)}
		<span class="muted">${result}</span></div>`;
}

function Fingerprint({ text }) {
	return html`<code class="fingerprint">${(text ?? "").toUpperCase().match(/../g)?.join(":") ?? "none"}</code>`;
}

function Fact({ name, children }) {
	return html`<div><dt>${name}</dt><dd>${children}</dd></div>`;
}

const GRAPHS = [
	{ title: "CPUs", format: percent, top: 100, lines: [
		{ label: "busy", of: "busy_percent", token: "--graph-1", fill: "--graph-1-fill" },
		{ label: "highest", of: "busy_percent", kind: "most", token: "--graph-3" }] },
	{ title: "Free memory", format: bytes, binary: true, lines: [
		{ label: "free", of: "free_bytes", token: "--graph-4", fill: "--graph-4-fill" },
		{ label: "least", of: "free_bytes", kind: "least", token: "--graph-2" }] },
];

function Past() {
	const [span, setSpan] = useState("hour");
	return html`<section class="tile" aria-label="History"><h2>History</h2>
		<${SpanChoice} span=${span} choose=${setSpan} /><div class="graphs"><${PastGraphs} what="host" span=${span} graphs=${GRAPHS} /></div></section>`;
}

export function HostScreen() {
	const loaded = useLoad("/host");
	const live = useCell(host);
	const { state } = useCell(connection);
	return html`<h1 tabindex="-1">Host</h1><${Loaded} from=${loaded} lines=${10}>${(machine) => html`
		<${Actions} reload=${loaded.reload} />
		<div class="tiles ${state === "live" ? "" : "stale"}">
			<section class="tile" aria-label="This machine"><h2>This machine</h2><dl class="rows">
				<${Fact} name="Version">Skerry ${machine.version}<//><${Fact} name="Up">${duration(machine.uptime_s)}<//>
				<${Fact} name="Boot"><code>${machine.boot}</code><//><${Fact} name="Rights of this link">${machine.rights.join(", ")}<//></dl></section>
			<${PageAudit} number=${machine.audit_findings} reload=${loaded.reload} />
			<section class="tile" aria-label="CPUs"><h2>CPUs</h2><table class="plain"><thead><tr><th scope="col">CPU</th><th scope="col" class="num">Busy</th>
				<th scope="col" class="num">Guests</th><th scope="col" class="num">Skerry</th></tr></thead><tbody>${(live ?? machine).cpus.map((cpu) => html`
				<tr key=${cpu.id}><th scope="row">${cpu.id}</th><td class="num value">${percent(cpu.busy_percent)}</td><td class="num value">${percent(cpu.guest_percent)}</td>
				<td class="num value">${percent(ownShare(cpu))}</td></tr>`)}</tbody></table></section>
			<section class="tile" aria-label="Memory"><h2>Memory</h2><${Memory} memory=${machine.memory} />
				<p class="small muted">${bytes(machine.memory.free_bytes)} free of ${bytes(machine.memory.total_bytes)}</p></section>
			<${Past} />
			<section class="tile" aria-label="Speculation"><h2>Speculation</h2><dl class="rows"><${Fact} name="Done against it">${machine.speculation || "nothing"}<//>
				<${Fact} name="Open">${machine.speculation_open || "nothing known"}<//></dl></section>
			<section class="tile" aria-label="Certificate"><h2>Certificate (SHA-256)</h2><${Fingerprint} text=${machine.fingerprint} />
				<p class="small muted">It must be the one that the browser shows. A page cannot vouch for itself: compare with what skerryd printed.</p></section>
			<${Disks} />
		</div>`}<//>`;
}
