// SPDX-License-Identifier: MIT
// What a guest keeps of its memory, and what it says of it.
import { may, useLoad } from "../api.js";
import { bytes } from "../format.js";
import { html } from "../lib.js";
import { useAct } from "./act.js";
import { Loaded } from "./states.js";

const EVERY_MS = 10000;
const MIB = 1048576;
const SAID = [["free-bytes", "Free"], ["available-bytes", "Available"], ["cache-bytes", "Cache"]];

function Rows({ balloon }) {
	return html`<dl class="facts"><div><dt>Has</dt><dd>${bytes(balloon.memory_bytes)}</dd></div>
		<div><dt>Asked to keep</dt><dd>${bytes(balloon.wanted_bytes)}</dd></div>
		<div><dt>Keeps</dt><dd>${bytes(balloon.present_bytes)}</dd></div>
		${SAID.filter(([key]) => key in balloon.guest).map(([key, label]) => html`<div key=${key}><dt>${label}, it says</dt>
			<dd>${bytes(Number(balloon.guest[key]))}</dd></div>`)}</dl>`;
}

export function Balloon({ vm }) {
	const path = `/vms/${encodeURIComponent(vm.name)}`;
	const live = vm.state === "running" || vm.state === "paused";
	const told = useLoad(live ? `${path}/balloon` : null, EVERY_MS);
	const { act, busy, failure } = useAct();
	const most = Math.floor(vm.memory_bytes / MIB);
	const aim = async (event) => {
		event.preventDefault();
		const size = Number(event.target.size.value) * MIB;
		await act(`${vm.name} is asked to keep ${bytes(size)}.`, "POST", `${path}/actions/balloon`, { bytes: size });
		told.reload();
	};
	return html`<section class="tile" aria-label="Balloon"><h2>Balloon</h2>${!live
		? html`<p class="muted">Only while the machine runs.</p>` : html`<${Loaded} from=${told} lines=${2}>${(balloon) => (balloon.wanted_bytes === null
			? html`<p class="muted">It has none. The key balloon gives it one at the next start.</p>`
			: html`<${Rows} balloon=${balloon} />${may("operator") && html`<form class="title-line" onSubmit=${aim}>
				<label>Keep <input name="size" type="number" required min="2" max=${most} step="1" aria-label="MiB to keep" /> MiB</label>
				<button disabled=${busy}>Ask the guest</button></form>`}`)}<//>`}${failure}</section>`;
}
