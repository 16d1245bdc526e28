// SPDX-License-Identifier: MIT
// A machine's keys: what they are, when a change applies, and saving only what nobody else changed.
import { may, request, useLoad } from "../api.js";
import { announce } from "../announce.js";
import { appliesText, changesNow } from "../applies.js";
import { grouped, meant, wordsOf } from "../config_keys.js";
import { html, useEffect, useState } from "../lib.js";
import { Failure, Skeleton } from "./states.js";

/** { config, etag, error, load, save }: a machine's keys; save(changes) throws when somebody else has changed them. */
export function useConfiguration(name) {
	const [held, setHeld] = useState({ config: null, etag: null, error: null });
	const path = `/vms/${encodeURIComponent(name)}`;
	const take = async (response) => {
		const body = await response.json();
		setHeld({ config: body.config ?? {}, etag: response.headers.get("ETag"), error: null });
	};
	const load = async () => {
		try {
			await take(await request("GET", path));
		} catch (error) {
			setHeld({ config: null, etag: null, error });
		}
	};
	useEffect(() => {
		load();
	}, [name]);
	const save = async (changes) => {
		await request("PATCH", path, { config: changes }, held.etag ? { "If-Match": held.etag } : {});
		await load();
	};
	return { ...held, load, save };
}

/* As the server decides it: these look into a guest, take memory and drop backups. */
const FOR_ADMINS = ["trap", "disk.undo", "backup"];
const mayChange = (key, applies, state) => changesNow(applies, state) &&
	(may("admin") || (may("operator") && applies === "now" && !FOR_ADMINS.includes(key)));

function Value({ name, value, property, onChange }) {
	const words = wordsOf(property);
	return words ? html`<select aria-label=${name} value=${value} onChange=${(event) => onChange(event.target.value)}>
		${(words.includes(value) ? words : [value, ...words]).map((word) => html`<option key=${word}>${word}</option>`)}</select>`
		: html`<input aria-label=${name} value=${value} title=${meant(property)} autocomplete="off" spellcheck=${false}
			onInput=${(event) => onChange(event.target.value)} />`;
}

function Group({ title, keys, vm, config, properties, changes, setChanges }) {
	const change = (key, value) => {
		const { [key]: _, ...others } = changes;
		setChanges(value === config[key].value ? others : { ...others, [key]: value });
	};
	return html`<table class="plain config"><caption>${title}</caption><thead class="unseen"><tr><th scope="col">Key</th><th scope="col">Value</th>
		<th scope="col">What it takes</th><th scope="col">A change applies</th></tr></thead>
		<tbody>${keys.map((key) => html`<tr key=${key} class=${key in changes ? "changed" : ""}><th scope="row">${key}</th>
			<td>${mayChange(key, config[key].applies, vm.state) ? html`<${Value} name=${`${key} of ${vm.name}`} value=${changes[key] ?? config[key].value}
				property=${properties[key]} onChange=${(value) => change(key, value)} />` : config[key].value}</td>
			<td class="opt-2 muted small">${meant(properties[key])}</td>
			<td class="opt-2 small">${appliesText(config[key].applies, vm.state)}</td></tr>`)}</tbody></table>`;
}

function Editor(given) {
	/* The API's own description says what each key takes; without it each is a field of text. */
	const description = useLoad("/openapi.json");
	const properties = description.data?.components?.schemas?.VmConfig?.properties ?? {};
	return description.loading ? html`<${Skeleton} lines=${6} />` : grouped(Object.keys(given.config)).map(([title, keys]) => html`<${Group} key=${title} ...${{ ...given, title, keys, properties }} />`);
}

export function Configuration({ vm }) {
	const { config, error, load, save } = useConfiguration(vm.name);
	const [changes, setChanges] = useState({});
	const [problem, setProblem] = useState("");
	const changed = Object.keys(changes);
	const reload = () => {
		setChanges({});
		setProblem("");
		load();
	};
	const submit = async (event) => {
		event.preventDefault();
		try {
			await save(changes);
			setChanges({});
			setProblem("");
			announce(`${vm.name}: configuration saved.`);
		} catch (failure) {
			setProblem(failure.message);
		}
	};
	return html`<section class="tile" aria-label="Configuration"><h2>Configuration</h2>
		${error ? html`<${Failure} error=${error} reload=${load} />` : !config ? html`<${Skeleton} lines=${6} />` : html`
		<form onSubmit=${submit}><${Editor} ...${{ vm, config, changes, setChanges }} />
		${changed.length > 0 && html`<div class="diff"><h3>Changes</h3><ul>${changed.map((key) => html`<li key=${key}>
			<code>${key}: ${config[key].value} → ${changes[key]}</code> applies ${appliesText(config[key].applies, vm.state)}</li>`)}</ul>
			<div class="buttons"><button type="button" onClick=${reload}>Discard</button><button class="primary">Save</button></div></div>`}
		${problem && html`<p class="inline-error" role="alert">Not saved: ${problem} <button type="button" onClick=${reload}>Load it anew</button></p>`}
		</form>`}</section>`;
}
