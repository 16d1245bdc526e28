// SPDX-License-Identifier: MIT
// One of some disks, to be chosen by name and size.
import { bytes } from "../format.js";
import { html } from "../lib.js";

/** Nobody uses it, so that it can be written to. */
export const usable = ({ state, users }) => state === "ready" && !users;

/** `none`: the words for no choice, which is "". */
export function DiskChoice({ label, value, from, none, onChoose }) {
	return html`<label>${label} <select value=${value} onChange=${(event) => onChoose(event.target.value)}>
		${none && html`<option value="">${none}</option>`}
		${from.map(({ name, bytes: size }) => html`<option key=${name} value=${name}>${name} (${bytes(size)})</option>`)}</select></label>`;
}
