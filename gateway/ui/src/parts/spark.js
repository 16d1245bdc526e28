// SPDX-License-Identifier: MIT
// A line of the last two minutes, small enough for a row of a table.
import { html } from "../lib.js";

const POINTS = 120;
const WIDTH = 120;
const HEIGHT = 24;

/** Where values end, gaps in between left out: an SVG path. `top` is the value at the upper edge. */
function pathOf(values, top) {
	const shown = values.slice(-POINTS);
	let path = "";
	let pen = false;
	shown.forEach((value, place) => {
		if (value === null) {
			pen = false;
			return;
		}
		const x = WIDTH - (shown.length - 1 - place) * WIDTH / (POINTS - 1);
		const y = HEIGHT - 1 - Math.min(1, value / top) * (HEIGHT - 2);
		path += `${pen ? "L" : "M"}${x.toFixed(1)} ${y.toFixed(1)}`;
		pen = true;
	});
	return path;
}

export function Spark({ values = [], top = 100 }) {
	return html`<svg class="spark" viewBox="0 0 ${WIDTH} ${HEIGHT}" preserveAspectRatio="none" aria-hidden="true">
		<path d=${pathOf(values, top)} fill="none" vector-effect="non-scaling-stroke" /></svg>`;
}
