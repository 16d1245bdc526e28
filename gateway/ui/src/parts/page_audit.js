// SPDX-License-Identifier: MIT
// The walk over every page of the machine: a button that asks for it, and what it has found.
import { call, may } from "../api.js";
import { announce } from "../announce.js";
import { clock, plural } from "../format.js";
import { html, useCell, useState } from "../lib.js";
import { connection } from "../stream.js";

const SHOWN = 50;

function Findings({ number, found }) {
	if (number === null || number === undefined) {
		return html`<p class="muted">Not audited since the start.</p>`;
	}
	return number === 0 ? html`<p class="good-line">✓ The audit of all pages found no fault.</p>`
		: html`<div class="inline-error"><p>The audit of all pages found ${plural(number, "fault")}.${!found?.length && " See the log."}</p>
			${found?.length > 0 && html`<ul class="found">${found.slice(0, SHOWN).map((text) => html`<li key=${text}>${text}</li>`)}</ul>
			${found.length > SHOWN && html`<p>and ${found.length - SHOWN} more, which are in the log</p>`}`}</div>`;
}

/** `number`: how many faults the last walk has found, null if there was none since the start. */
export function PageAudit({ number, reload }) {
	const { state } = useCell(connection);
	const [walk, setWalk] = useState({});
	const why = !may("admin") ? "This needs the role admin." : state !== "live" ? "Not now: the machine is out of reach."
		: walk.busy ? "It is under way." : "";
	const run = async () => {
		if (why) {
			return;
		}
		setWalk({ ...walk, busy: true, error: "" });
		try {
			const { audit_findings: now, found } = await call("POST", "/host/actions/audit", {});
			setWalk({ number: now, found, at: new Date() });
			announce(now === 0 ? "The audit of all pages found no fault." : `The audit of all pages found ${plural(now, "fault")}.`);
			reload();
		} catch (error) {
			setWalk({ ...walk, error: error.message });
		}
	};
	return html`<section class="tile" aria-label="Audit of pages"><h2>Audit of pages</h2>
		<${Findings} number=${walk.number ?? number} found=${walk.found} />
		<div class="actions"><button title=${why || "Audit every page"} aria-disabled=${why ? "true" : null} onClick=${run}>Audit every page${
			why && html`<span class="unseen">: ${why}</span>`}</button>
			<span class="muted">${walk.busy ? "Walking: it takes a moment." : walk.at && `Done at ${clock(walk.at)}.`}</span></div>
		${walk.error && html`<p class="inline-error" role="alert">It was not audited: ${walk.error}</p>`}
		<p class="small muted">It walks the owner, the tables and the references of every page: one owner each, none that two VMs can write, none of the kernel within reach.</p></section>`;
}
