// SPDX-License-Identifier: MIT
// When something will be used up, in a sentence for each of its series.
import { useLoad } from "../api.js";
import { forecastWords } from "../forecast.js";
import { html } from "../lib.js";

const EVERY_MS = 600000;

/** what: "host", "vm/NAME" or "store/NAME"; subject: what the sentences are about, if not what the series say. */
export function Forecast({ what, subject }) {
	const { data } = useLoad(`/forecast?what=${what}`, EVERY_MS);
	return data && html`<ul class="small muted" aria-label=${`Forecast of ${what}`}>${data.items.map((item) => html`
		<li key=${item.series}>${forecastWords(item, subject)}</li>`)}</ul>`;
}
