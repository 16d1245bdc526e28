// SPDX-License-Identifier: MIT
// A graph over time by uPlot, which is loaded with the first one; words and a table beside it.
import { duration, moment } from "../format.js";
import { html, useEffect, useRef, useState } from "../lib.js";

const TABLE_ROWS = 12;
const TABLE_STEP = 5;
const HALF_A_TIME_PX = 28;  // A time below the right edge is centred there: half of it stands beyond.

function colour(name) {
	return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
}

const BINARY = Array.from({ length: 45 }, (_, power) => 2 ** power);

function optionsOf(width, height, series, format, top, binary, seconds) {
	const axis = { stroke: colour("--muted"), grid: { stroke: colour("--line"), width: 1 },
		ticks: { show: false }, font: "11px system-ui, sans-serif" };
	return {
		width, height, legend: { show: false }, padding: [8, HALF_A_TIME_PX, 0, 0],
		cursor: { sync: { key: "machine" }, points: { size: 6 }, drag: { x: false, y: false } },
		scales: { y: { range: (_, low, high) => [0, Math.max(top ?? 0, (high ?? 1) * 1.1, 1)] } },
		series: [{}, ...series.map(({ token, fill, dash }) => ({ stroke: colour(token), width: 1.5, dash,
			fill: fill ? colour(fill) : undefined, points: { show: false }, spanGaps: false }))],
		axes: [
			{ ...axis, size: 24, space: 90, values: (_, ticks) => ticks.map((tick) => moment(new Date(tick * 1000), seconds)) },
			{ ...axis, size: 62, space: 28, ...(binary ? { incrs: BINARY } : {}), values: (_, ticks) => ticks.map(format) },
		],
	};
}

function useDrawing(box, { times, series, format, top, height, binary, seconds }) {
	const plot = useRef(null);
	const latest = useRef(null);
	latest.current = [times, ...series.map(({ values }) => values)];
	useEffect(() => {
		const element = box.current;
		let gone = false;
		let library = null;
		const make = () => {
			plot.current?.destroy();
			const options = optionsOf(element.clientWidth, height, series, format, top, binary, seconds);
			plot.current = new library(options, latest.current, element);
		};
		const resize = new ResizeObserver(() => plot.current?.setSize({ width: element.clientWidth, height }));
		const scheme = matchMedia("(prefers-color-scheme: dark)");
		const remake = () => library && make();
		scheme.addEventListener("change", remake);
		import("uplot").then((module) => {
			if (!gone) {
				library = module.default;
				make();
				resize.observe(element);
			}
		});
		return () => {
			gone = true;
			resize.disconnect();
			scheme.removeEventListener("change", remake);
			plot.current?.destroy();
			plot.current = null;
		};
	}, []);
	useEffect(() => plot.current?.setData(latest.current));
}

function DataTable({ times, series, format, title, seconds }) {
	const from = times.length - 1;
	const step = seconds ? Math.ceil(times.length / TABLE_ROWS) : TABLE_STEP;
	const rows = Array.from({ length: TABLE_ROWS }, (_, row) => from - row * step).filter((at) => at >= 0);
	const apart = seconds ? duration(times[step] - times[0]) : `${TABLE_STEP} seconds`;
	return html`<table><caption class="unseen">${title}, every ${apart}</caption>
		<thead><tr><th scope="col">Time</th>${series.map(({ label }) => html`<th scope="col" class="num">${label}</th>`)}</tr></thead>
		<tbody>${rows.map((at) => html`<tr><td>${moment(new Date(times[at] * 1000), seconds)}</td>
			${series.map(({ values }) => html`<td class="num">${values[at] === null ? "–" : format(values[at])}</td>`)}</tr>`)}
		</tbody></table>`;
}

/** seconds: of the time that the graph shows, where it is more than minutes; binary: ticks at powers of two; series: [{ label, values, token: a colour's name, fill, dash: as a canvas has it }]; summary: what the graph says in words. */
export function Graph({ title, times, series, format, top, summary, binary, seconds = 0, height = 110 }) {
	const box = useRef(null);
	const [open, setOpen] = useState(false);
	useDrawing(box, { times, series, format, top, height, binary, seconds });
	return html`<figure class="graph">
		<figcaption><h3>${title}</h3><span class="keys-line">${series.map(({ label, token, values }) => html`
			<span class="legend"><i class="swatch swatch${token}" aria-hidden="true"></i>${label}
				<b>${values.length && values.at(-1) !== null ? format(values.at(-1)) : "–"}</b></span>`)}</span></figcaption>
		<div class="plot" ref=${box} role="img" aria-label=${`${title}: ${summary}`}></div>
		<details onToggle=${(event) => setOpen(event.target.open)}><summary>Data<span class="unseen"> of ${title}</span></summary>
			${open && html`<${DataTable} ...${{ times, series, format, title, seconds }} />`}</details></figure>`;
}
