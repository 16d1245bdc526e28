// SPDX-License-Identifier: MIT
// A machine saved on a disk of the host, and taken up again.
import { may, session, useLoad } from "../api.js";
import { bytes } from "../format.js";
import { html, useCell, useState } from "../lib.js";
import { useAct } from "./act.js";
import { confirm } from "./dialogs.js";
import { usable } from "./disk_choice.js";
import { Loaded } from "./states.js";

function Form({ vm, disks }) {
	const list = disks.filter(usable);
	const [chosen, choose] = useState("");
	const [over, setOver] = useState(false);
	const [goesOn, setGoesOn] = useState(false);
	const { act, busy, failure } = useAct();
	const disk = list.some(({ name }) => name === chosen) ? chosen : list[0]?.name;
	const path = `/vms/${encodeURIComponent(vm.name)}/actions`;
	const live = vm.state === "running" || vm.state === "paused";
	const save = async () => await confirm({ title: `Save ${vm.name} on ${disk}?`, label: "Save",
		text: `The machine stands still meanwhile and ${goesOn ? "goes on" : "is stopped"} then.${over ? `\nWhatever ${disk} holds is gone.` : ""}`,
		word: over ? disk : "" }) &&
		act(`${vm.name} is saved on ${disk}.`, "POST", `${path}/save`, { disk, ...(over && { overwrite: true }), ...(goesOn && { continue: true }) });
	const restore = () => act(`${vm.name} goes on.`, "POST", `${path}/restore`, { disk });
	if (!list.length) {
		return html`<p class="muted">No disk is free for it. One that no machine uses has to be in the host's configuration.</p>`;
	}
	return html`<p class="muted">With all its memory, encrypted by the host, also over a new start of the host.</p>
		<p class="title-line"><select aria-label="Disk" value=${disk} onChange=${(event) => choose(event.target.value)}>
			${list.map(({ name, bytes: size }) => html`<option key=${name} value=${name}>${name} (${bytes(size)})</option>`)}</select>
		${live ? html`<button disabled=${busy} onClick=${save}>Save</button>` : html`<button disabled=${busy} onClick=${restore}>Restore</button>`}
		${busy && html`<span class="muted">under way</span>`}</p>
		${live && html`<label class="check"><input type="checkbox" checked=${goesOn}
			onChange=${(event) => setGoesOn(event.target.checked)} /> The machine goes on</label>`}
		${live && may("admin") && html`<label class="check"><input type="checkbox" checked=${over}
			onChange=${(event) => setOver(event.target.checked)} /> Also over something that is no save</label>`}${failure}`;
}

export function Saves({ vm }) {
	const { me } = useCell(session);
	const can = may("operator") && me.scope === "*";
	const list = useLoad(can ? "/disks" : null);
	return html`<section class="tile" aria-label="Save"><h2>Save on a disk</h2>${can
		? html`<${Loaded} from=${list} lines=${2}>${({ items }) => html`<${Form} vm=${vm} disks=${items} />`}<//>`
		: html`<p class="muted">This needs the role operator for all machines: others' saves are on disks too.</p>`}</section>`;
}
