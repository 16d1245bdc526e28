// SPDX-License-Identifier: MIT
// A machine's backups: by its schedule, and by hand to another disk.
import { may, session, useLoad } from "../api.js";
import { keptOf, planOf } from "../backup_plan.js";
import { bytes } from "../format.js";
import { html, useCell, useState } from "../lib.js";
import { useAct } from "./act.js";
import { useConfiguration } from "./configuration.js";
import { confirm } from "./dialogs.js";
import { DiskChoice, usable } from "./disk_choice.js";
import { Kept } from "./kept.js";
import { Schedule } from "./schedule.js";
import { Loaded } from "./states.js";

const EVERY_MS = 3000;

/** Writes to it: `alpha (ro)` and `alpha (view of beta)` do not. */
const used = ({ users }, name) => (users || "").split(", ").includes(name);

function Form({ vm, disks, act, busy }) {
	const own = disks.filter((disk) => used(disk, vm.name));
	const free = disks.filter(usable);
	const [disk, chooseDisk] = useState(own[0]?.name);
	const [target, chooseTarget] = useState(free[0]?.name);
	const [chosen, chooseState] = useState("");
	const [over, setOver] = useState(false);
	const others = free.filter(({ name }) => name !== target);
	const state = others.some(({ name }) => name === chosen) ? chosen : "";
	const places = state ? `${target} and ${state}` : target;
	const path = `/vms/${encodeURIComponent(vm.name)}/backups`;
	const begin = async (kind) => (!over || await confirm({ title: `Copy ${disk} to ${target}?`, label: "Copy",
		text: `Whatever ${places} holds is gone.`, word: target })) &&
		act(`A backup of ${disk} has begun.`, "POST", path,
			{ kind, disks: `${disk}=${target}${state && `,state=${state}`}`, ...(over && { overwrite: true }) });
	if (!own.length || !free.length) {
		return html`<p class="muted">${own.length ? "No disk is free for a copy. One that no machine uses has to be in the host's configuration."
			: "The machine has no disk of the host: volumes are backed up by its schedule."}</p>`;
	}
	return html`<p class="title-line"><${DiskChoice} label="Copy" value=${disk} from=${own} onChoose=${chooseDisk} />
			<${DiskChoice} label="to" value=${target} from=${free} onChoose=${chooseTarget} />
			<${DiskChoice} label="memory and state" value=${state} from=${others} none="not copied" onChoose=${chooseState} />
			<button disabled=${busy} onClick=${() => begin("full")}>All of it</button>
			<button disabled=${busy} onClick=${() => begin("diff")}>What has changed</button></p>
		${may("admin") && html`<label class="check"><input type="checkbox" checked=${over}
			onChange=${(event) => setOver(event.target.checked)} /> Also over something else</label>`}`;
}

function Last({ items, onCancel }) {
	if (!items.length) {
		return html`<p class="muted">None since the machine was started. It goes on while its disks are copied.</p>`;
	}
	const copies = items.some(({ state }) => state === "copying" || state === "begins");
	return html`<div class="table-box" tabindex="0" role="region" aria-label="Table of backups"><table class="plain backups">
		<thead><tr><th scope="col">Disk</th><th scope="col">To</th><th scope="col">Kind</th>
			<th scope="col">State</th><th scope="col" class="num">Copied</th></tr></thead>
		<tbody>${items.map((item) => html`<tr key=${item.disk}><th scope="row">${item.disk}</th><td>${item.target}</td>
			<td>${item.kind} ${item.number}</td><td>${item.problem || item.state}</td>
			<td class="num">${bytes(item.copied_bytes)} of ${bytes(item.all_bytes)}</td></tr>`)}</tbody></table></div>
		${copies && may("operator") && html`<p><button onClick=${onCancel}>Cancel the backup</button></p>`}`;
}

/** Of the rows those of a backup that was begun by hand: a schedule writes to volumes whose names begin with @. */
const byHand = (items) => items.filter(({ disk, state, target }) => disk && state !== "kept" && !target.includes("/@"));

function ByHand({ vm, last }) {
	const { me } = useCell(session);
	const path = `/vms/${encodeURIComponent(vm.name)}`;
	const can = may("operator") && me.scope === "*";
	const disks = useLoad(can ? "/disks" : null);
	const { act: change, busy, failure } = useAct();
	const act = async (...request) => {
		await change(...request);
		last.reload();
	};
	const cancel = () => act("The backup is cancelled.", "POST", `${path}/actions/backup-cancel`);
	const live = vm.state === "running" || vm.state === "paused";
	return html`<section class="tile" aria-label="Backup"><h2>By hand, to another disk</h2>
		<${Loaded} from=${last} lines=${2}>${({ items }) => html`<${Last} items=${byHand(items)} onCancel=${cancel} />`}<//>
		${can && live && html`<${Loaded} from=${disks} lines=${1}>${({ items }) =>
			html`<${Form} vm=${vm} disks=${items} act=${act} busy=${busy} />`}<//>`}${failure}</section>`;
}

export function Backups({ vm }) {
	const last = useLoad(`/vms/${encodeURIComponent(vm.name)}/backups`, EVERY_MS);
	const held = useConfiguration(vm.name);
	const plan = planOf(held.config?.backup?.value);
	const items = last.data?.items ?? [];
	const kept = plan ? keptOf(items, plan) : [];
	return html`<${Schedule} ...${{ vm, held, kept, items, reload: last.reload }} /><${ByHand} vm=${vm} last=${last} />
		${held.config && html`<${Loaded} from=${last} lines=${4}>${() => html`<${Kept} ...${{ vm, kept, plan, reload: last.reload }} />`}<//>`}`;
}
