// SPDX-License-Identifier: MIT
// Icons: a state is told by its shape and its word, never by colour alone.
import { html } from "../lib.js";

const SHAPES = {
	running: html`<path d="M4 2.5v11l9-5.5z" />`,
	paused: html`<path d="M3.5 2.5h3.2v11H3.5zM9.3 2.5h3.2v11H9.3z" />`,
	stopped: html`<path d="M3 3h10v10H3z" />`,
	crashed: html`<path fill-rule="evenodd" d="M5 1h6l4 4v6l-4 4H5l-4-4V5zm2 3v5h2V4zm0 6v2h2v-2z" />`,
	created: html`<path fill="none" stroke="currentColor" stroke-width="2" stroke-dasharray="3 2.2"
		d="M8 2a6 6 0 1 0 .01 0z" />`,
	other: html`<path fill-rule="evenodd" d="M8 1a7 7 0 1 1-.01 0zm0 2v10a5 5 0 0 0 0-10z" />`,
	overview: html`<path d="M2 2h5v7H2zM9 2h5v4H9zM9 8h5v6H9zM2 11h5v3H2z" />`,
	machines: html`<path fill-rule="evenodd" d="M2 2h12v5H2zm0 7h12v5H2zm2-5v1h2V4zm0 7v1h2v-1z" />`,
	consoles: html`<path fill-rule="evenodd" d="M1 2h14v12H1zm2 2v8h10V4zm1.200 1.500l1.100-1.100L8 7.100 5.300 9.800 4.200 8.700l1.600-1.600zM8 9h3.500v1.500H8z" />`,
	volumes: html`<path fill-rule="evenodd" d="M8 1c3.300 0 6 1.100 6 2.500v9C14 13.900 11.300 15 8 15s-6-1.100-6-2.500v-9C2 2.100 4.700 1 8 1zM4 6v2c2 1.300 6 1.300 8 0V6c-2 1-6 1-8 0zm0 4v2c2 1.300 6 1.300 8 0v-2c-2 1-6 1-8 0z" />`,
	images: html`<path fill-rule="evenodd" d="M8 1a7 7 0 1 1-.01 0zm0 5a2 2 0 1 0 .01 0zm0-3.500v1.500A4 4 0 0 1 12 8h1.500A5.500 5.500 0 0 0 8 2.500z" />`,
	networks: html`<path fill-rule="evenodd" d="M6 1h4v4H8.800v2H13v4h1v4h-4v-4h1.500V8.500h-7V11H6v4H2v-4h1V7h4.200V5H6z" />`,
	events: html`<path d="M9.500 1L3 9h4l-1 6 7-9H8.500z" />`,
	alerts: html`<path fill-rule="evenodd" d="M8 1l7 13H1zm-1 5v4h2V6zm0 5v2h2v-2z" />`,
	log: html`<path d="M2 3h12v2H2zM2 7h9v2H2zM2 11h11v2H2z" />`,
	audit: html`<path fill-rule="evenodd" d="M8 1l6 2v5c0 3.500-2.500 6-6 7-3.500-1-6-3.500-6-7V3zm-1 9.500l4.500-4.500-1.200-1.200L7 8.100 5.700 6.800 4.500 8z" />`,
	report: html`<path fill-rule="evenodd" d="M3 1h7l3 3v11H3zm2 5v1.500h6V6zm0 3v1.500h6V9zm0 3v1.500h4V12z" />`,
	access: html`<path fill-rule="evenodd" d="M5 3a4 4 0 1 0 3.800 5H11v2.500h2V8h2V6H8.800A4 4 0 0 0 5 3zm0 2.500a1.500 1.500 0 1 1-.01 0z" />`,
	host: html`<path fill-rule="evenodd" d="M4 4h8v8H4zm2 2v4h4V6zM5 1h1.500v2H5zM9.500 1H11v2H9.500zM5 13h1.500v2H5zM9.500 13H11v2H9.500zM1 5h2v1.500H1zM1 9.500h2V11H1zM13 5h2v1.500h-2zM13 9.500h2V11h-2z" />`,
	search: html`<path fill="none" stroke="currentColor" stroke-width="2" d="M6.500 2a4.500 4.500 0 1 0 .01 0zM10 10l4 4" />`,
};

export function Icon({ name }) {
	return html`<svg class="icon" viewBox="0 0 16 16" aria-hidden="true" fill="currentColor">
		${SHAPES[name] ?? SHAPES.other}</svg>`;
}

export function State({ vm }) {
	return html`<span class="state state-${SHAPES[vm.state] ? vm.state : "other"}">
		<${Icon} name=${vm.state} /> ${vm.state}</span>`;
}
