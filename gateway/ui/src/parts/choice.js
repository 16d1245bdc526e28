// SPDX-License-Identifier: MIT
// One of some values, which the address holds; "all" takes it out of there.
import { html } from "../lib.js";
import { setQuery } from "../router.js";

/** `words` says each value in words; a value of the address that is not among `values` is offered, too. */
export function Choice({ id, label, values, value, words = (one) => one }) {
	const all = value && !values.includes(value) ? [value, ...values] : values;
	return html`<label class="choice">${label}<select value=${value ?? ""} onChange=${(event) => setQuery({ [id]: event.target.value })}>
		<option value="">all</option>${all.map((one) => html`<option key=${one} value=${one} selected=${one === value}>${words(one)}</option>`)}</select></label>`;
}
