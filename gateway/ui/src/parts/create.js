// SPDX-License-Identifier: MIT
// The form for a new machine.
import { call } from "../api.js";
import { html, useState } from "../lib.js";
import { go } from "../router.js";

const FIELDS = [["kernel", "Kernel", "vmlinuz"], ["initrd", "Initial RAM disk", ""],
	["memory", "Memory", "256M"], ["vcpus", "vCPUs", "1"], ["cmdline", "Kernel's command line", "console=ttyS0"]];

export function Create({ close }) {
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
		${FIELDS.map(([key, label, value]) => html`<label class="field">${label}
			<input name=${key} defaultValue=${value} autocomplete="off" spellcheck=${false} /></label>`)}
		${error && html`<p class="inline-error" role="alert">${error.message}</p>`}
		<div class="buttons"><button type="button" onClick=${close}>Cancel</button>
			<button class="primary" disabled=${busy}>Create</button></div></form>`;
}
