// SPDX-License-Identifier: MIT
// Buttons for actions; one that is not possible now stays reachable and says why.
import { ACTIONS, hindrance, perform } from "../actions.js";
import { plural } from "../format.js";
import { html } from "../lib.js";
import { confirm } from "./dialogs.js";

/** Asks where that is due, then does it to those of `list` that are in a state for it, or to all. */
export async function request(action, list) {
	if (hindrance(action, list)) {
		return;
	}
	const { ask, typed, label } = ACTIONS[action];
	const names = list.map((vm) => vm.name);
	if (ask) {
		const one = names.length === 1;
		const what = one ? names[0] : plural(names.length, "machine");
		const sure = await confirm({ title: `${label} ${what}?`, label: `${label} ${what}`,
			text: one ? ask : `${ask}\n${names.join(", ")}`,
			word: typed ? (one ? names[0] : `destroy ${names.length}`) : "" });
		if (!sure) {
			return;
		}
	}
	await perform(action, names);
}

export function ActionButtons({ list, only, after }) {
	return html`<div class="actions" role="group" aria-label="Actions">
		${(only ?? Object.keys(ACTIONS)).map((action) => {
			const why = hindrance(action, list);
			const { label, ask } = ACTIONS[action];
			return html`<button key=${action} class=${ask ? "danger-quiet" : ""} title=${why || label}
				aria-disabled=${why ? "true" : null}
				onClick=${async () => { if (!why) { await request(action, list); after?.(); } }}>${label}
				${why && html`<span class="unseen">: ${why}</span>`}</button>`;
		})}</div>`;
}
