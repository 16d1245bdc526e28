// SPDX-License-Identifier: MIT
// What an auditor asks of a host: made on request, shown with its rules first, saved with its signature.
import { may, request, session } from "../api.js";
import { html, useCell, useState } from "../lib.js";
import { Failure, Skeleton, Wall } from "../parts/states.js";
import { saveFile } from "../save_file.js";

const PATH = "/report?profile=hardened";
const MARKS = { passes: "✓ passes", deviates: "✗ deviates", unknown: "? unknown" };

/** The exact bytes of a report, and the line of its signature, which is over these bytes. */
async function fetchSigned(path) {
	const response = await request("GET", path);
	return { bytes: await response.blob(), signature: response.headers.get("Report-Signature") };
}

function saveSigned(name, { bytes, signature }) {
	saveFile(name, bytes);
	if (signature) {
		saveFile(`${name}.sig`, new Blob([`${signature}\n`], { type: "application/json" }));
	}
}

const words = (name) => name.replaceAll("_", " ");
// What the report does not know is null there.
const shown = (value) => (value === null ? "unknown" : value === true ? "yes" : value === false ? "no"
	: Array.isArray(value) ? value.join(", ") : String(value));

function Facts({ facts }) {
	return html`<dl class="facts">${Object.entries(facts).map(([name, value]) => html`
		<div key=${name}><dt>${words(name)}</dt><dd>${shown(value)}</dd></div>`)}</dl>`;
}

function Items({ title, items }) {
	const columns = [...new Set(items.flatMap((item) => Object.keys(item)))];
	return html`<div class="table-box" tabindex="0" role="region" aria-label=${title}><table class="report">
		<thead><tr>${columns.map((name) => html`<th scope="col" key=${name}>${words(name)}</th>`)}</tr></thead>
		<tbody>${items.map((item, place) => html`<tr key=${place} class=${item.result === "deviates" ? "refused" : ""}>${columns.map((name) => html`
			<td key=${name}>${name === "result" ? MARKS[item.result] ?? shown(item.result) : shown(item[name] ?? null)}</td>`)}</tr>`)}</tbody></table></div>`;
}

function Section({ section }) {
	return html`<section class="report-part" aria-label=${section.title}><h2>${section.title}${section.status !== "known" && html` <span class="muted">(${section.status})</span>`}</h2>
		${section.note && html`<p class="muted">${section.note}</p>`}
		${section.facts && html`<${Facts} facts=${section.facts} />`}
		${section.items?.length > 0 && html`<${Items} title=${section.title} items=${section.items} />`}</section>`;
}

// The rules say first what an auditor has to look at.
function inOrder(sections) {
	return [...sections.filter((one) => one.id === "profile"), ...sections.filter((one) => one.id !== "profile")];
}

function Report({ signed, report, fail }) {
	const savePage = async () => {
		try {
			saveSigned("report.html", await fetchSigned(`${PATH}&format=html`));
		} catch (error) {
			fail(error);
		}
	};
	return html`<div class="title-line report-part"><span class="muted">Made ${report.made} for ${report.asked_by}</span>
		<button onClick=${() => saveSigned("report.json", signed)}>Save as JSON</button>
		<button onClick=${savePage}>Save as a page</button></div>
		${!signed.signature && html`<p class="inline-error">The gateway could not sign this report.</p>`}
		${inOrder(report.sections).map((section) => html`<${Section} key=${section.id} section=${section} />`)}`;
}

export function ReportScreen() {
	const { me } = useCell(session);
	const [made, setMade] = useState({ state: "none" });
	const fail = (error) => setMade({ state: "failed", error });
	const make = async () => {
		setMade({ state: "making" });
		try {
			const signed = await fetchSigned(PATH);
			setMade({ state: "made", signed, report: JSON.parse(await signed.bytes.text()) });
		} catch (error) {
			fail(error);
		}
	};
	if (!may("auditor") || me.scope !== "*") {
		return html`<h1 tabindex="-1">Report</h1><${Wall} kind="right" title="A report takes the role auditor, and the right to see all machines." />`;
	}
	return html`<h1 tabindex="-1">Report</h1>
		<p>What an auditor asks of this host, with the rules of the profile <em>hardened</em>. For it, every page of the machine is walked
			and the whole chain of the audit is verified: that takes some seconds. What cannot be known is said to be unknown.</p>
		<button class="primary" disabled=${made.state === "making"} onClick=${make}>Make the report</button>
		${made.state === "making" ? html`<${Skeleton} lines=${12} />`
			: made.state === "failed" ? html`<${Failure} error=${made.error} reload=${make} />`
			: made.state === "made" && html`<${Report} signed=${made.signed} report=${made.report} fail=${fail} />`}`;
}
