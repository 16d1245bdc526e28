// SPDX-License-Identifier: MIT
// A machine's keys: what they are, when a change applies, and saving only what nobody else changed.
import { may, request } from "../api.js";
import { announce } from "../announce.js";
import { appliesText, changesNow } from "../applies.js";
import { html, useEffect, useState } from "../lib.js";
import { Failure, Skeleton } from "./states.js";

function useConfiguration(name) {
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

/* As the server decides it; `trap` looks into a guest. */
const mayChange = (key, applies, state) => changesNow(applies, state) &&
	(may("admin") || (may("operator") && applies === "now" && key !== "trap"));

function Editor({ vm, config, changes, setChanges }) {
	return html`<table class="plain config"><thead><tr><th scope="col">Key</th><th scope="col">Value</th><th scope="col" class="opt-2">A change applies</th></tr></thead>
		<tbody>${Object.entries(config).map(([key, { value, applies }]) => html`<tr key=${key} class=${key in changes ? "changed" : ""}>
			<th scope="row">${key}</th><td>${mayChange(key, applies, vm.state) ? html`<input aria-label=${`${key} of ${vm.name}`} value=${changes[key] ?? value}
				autocomplete="off" spellcheck=${false} onInput=${(event) => {
					const next = { ...changes, [key]: event.target.value };
					if (event.target.value === value) {
						delete next[key];
					}
					setChanges(next);
				}} />` : value}</td><td class="opt-2">${appliesText(applies, vm.state)}</td></tr>`)}</tbody></table>`;
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
