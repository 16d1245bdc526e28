// SPDX-License-Identifier: MIT
import { html, useCell } from "../lib.js";
import { link } from "../router.js";
import { vms } from "../stream.js";
import { ConsolePane } from "../parts/console_pane.js";
import { State } from "../parts/icons.js";
import { Skeleton, Wall } from "../parts/states.js";

export function ConsoleScreen({ name }) {
	const map = useCell(vms);
	const vm = map?.get(name);
	return html`<div class="console-screen">
		<div class="title-line"><h1 tabindex="-1">Console of ${name}</h1>${vm && html`<${State} vm=${vm} />`}
			<a class="push" href=${link("machines", name)}>Back to ${name}</a></div>
		${vm ? html`<${ConsolePane} name=${name} full />` : map ? html`
			<${Wall} title="There is no machine of this name, or it is not yours to see."><a href="#/machines">All machines</a><//>`
			: html`<${Skeleton} lines=${10} />`}</div>`;
}
