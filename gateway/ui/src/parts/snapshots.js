// SPDX-License-Identifier: MIT
// A machine's snapshots: taken, gone back to, cloned, dropped.
import { may, useLoad } from "../api.js";
import { bytes, duration } from "../format.js";
import { freeName } from "../free_name.js";
import { html, useState } from "../lib.js";
import { vms } from "../stream.js";
import { useAct } from "./act.js";
import { confirm } from "./dialogs.js";
import { Loaded } from "./states.js";

const EVERY_MS = 10000;

export function Snapshots({ vm }) {
	const path = `/vms/${encodeURIComponent(vm.name)}`;
	const list = useLoad(`${path}/snapshots`, EVERY_MS);
	const [net, setNet] = useState("");
	const { act: change, failure } = useAct();
	const act = async (...request) => {
		await change(...request);
		list.reload();
	};
	const take = (event) => {
		event.preventDefault();
		const name = event.target.name.value.trim();
		event.target.reset();
		act(`Snapshot ${name} taken.`, "POST", `${path}/snapshots`, { name });
	};
	const back = async ({ name }) => await confirm({ title: `Reset ${vm.name} to ${name}?`, label: "Reset",
		text: "What the machine has done since is lost." }) &&
		act(`${vm.name} is back at ${name}.`, "POST", `${path}/actions/reset`, { snapshot: name });
	const clone = (name, net) => {
		const other = freeName((name) => vms.get()?.has(name), vm.name);
		act(`${other} is a clone of ${vm.name}.`, "POST",
			`${path}/snapshots/${encodeURIComponent(name)}/clones`, net ? { name: other, net } : { name: other });
	};
	const drop = ({ name }) => act(`Snapshot ${name} dropped.`, "DELETE",
		`${path}/snapshots/${encodeURIComponent(name)}`, undefined);
	const live = vm.state === "running" || vm.state === "paused";
	return html`<section class="tile" aria-label="Snapshots"><h2>Snapshots</h2>
		<${Loaded} from=${list} lines=${2}>${({ items }) => (items.length ? html`<div class="table-box" tabindex="0"
			role="region" aria-label="Table of snapshots"><table class="plain snapshots">
			<thead><tr><th scope="col">Name</th><th scope="col" class="num">Age</th>
				<th scope="col" class="num opt-2">State</th><th scope="col" class="num opt-2">Disks</th>
				<th scope="col" class="num">Clones</th>
				<th scope="col"><span class="unseen">Actions</span></th></tr></thead>
			<tbody>${items.map((item) => html`<tr key=${item.name}><th scope="row">${item.name}</th>
				<td class="num">${duration(item.age_s)}</td><td class="num opt-2">${bytes(item.state_bytes)}</td>
				<td class="num opt-2">${bytes(item.disk_bytes)}</td>
				<td class="num">${item.clones}</td><td><div class="actions">
					${may("operator") && item.reset && html`<button class="danger-quiet" onClick=${() => back(item)}>Reset to</button>`}
					${may("admin") && html`<button onClick=${() => clone(item.name, net.trim())}>Clone</button>`}
					${may("operator") && html`<button onClick=${() => drop(item)}>Drop<span class="unseen"> ${item.name}</span></button>`}
				</div></td></tr>`)}</tbody></table></div>` : html`<p class="muted">None. They are kept in memory, until the machine stops.</p>`)}<//>
		${may("admin") && list.data?.items.length > 0 && html`<p><label>A clone's network <input value=${net} maxlength="263"
			onInput=${(event) => setNet(event.target.value)} placeholder="none: no link" autocomplete="off" spellcheck=${false} /></label></p>`}
		${may("operator") && live && html`<form class="title-line" onSubmit=${take}><input name="name" required maxlength="31"
			aria-label="Name of a snapshot" placeholder="name" autocomplete="off" spellcheck=${false} />
			<button>Take snapshot</button></form>`}
		${failure}</section>`;
}
