// SPDX-License-Identifier: MIT
// The networks of the host: which cards lead out of each, and whether their cables are plugged in.
import { may, session, useLoad } from "../api.js";
import { plural } from "../format.js";
import { html, useCell } from "../lib.js";
import { Loaded, Wall } from "../parts/states.js";

const EVERY_MS = 10000;
const LINKS = { up: "plugged in", down: "no cable, or nobody at its other end", blocked: "held back, as it leads to where another one leads" };

/** The cards of a network by name, each with the word for its link; "-" stands for no card. */
function cards({ uplink, link }) {
	const states = link.split(" ");
	return uplink.split(" ").map((card, place) => [card, states[place]]).filter(([card]) => card !== "-");
}

function Net({ net }) {
	const out = cards(net);
	return html`<section class="tile" aria-label=${`Network ${net.name}`}><h2>${net.name}</h2>
		${net.problem && html`<p class="inline-error">${net.problem}</p>`}
		<dl class="rows"><div><dt>State</dt><dd>${net.state}</dd></div>
			<div><dt>Ways out</dt><dd>${out.length ? html`<ul>${out.map(([card, state]) => html`<li key=${card}>${card} ${state}${LINKS[state] ? `: ${LINKS[state]}` : ""}</li>`)}</ul>`
				: "none: its machines reach each other only"}</dd></div>
			<div><dt>In use</dt><dd>${plural(net.ports, "port")}</dd></div><div><dt>Largest packet</dt><dd>${net.mtu} bytes</dd></div></dl></section>`;
}

export function NetworksScreen() {
	const { me } = useCell(session);
	const can = may("viewer") && me.scope === "*";
	const list = useLoad(can ? "/nets" : null, EVERY_MS);
	return html`<h1 tabindex="-1">Networks</h1>${!can ? html`<${Wall} kind="right" title="Only who sees all machines sees the networks." />`
		: html`<${Loaded} from=${list} lines=${4}>${({ items }) => (items.length ? html`<div class="tiles">${items.map((net) => html`<${Net} key=${net.name} net=${net} />`)}</div>`
			: html`<${Wall} title="There is no network."><p>A section [net NAME] of the configuration makes one.</p><//>`)}<//>`}`;
}
