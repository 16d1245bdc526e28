// SPDX-License-Identifier: MIT
// What a machine's RAM and state are, each as SHA-256.
import { may } from "../api.js";
import { html, useState } from "../lib.js";
import { useAct } from "./act.js";

export function Digest({ vm }) {
	const [digest, setDigest] = useState(null);
	const { act, busy, failure } = useAct();
	const live = vm.state === "running" || vm.state === "paused";
	const make = async () => setDigest(await act(`${vm.name} is digested.`, "POST",
		`/vms/${encodeURIComponent(vm.name)}/actions/digest`, {}));
	if (!may("operator")) {
		return null;
	}
	return html`<section class="tile" aria-label="Digest"><h2>Digest</h2>
		<p class="muted">${live ? "SHA-256 of its memory and its state. The machine stands still meanwhile."
			: "Only while the machine runs."}</p>
		${live && html`<p class="title-line"><button disabled=${busy} onClick=${make}>Digest</button>
			${busy && html`<span class="muted">under way</span>`}</p>`}
		${digest && html`<dl class="facts digest"><div><dt>Memory</dt><dd><code>${digest.ram}</code></dd></div>
			<div><dt>State</dt><dd><code>${digest.state}</code></dd></div></dl>`}${failure}</section>`;
}
