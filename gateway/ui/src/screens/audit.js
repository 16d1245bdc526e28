// SPDX-License-Identifier: MIT
// Who did what: the chain of audit entries, and its export.
import { call, useLoad } from "../api.js";
import { csvField, plural } from "../format.js";
import { html, useState } from "../lib.js";
import { Loaded, Wall } from "../parts/states.js";
import { saveFile } from "../save_file.js";

const PAGE = 200;
const MARKS = { ok: "✓ ok", begun: "… begun" };
const FIELDS = ["n", "time", "who", "action", "target", "result", "hash"];

function Chain({ head, anchored }) {
	if (!head) {
		return null;
	}
	return html`<p class="chain">${anchored === head ? html`<strong>✓ The chain's head is anchored in the machine.</strong>`
		: anchored ? html`<strong>The newest entries are not anchored in the machine yet.</strong>`
			: html`<strong>Nothing of the chain is anchored in the machine yet.</strong>`}
		<span> Head <code title=${head}>${head.slice(0, 16)}…</code></span></p>`;
}

function Entries({ first }) {
	const [more, setMore] = useState({ items: [], error: "" });
	const [text, setText] = useState("");
	const items = [...first.items, ...more.items.filter((item) => BigInt(item.n) > BigInt(first.items.at(-1)?.n ?? 0))];
	const lower = text.toLowerCase();
	const shown = items.filter((item) => FIELDS.slice(0, 6).some((field) => String(item[field]).toLowerCase().includes(lower)));
	const load = async () => {
		try {
			const next = await call("GET", `/audit?limit=${PAGE}&after=${items.at(-1).n}`);
			setMore({ items: [...more.items, ...next.items], error: "" });
		} catch (error) {
			setMore({ ...more, error: error.message });
		}
	};
	const save = (name, type, text) => saveFile(name, new Blob([text], { type }));
	const csv = () => [FIELDS.join(","), ...shown.map((item) => FIELDS.map((field) => csvField(item[field])).join(","))].join("\r\n");
	return html`<${Chain} head=${first.head} anchored=${first.anchored} />
		<div class="title-line"><label class="filter"><span class="unseen">Filter entries</span><input type="search" data-filter
			placeholder="Person, action, machine" value=${text} onInput=${(event) => setText(event.target.value)} /></label>
			<span class="muted">${plural(shown.length, "entr").replace(/entrs?$/, shown.length === 1 ? "entry" : "entries")}</span>
			<button onClick=${() => save("audit.json", "application/json", JSON.stringify(shown, null, "\t"))}>Save as JSON</button>
			<button onClick=${() => save("audit.csv", "text/csv", csv())}>Save as CSV</button></div>
		${!shown.length ? html`<${Wall} title="No entry matches." />` : html`
		<div class="table-box" tabindex="0" role="region" aria-label="Entries of the audit"><table class="audit">
			<thead><tr><th scope="col" class="num">No.</th><th scope="col">Time (UTC)</th><th scope="col">Who</th><th scope="col">Action</th>
				<th scope="col">Target</th><th scope="col">Result</th><th scope="col" class="opt-2">Hash</th></tr></thead>
			<tbody>${[...shown].reverse().map((item) => html`<tr key=${item.n} class=${MARKS[item.result] ? "" : "refused"}>
				<td class="num">${item.n}</td><td class="when">${item.time.replace("T", " ").replace("Z", "")}</td><td>${item.who}</td><td>${item.action}</td>
				<td><span class="target" title=${item.target}>${item.target}</span></td><td>${MARKS[item.result] ?? `✗ ${item.result}`}</td>
				<td class="opt-2"><code title=${item.hash}>${item.hash?.slice(0, 12)}</code></td></tr>`)}</tbody></table></div>`}
		${more.error && html`<p class="inline-error">${more.error}</p>`}
		${items.length >= PAGE && items.length % PAGE === 0 && html`<button onClick=${load}>Show later entries</button>`}`;
}

export function AuditScreen() {
	const audit = useLoad(`/audit?limit=${PAGE}`);
	return html`<h1 tabindex="-1">Audit</h1>
		<${Loaded} from=${audit} lines=${12}>${(first) => html`<${Entries} first=${first} />`}<//>`;
}
