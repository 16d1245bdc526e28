// SPDX-License-Identifier: MIT
// The networks of the host: which cards lead out of each, and whether their cables are plugged in.
import { may, session, useLoad } from "../api.js";
import { html, useCell } from "../lib.js";
import { Loaded } from "./states.js";

/** "net0 up, net1 blocked": the two lists have a word for each card, in the same order; "-": there is none. */
function cards({ uplink, link }) {
	const states = link.split(" ");
	const shown = uplink.split(" ").map((card, place) => `${card} ${states[place]}`).filter((words) => !words.startsWith("-"));
	return shown.join(", ") || "none";
}

export function Nets() {
	const { me } = useCell(session);
	const can = may("viewer") && me.scope === "*";
	const list = useLoad(can ? "/nets" : null);
	return html`<section class="tile" aria-label="Networks"><h2>Networks</h2>${!can
		? html`<p class="muted">Only who sees all machines sees the networks.</p>`
		: html`<${Loaded} from=${list} lines=${2}>${({ items }) => (items.length ? html`<div class="table-box" tabindex="0" role="region"
			aria-label="Table of networks"><table class="plain"><thead><tr><th scope="col">Name</th><th scope="col">State</th>
			<th scope="col">Ways out</th><th scope="col" class="num">Ports</th></tr></thead><tbody>${items.map((net) => html`<tr key=${net.name}>
			<th scope="row">${net.name}</th><td>${net.state}${net.problem ? `: ${net.problem}` : ""}</td>
			<td>${cards(net)}</td><td class="num">${net.ports}</td></tr>`)}</tbody></table></div>`
			: html`<p class="muted">None in the configuration.</p>`)}<//>`}</section>`;
}
