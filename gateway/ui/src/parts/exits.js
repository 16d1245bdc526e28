// SPDX-License-Identifier: MIT
// Why the guest was left, by reason.
import { useLoad } from "../api.js";
import { count, percent, rate } from "../format.js";
import { html } from "../lib.js";
import { Loaded } from "./states.js";

const EVERY_MS = 5000;

function each({ count: times, cycles }) {
	return cycles === null || times === "0" ? "–" : count(String(BigInt(cycles) / BigInt(times)));
}

export function Exits({ vm }) {
	const exits = useLoad(`/vms/${encodeURIComponent(vm.name)}/exits`, EVERY_MS);
	const now = vm.sample?.exits ?? {};
	return html`<section class="tile" aria-label="Exits by reason"><h2>Exits by reason</h2>
		<${Loaded} from=${exits} lines=${5}>${({ items }) => {
			if (!items.length) {
				return html`<p class="muted">None yet.</p>`;
			}
			const total = Math.max(1, Object.values(now).reduce((sum, value) => sum + value, 0));
			return html`<div class="table-box" tabindex="0" role="region" aria-label="Table of exits"><table class="plain exits">
				<thead><tr><th scope="col">Reason</th><th scope="col" class="num">Now/s</th><th scope="col">Share</th>
					<th scope="col" class="num">Since start</th><th scope="col" class="num opt-2">Cycles each</th></tr></thead>
				<tbody>${items.map((item) => {
					const share = 100 * (now[item.reason] ?? 0) / total;
					return html`<tr key=${item.reason}><th scope="row">${item.reason}</th><td class="num value">${rate(now[item.reason] ?? 0)}</td>
						<td class="bar-cell"><div class="bar bar-thin" aria-hidden="true"><i class="part-3" style=${{ width: `${share}%` }}></i></div>
							<span class="unseen">${percent(share)}</span></td>
						<td class="num">${count(item.count)}</td><td class="num opt-2">${each(item)}</td></tr>`;
				})}</tbody></table></div>`;
		}}<//></section>`;
}
