// SPDX-License-Identifier: MIT
// The disks of the host: who uses them, what is wrong with one, and the way back to a backup.
import { may, session, useLoad } from "../api.js";
import { bytes } from "../format.js";
import { html, useCell } from "../lib.js";
import { Restore } from "./restore.js";
import { Loaded } from "./states.js";

export function Disks() {
	const { me } = useCell(session);
	const can = may("viewer") && me.scope === "*";
	const list = useLoad(can ? "/disks" : null);
	return html`<section class="tile" aria-label="Disks"><h2>Disks</h2>${!can
		? html`<p class="muted">Only who sees all machines sees the disks.</p>`
		: html`<${Loaded} from=${list} lines=${2}>${({ items }) => (items.length ? html`<div class="table-box" tabindex="0" role="region"
			aria-label="Table of disks"><table class="plain"><thead><tr><th scope="col">Name</th><th scope="col">State</th>
			<th scope="col" class="num">Size</th><th scope="col">Used by</th></tr></thead><tbody>${items.map((disk) => html`<tr key=${disk.name}>
			<th scope="row">${disk.name}</th><td>${disk.state}${disk.problem ? `: ${disk.problem}` : ""}</td>
			<td class="num">${bytes(disk.bytes)}</td><td>${disk.users || "nobody"}</td></tr>`)}</tbody></table></div>
			${may("admin") && html`<${Restore} disks=${items} reload=${list.reload} />`}`
			: html`<p class="muted">None in the configuration.</p>`)}<//>`}</section>`;
}
