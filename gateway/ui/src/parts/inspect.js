// SPDX-License-Identifier: MIT
// Fields of a machine's state by name: only for admins, and where the link may look into guests.
import { call, may, useLoad } from "../api.js";
import { html, useState } from "../lib.js";

export function Inspect({ vm }) {
	const { data } = useLoad(may("admin") ? "/host" : null);
	const [shown, setShown] = useState({ items: null, error: "" });
	if (!data?.rights?.includes("inspect")) {
		return null;
	}
	const show = async (event) => {
		event.preventDefault();
		const query = new URLSearchParams({ path: event.target.path.value.trim() });
		try {
			setShown({ ...await call("GET", `/vms/${encodeURIComponent(vm.name)}/inspect?${query}`), error: "" });
		} catch (problem) {
			setShown({ items: null, error: problem.message });
		}
	};
	return html`<section class="tile" aria-label="State"><h2>State</h2>
		<form class="title-line" onSubmit=${show}><input name="path" required aria-label="Field, or the beginning of its name"
			placeholder="vcpu.0" autocomplete="off" spellcheck=${false} /><button>Show</button></form>
		${shown.items && html`<div class="table-box" tabindex="0" role="region" aria-label="Fields"><table class="plain fields">
			<thead><tr><th scope="col">Field</th><th scope="col">Value</th></tr></thead><tbody>${shown.items.map((item) => html`
			<tr key=${item.path}><th scope="row">${item.path}</th><td><code>${item.hex ?? `0x${BigInt(item.value).toString(16)}`}</code></td></tr>`)}
			</tbody></table></div>`}
		${shown.error && html`<p class="inline-error" role="alert">${shown.error}</p>`}</section>`;
}
