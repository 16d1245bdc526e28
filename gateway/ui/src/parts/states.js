// SPDX-License-Identifier: MIT
// What stands where data would be: loading, empty, error, no right.
import { html } from "../lib.js";

export function Skeleton({ lines = 4 }) {
	return html`<div class="skeleton" role="img" aria-label="Loading">
		${Array.from({ length: lines }, () => html`<div></div>`)}</div>`;
}

export function Wall({ title, children, kind = "note" }) {
	return html`<div class="wall wall-${kind}"><p class="wall-title">${title}</p>
		<div>${children}</div></div>`;
}

export function Failure({ error, reload }) {
	if (error.status === 403) {
		return html`<${Wall} kind="right" title="Your roles do not allow this.">
			<p>${error.message}</p><p>Somebody with the role admin can give you a token that does.</p><//>`;
	}
	if (error.status === 404) {
		return html`<${Wall} title="There is nothing of this name, or it is not yours to see.">
			<a href="#/machines">All machines</a><//>`;
	}
	return html`<${Wall} kind="bad" title="This could not be fetched."><p>${error.message}</p>
		${reload && html`<button onClick=${reload}>Try again</button>`}<//>`;
}

/** `children(data)` once there is data; else what is the matter. Old data stays beside an error. */
export function Loaded({ from, children, lines }) {
	if (from.data === null) {
		return from.error ? html`<${Failure} error=${from.error} reload=${from.reload} />`
			: html`<${Skeleton} lines=${lines} />`;
	}
	return html`${from.error && html`<p class="inline-error">Not up to date: ${from.error.message}</p>`}
		${children(from.data)}`;
}
