// SPDX-License-Identifier: MIT
// What skerryd remembers of a machine or the host: graphs of the last hour, day or month, beside those of before.
import { call } from "../api.js";
import { html, useEffect, useState } from "../lib.js";
import { mean } from "../slow.js";
import { Forecast } from "./forecast.js";
import { Graph } from "./graph.js";

/** For each time that can be chosen: its label, its seconds and those of a point. */
const SPANS = { hour: ["Hour", 3600, 10], day: ["Day", 86400, 300], month: ["Month", 31 * 86400, 7200] };
const DAY_S = 86400;
/** What a time can be compared with, by how many seconds earlier that was. */
const DAYS_BEFORE = { yesterday: ["Yesterday", DAY_S], week: ["A week ago", 7 * DAY_S] };
const BEFORE = { hour: DAYS_BEFORE, day: DAYS_BEFORE, month: { month: ["Four weeks ago", 28 * DAY_S] } };
/** Seconds are kept for an hour: with another day's an hour is compared by minutes. */
const LEAST_STEP_BEFORE_S = 60;
const LEAST_WAIT_S = 10;
/** The time whose graphs have a forecast, which is made of as much. */
const FORECAST_SPAN = "month";

/** Buttons for the time that graphs show; `live` is whether there are graphs of the last minutes too. */
export function SpanChoice({ span, choose, live }) {
	const all = [...(live ? [["live", ["Live"]]] : []), ...Object.entries(SPANS)];
	return html`<div class="spans" role="group" aria-label="Time of the graphs">${all.map(([name, [label]]) => html`
		<button key=${name} aria-pressed=${name === span ? "true" : "false"} onClick=${() => choose(name)}>${label}</button>`)}</div>`;
}

/** Buttons for what the graphs are compared with; the one that is pressed goes off again. */
function BeforeChoice({ span, before, choose }) {
	return html`<div class="spans" role="group" aria-label="Compare with">${Object.entries(BEFORE[span]).map(([name, [label]]) => html`
		<button key=${name} aria-pressed=${name === before ? "true" : "false"} onClick=${() => choose(name === before ? null : name)}>${label}</button>`)}</div>`;
}

const byName = (found) => Object.fromEntries(found.series.map((one) => [one.name, one]));

/**
 * { times, series: { NAME: { mean, least, most } }, earlier: as series, or null } of `what`, { error }, or null
 * until it has come. `before` is a name of BEFORE[span], or null.
 */
function usePast(what, span, before) {
	const [past, setPast] = useState(null);
	useEffect(() => {
		const [, length, usual] = SPANS[span];
		const step = before ? Math.max(usual, LEAST_STEP_BEFORE_S) : usual;
		const shift = before ? BEFORE[span][before][1] : 0;
		let gone = false;
		const load = async () => {
			let next;
			try {
				const from = Math.floor(Date.now() / 1000) - length;
				const found = await call("GET", `/history?what=${what}&from=${from}&step=${step}`);
				const earlier = before && await call("GET",
					`/history?what=${what}&from=${found.from - shift}&to=${found.to - shift}&step=${step}`);
				const count = found.series[0].mean.length;
				next = { span, what, before, times: Array.from({ length: count }, (_, at) => found.from + at * found.step),
					series: byName(found), earlier: earlier && byName(earlier) };
			} catch (error) {
				next = { span, what, before, error };
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
	}, [what, span, before]);
	return past?.span === span && past.what === what && past.before === before ? past : null;
}

function summary(series, format) {
	const known = series.mean.filter((value) => value !== null);
	return known.length ? `mean ${format(mean(known))}, highest ${format(Math.max(...series.most.filter((value) => value !== null)))}`
		: "nothing known";
}

/** The lines of a graph; the first one has beside it, dashed, what it was before. */
function linesOf(past, lines, label) {
	const now = lines.map((line) => ({ label: line.label, values: past.series[line.of][line.kind ?? "mean"], token: line.token, fill: line.fill }));
	return past.earlier ? [...now, { label: `${lines[0].label} ${label}`, values: past.earlier[lines[0].of].mean, token: "--muted", dash: [5, 4] }] : now;
}

function wordsOf(past, lines, label, format) {
	const now = lines.filter(({ kind }) => !kind || kind === "mean").map((line) => `${line.label} ${summary(past.series[line.of], format)}`);
	return (past.earlier ? [...now, `${lines[0].label} ${label} ${summary(past.earlier[lines[0].of], format)}`] : now).join("; ");
}

function firstKnown(series) {
	return series.mean.findIndex((value) => value !== null);
}

/**
 * Graphs of `what` ("host", "vm/NAME"). graphs: [{ title, format, top, binary, lines: [{ label, of: a series'
 * name, kind: "mean" | "least" | "most", token, fill }] }].
 */
export function PastGraphs({ what, span, graphs }) {
	const [chosen, choose] = useState(null);
	const before = chosen in BEFORE[span] ? chosen : null;
	const past = usePast(what, span, before);
	const choice = html`<${BeforeChoice} span=${span} before=${before} choose=${choose} />`;
	if (!past) {
		return html`${choice}<p class="muted small">The history is fetched.</p>`;
	}
	if (past.error) {
		return html`${choice}<p class="inline-error">The history could not be fetched: ${past.error.message}</p>`;
	}
	const main = graphs[0].lines[0].of;
	const known = firstKnown(past.series[main]);
	const label = before && BEFORE[span][before][0].toLowerCase();
	return html`${choice}${graphs.map(({ title, format, top, binary, lines }) => html`<${Graph} key=${`${title} ${span} ${before}`} title=${title}
			times=${past.times} format=${format} top=${top} binary=${binary} seconds=${SPANS[span][1]}
			summary=${wordsOf(past, lines, label, format)} series=${linesOf(past, lines, label)} />`)}
		<p class="muted small">${known < 0 ? "Nothing is known of this time." : `Since ${new Date(past.times[known] * 1000).toLocaleString("en-GB")}.`}
			${" A point is the mean of its time; highest is the highest second in it."}
			${past.earlier && firstKnown(past.earlier[main]) < 0 && ` Nothing is known of ${label}.`}</p>
		${span === FORECAST_SPAN && html`<${Forecast} what=${what} />`}`;
}
