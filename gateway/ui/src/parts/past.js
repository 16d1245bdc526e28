// SPDX-License-Identifier: MIT
// What skerryd remembers of a machine or the host: graphs of the last hour, day or month.
import { call } from "../api.js";
import { html, useEffect, useState } from "../lib.js";
import { mean } from "../slow.js";
import { Graph } from "./graph.js";

/** For each time that can be chosen: its label, its seconds and those of a point. */
const SPANS = { hour: ["Hour", 3600, 10], day: ["Day", 86400, 300], month: ["Month", 31 * 86400, 7200] };
const LEAST_WAIT_S = 10;

/** Buttons for the time that graphs show; `live` is whether there are graphs of the last minutes too. */
export function SpanChoice({ span, choose, live }) {
	const all = [...(live ? [["live", ["Live"]]] : []), ...Object.entries(SPANS)];
	return html`<div class="spans" role="group" aria-label="Time of the graphs">${all.map(([name, [label]]) => html`
		<button key=${name} aria-pressed=${name === span ? "true" : "false"} onClick=${() => choose(name)}>${label}</button>`)}</div>`;
}

/** { times, series: { NAME: { mean, least, most } } } of `what`, { error }, or null until it has come. */
function usePast(what, span) {
	const [past, setPast] = useState(null);
	useEffect(() => {
		const [, length, step] = SPANS[span];
		let gone = false;
		const load = async () => {
			let next;
			try {
				const from = Math.floor(Date.now() / 1000) - length;
				const found = await call("GET", `/history?what=${what}&from=${from}&step=${step}`);
				const count = found.series[0].mean.length;
				next = { span, what, times: Array.from({ length: count }, (_, at) => found.from + at * found.step),
					series: Object.fromEntries(found.series.map((one) => [one.name, one])) };
			} catch (error) {
				next = { span, what, error };
			}
			if (!gone) {
				setPast(next);
			}
		};
		load();
		const timer = setInterval(() => document.hidden || load(), Math.max(step, LEAST_WAIT_S) * 1000);
		return () => {
			gone = true;
			clearInterval(timer);
		};
	}, [what, span]);
	return past?.span === span && past.what === what ? past : null;
}

function summary(series, format) {
	const known = series.mean.filter((value) => value !== null);
	return known.length ? `mean ${format(mean(known))}, highest ${format(Math.max(...series.most.filter((value) => value !== null)))}`
		: "nothing known";
}

/**
 * Graphs of `what` ("host", "vm/NAME"). graphs: [{ title, format, top, binary, lines: [{ label, of: a series'
 * name, kind: "mean" | "least" | "most", token, fill }] }].
 */
export function PastGraphs({ what, span, graphs }) {
	const past = usePast(what, span);
	if (!past) {
		return html`<p class="muted small">The history is fetched.</p>`;
	}
	if (past.error) {
		return html`<p class="inline-error">The history could not be fetched: ${past.error.message}</p>`;
	}
	const known = past.series[graphs[0].lines[0].of].mean.findIndex((value) => value !== null);
	return html`${graphs.map(({ title, format, top, binary, lines }) => html`<${Graph} key=${`${title} ${span}`} title=${title}
			times=${past.times} format=${format} top=${top} binary=${binary} seconds=${SPANS[span][1]}
			summary=${lines.filter(({ kind }) => !kind || kind === "mean").map(({ label, of }) => `${label} ${summary(past.series[of], format)}`).join("; ")}
			series=${lines.map(({ label, of, kind = "mean", token, fill }) => ({ label, values: past.series[of][kind], token, fill }))} />`)}
		<p class="muted small">${known < 0 ? "Nothing is known of this time." : `Since ${new Date(past.times[known] * 1000).toLocaleString("en-GB")}.`}
			${" A point is the mean of its time; highest is the highest second in it."}</p>`;
}
