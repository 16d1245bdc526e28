// SPDX-License-Identifier: MIT
// The form for a new machine.
import { call, useLoad } from "../api.js";
import { newMachine } from "../defaults.js";
import { html, useState } from "../lib.js";
import { go } from "../router.js";
import { vms } from "../stream.js";

const FIELDS = [["kernel", "Kernel"], ["initrd", "Initial RAM disk"], ["memory", "Memory"], ["vcpus", "vCPUs"],
	["cmdline", "Kernel's command line"]];

/** Filled in as the first machine is, which shows what files there are and what starts here. */
export function Create({ close }) {
	const [first] = [...(vms.get()?.keys() ?? [])].sort();
	const model = useLoad(first ? `/vms/${encodeURIComponent(first)}` : null);
	const host = useLoad("/host");
	if ((first && model.loading) || host.loading) {
		return html`<form><h2>New machine</h2><p class="muted">Looking at what there is</p></form>`;
	}
	return html`<${Form} close=${close} values=${newMachine(model.data?.config, host.data?.memory?.free_bytes)} />`;
}

function Form({ close, values }) {
	const [error, setError] = useState(null);
	const [busy, setBusy] = useState(false);
	const submit = async (event) => {
		event.preventDefault();
		const given = Object.fromEntries(new FormData(event.target));
		const name = given.name.trim();
		delete given.name;
		setBusy(true);
		try {
			await call("POST", "/vms", { name,
				config: Object.fromEntries(Object.entries(given).filter(([, value]) => value)) });
			close();
			go("machines", name);
		} catch (problem) {
			setError(problem);
			setBusy(false);
		}
	};
	return html`<form onSubmit=${submit}><h2>New machine</h2>
		<label class="field">Name<input name="name" required autofocus autocomplete="off" spellcheck=${false} /></label>
		${FIELDS.map(([key, label]) => html`<label class="field">${label}
			<input name=${key} defaultValue=${values[key]} autocomplete="off" spellcheck=${false} /></label>`)}
		${error && html`<p class="inline-error" role="alert">${error.message}</p>`}
		<div class="buttons"><button type="button" onClick=${close}>Cancel</button>
			<button class="primary" disabled=${busy}>Create</button></div></form>`;
}
