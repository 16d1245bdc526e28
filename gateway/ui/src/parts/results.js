// SPDX-License-Identifier: MIT
// One line of result for each machine that something was done to.
import { ACTIONS, results } from "../actions.js";
import { html, useCell, useEffect } from "../lib.js";

const MARK = { waiting: "…", running: "…", ok: "✓", failed: "✗" };
const SHOWN_MS = 8000;

export function Results() {
	const lines = useCell(results);
	const settled = lines.length > 0 && lines.every((line) => line.state === "ok");
	useEffect(() => {
		if (!settled) {
			return undefined;
		}
		const timer = setTimeout(() => results.set([]), SHOWN_MS);
		return () => clearTimeout(timer);
	}, [lines, settled]);
	if (!lines.length) {
		return null;
	}
	return html`<section class="results" aria-label="Results">
		<div class="results-head"><h2>Results</h2>
			<button class="quiet" aria-label="Close results" onClick=${() => results.set([])}>✕</button></div>
		<ul tabindex="0" aria-label="One line for each machine">${lines.map((line) => html`<li key=${line.id} class="result result-${line.state}">
			<span aria-hidden="true" class="mark">${MARK[line.state]}</span>
			<span class="result-name">${ACTIONS[line.action].label} ${line.name}</span>
			<span class="result-text">${line.state === "failed" ? "failed: " : ""}${line.text}</span>
			${line.undo && html`<button onClick=${line.undo}>Undo<span class="unseen"> ${ACTIONS[line.action].label} ${line.name}</span></button>`}</li>`)}
		</ul></section>`;
}
