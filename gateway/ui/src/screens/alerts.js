// SPDX-License-Identifier: MIT
// Rules that say when something is out of its bounds: what fires, and new ones with a look at what they would have done.
import { call, may, useLoad } from "../api.js";
import { bytes, duration, plural, rate } from "../format.js";
import { html, useRef, useState } from "../lib.js";
import { useAct } from "../parts/act.js";
import { confirm } from "../parts/dialogs.js";
import { Loaded, Wall } from "../parts/states.js";

const EVERY_MS = 5000;
const SERIES = {
	vm : [
		"cpu_percent", "steal_percent", "halted_percent", "exits_per_s", "resident_bytes",
		"disk_read_bytes_per_s", "disk_written_bytes_per_s", "net_received_bytes_per_s",
		"net_sent_bytes_per_s"
	],
	disk : [ "requests_per_s", "read_bytes_per_s", "written_bytes_per_s" ],
	net : [ "frames_per_s", "bytes_per_s", "dropped_per_s" ],
	store : [ "free_bytes", "used_bytes" ],
	host : [ "busy_percent", "free_bytes" ],
};
const KINDS = {
	vm : "machine",
	disk : "disk",
	net : "network",
	store : "store",
	host : "host"
};
const MARKS = { firing: "✗ firing", pending: "… pending", ok: "✓ ok", "no-samples": "no samples" };

function shown(series, value) {
	return value === null ? "–" : series.includes("bytes") ? `${bytes(value)}${series.endsWith("_s") ? "/s" : ""}`
		: series.endsWith("percent") ? `${Math.round(value * 10) / 10} %` : rate(value);
}

function Things({ rule }) {
	return html`<ul>${rule.items.map((thing) => html`<li key=${thing.what}>${thing.what}: ${shown(rule.series, thing.value)}${thing.since
		? `, for ${duration(Math.max(0, Date.now() / 1000 - thing.since))}` : ", not yet for long enough"}</li>`)}</ul>
		${rule.firing + rule.pending > rule.items.length && html`<p class="muted">and ${rule.firing + rule.pending - rule.items.length} more</p>`}`;
}

function Rule({ rule, act }) {
	const drop = async () => await confirm({ title: `Drop the rule ${rule.name}?`, label: "Drop", text: "What fires ends." }) &&
		act(`Rule ${rule.name} dropped.`, "DELETE", `/alerts/${encodeURIComponent(rule.name)}`, undefined);
	return html`<tr class=${rule.state === "firing" ? "refused" : ""}><th scope="row">${
		rule.name}</th><td>${MARKS[rule.state]}</td><td class="opt-2">${rule.severity}</td>
		<td>${rule.what}</td><td>${rule.series} ${rule.comparison} ${
		shown(rule.series,
		      rule.threshold)}${rule.hold_s ? ` for ${duration(rule.hold_s)}` : ""}</td>
		<td class="num">${shown(rule.series, rule.value)}</td><td>${
		rule.items.length > 0 && html`<${Things} rule=${rule} />`}
			${
		rule.delivery && html`<p class="small muted">Web hook: ${rule.delivery}</p>`}${
		rule.mail_delivery &&
		html`<p class="small muted">Mail: ${rule.mail_delivery}</p>`}</td>
		<td>${
		may("admin") && "url" in rule &&
		html`<button class="danger-quiet" aria-label=${`Drop ${rule.name}`} onClick=${
			drop}>Drop</button>`}</td></tr>`;
}

function ruleOf(form) {
	const text = (name) => form[name].value.trim();
	const rule = { name: text("name"), what: text("kind") === "host" ? "host" : `${text("kind")}/${text("of")}`, series: text("series"),
		comparison: text("comparison"), severity: text("severity"), threshold: Number(text("threshold")), hold_s: Number(text("hold") || 0) };
	return {
		...rule,
		...(text("clear") && {clear : Number(text("clear"))}),
		...(text("url") && {url : text("url")}),
		...(text("mail") && {mail : text("mail")})
	};
}

function Preview({ found }) {
	return html`<p role="status">It would have fired <strong>${plural(found.count, "time")}</strong> in the last week${found.count ? ":" : ","}
		${!found.count && ` by what is kept of ${plural(found.things, "thing")}.`}</p>
		${found.count > 0 && html`<ul>${found.items.slice(0, 10).map((one) => html`<li key=${one.what + one.from}>${one.what},
			${new Date(one.from * 1000).toISOString().slice(0, 16).replace("T", " ")} UTC${one.to ? `, for ${duration(one.to - one.from)}` : ", and still"}</li>`)}</ul>`}`;
}

function Create({ act }) {
	const [kind, setKind] = useState("vm");
	const [result, setResult] = useState({});
	const form = useRef(null);
	const preview = async () => {
		const {name, url, mail, ...rule} = ruleOf(form.current);
		try {
			setResult({ found: await call("POST", "/alerts/preview", { ...rule, name: name || "preview" }) });
		} catch (error) {
			setResult({ error: error.message });
		}
	};
	const create = async (event) => {
		event.preventDefault();
		const rule = ruleOf(form.current);
		const made = await act(`Rule ${rule.name} made.`, "POST", "/alerts", rule);
		setResult(made?.secret ? { secret: made.secret } : {});
	};
	const option = (value, text = value) => html`<option key=${value} value=${value}>${text}</option>`;
	return html`<section class="tile wide-tile" aria-label="New rule"><h2>New rule</h2><form ref=${
		form} onSubmit=${create} class="title-line">
		<input name="name" required maxlength="31" size="12" aria-label="Name of the rule" placeholder="name" autocomplete="off" spellcheck=${
		false} />
		<select name="kind" aria-label="Kind of thing" onChange=${
		(event) => setKind(event.target.value)}>${
		Object.entries(KINDS).map(([ each, word ]) => option(each, word))}</select>
		<input name="of" required=${kind !== "host"} disabled=${
		kind ===
		"host"} maxlength="63" size="12" aria-label="Name of the thing, with * and ?" placeholder="web-*"
			autocomplete="off" spellcheck=${false} />
		<select name="series" aria-label="Value">${
		SERIES[kind].map((each) => option(each))}</select>
		<select name="comparison" aria-label="Comparison">${
			["above", "below"].map((each) => option(each))}</select>
		<input name="threshold" required type="number" min="0" step="any" aria-label="Threshold" placeholder="90" />
		<input name="clear" type="number" min="0" step="any" aria-label="Ends at" placeholder="ends at" />
		<input name="hold" type="number" min="0" max="86400" step="1" aria-label="Seconds that it has to last" placeholder="seconds" />
		<select name="severity" aria-label="Severity">${
			["warning", "critical", "info"].map((each) => option(each))}</select>
		<input name="url" type="url" maxlength="511" aria-label="Web hook" placeholder="https:// web hook" autocomplete="off" />
		<input name="mail" type="email" maxlength="254" aria-label="Mail to" placeholder="mail to" autocomplete="off" />
		<button type="button" onClick=${
		() => form.current.reportValidity() &&
		      preview()}>Preview</button><button>Make rule</button></form>
		${result.error && html`<p class="inline-error" role="alert">${result.error}</p>`}${
		result.found && html`<${Preview} found=${result.found} />`}
		${
		result.secret &&
		html`<p role="status">The web hook's secret, which is shown once: <code>${
			result.secret}</code></p>`}</section>`;
}

export function AlertsScreen() {
	const list = useLoad("/alerts", EVERY_MS);
	const { act: change, failure } = useAct();
	const act = async (...request) => {
		const answer = await change(...request);
		list.reload();
		return answer;
	};
	return html`<h1 tabindex="-1">Alerts</h1><${Loaded} from=${list} lines=${4}>${
		({items}) => (
			items.length
				? html`<div class="table-box" tabindex="0" role="region"
		aria-label="Table of the rules"><table class="plain"><thead><tr><th scope="col">Rule</th><th scope="col">State</th><th scope="col" class="opt-2">Severity</th>
		<th scope="col">Of</th><th scope="col">Fires when</th><th scope="col" class="num">Value</th><th scope="col">Now</th>
		<th scope="col"><span class="unseen">Actions</span></th></tr></thead><tbody>${
					  items.map((rule) => html`<${Rule} key=${rule.name} rule=${
							    rule} act=${
							    act} />`)}</tbody></table></div>`
				: html`<${Wall} title="There are no rules yet."><p>A rule says when a machine, a disk, a network, a store or the host is out of its bounds.</p><//>`)}<//>
		${failure}${may("admin") && html`<${Create} act=${act} />`}`;
}
