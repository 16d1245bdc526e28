// SPDX-License-Identifier: MIT
// What machines are made of: the files that the host was booted with, and the volumes of each store that can be started from.
import { may, session, useLoad } from "../api.js";
import { bytes, day } from "../format.js";
import { copySaid, imagesOf, kindOf, usesOf } from "../images.js";
import { html, useCell } from "../lib.js";
import { openDialog } from "../parts/dialogs.js";
import { Loaded, Wall } from "../parts/states.js";
import { Upload, Uploads } from "../parts/upload.js";

const EVERY_MS = 10000;
const NAMES = 4;

/** Opens the steps of a new machine with that choice made. */
function Begin({ name, choice }) {
	return may("admin") && html`<button aria-label=${`New machine from ${name}`} onClick=${() => openDialog("create", { choice })}>New machine</button>`;
}

function Files() {
	const list = useLoad("/files");
	return html`<section class="tile wide-tile" aria-label="Files"><h2>Files that the host was booted with</h2><${Loaded} from=${list} lines=${4}>${({ items }) => (items.length
		? html`<div class="table-box" tabindex="0" role="region" aria-label="Table of files"><table class="plain"><thead><tr><th scope="col">Name</th><th scope="col">Can be</th>
			<th scope="col" class="num">Size</th><th scope="col"><span class="unseen">Actions</span></th></tr></thead><tbody>${items.map((file) => html`<tr key=${file.name}>
			<th scope="row">${file.name}</th><td>${usesOf(file)}</td><td class="num">${bytes(file.bytes)}</td>
			<td class="act">${file.uses.split(" ")[0] === "kernel" && html`<${Begin} name=${file.name} choice=${{ source: "kernel", kernel: file.name }} />`}</td></tr>`)}</tbody></table></div>`
		: html`<p class="muted">None: kernels, firmware and texts for cloud-init come with the host's boot files.</p>`)}<//></section>`;
}

function Made({ names }) {
	return names.length ? `${names.slice(0, NAMES).join(", ")}${names.length > NAMES ? ` and ${names.length - NAMES} more` : ""}` : html`<span class="muted">nothing</span>`;
}

function Images({ store }) {
	const list = useLoad(`/stores/${encodeURIComponent(store.name)}/volumes`, EVERY_MS);
	return html`<section class="tile wide-tile" aria-label=${`Images of ${store.name}`}><h2>Volumes of ${store.name} to start from</h2>
		<${Loaded} from=${list} lines=${3}>${({ items }) => {
			const images = imagesOf(items);
			return images.length ? html`<div class="table-box" tabindex="0" role="region" aria-label=${`Table of the images of ${store.name}`}><table class="plain"><thead><tr>
				<th scope="col">Name</th><th scope="col">Kind</th><th scope="col" class="num">Size</th><th scope="col" class="opt-2">Made</th>
				<th scope="col" class="opt-2">Made of it</th><th scope="col">Used by</th><th scope="col"><span class="unseen">Actions</span></th></tr></thead>
				<tbody>${images.map((volume) => html`<tr key=${volume.name}><th scope="row">${volume.name}</th><td>${kindOf(volume)}</td><td class="num">${bytes(volume.bytes)}</td>
				<td class="opt-2 word">${day(volume.made_unix_seconds) ?? "unknown"}</td><td class="opt-2"><${Made} names=${volume.made} /></td><td>${volume.users || "nobody"}</td>
				<td class="act"><${Begin} name=${volume.name} choice=${{ source: "copy", store: store.name, volume: volume.name }} /></td></tr>`)}</tbody></table></div>`
				: html`<p class="muted">None: each volume is used by the machine that writes to it.</p>`;
		}}<//>${may("content") && html`<${Upload} store=${store.name} done=${list.reload} multiple />`}<${Uploads} store=${store.name} /></section>`;
}

function Copies() {
	const list = useLoad("/copies", EVERY_MS);
	return list.data?.items.map((copy) => html`<span class="muted" key=${copy.volume}>${copySaid(copy)}</span>`);
}

function Stores() {
	const list = useLoad("/stores");
	return html`<${Loaded} from=${list} lines=${7}>${({ items }) => {
		const ready = items.filter(({ state }) => state === "ready");
		return ready.length ? ready.map((store) => html`<${Images} key=${store.name} store=${store} />`)
			: html`<p class="muted wide-tile">No store of volumes is ready: <a href="#/volumes">Volumes</a> says why.</p>`;
	}}<//>`;
}

export function ImagesScreen() {
	const { me } = useCell(session);
	if (!may("viewer") || me.scope !== "*") {
		return html`<h1 tabindex="-1">Images</h1><${Wall} kind="right" title="Only who sees all machines sees what they are made of." />`;
	}
	return html`<div class="title-line"><h1 tabindex="-1">Images</h1><${Copies} /></div><p class="muted small">What machines are started from. A volume is here that is read-only, that others were made of, or that
		nobody uses; all of them are at <a href="#/volumes">Volumes</a>.</p>
		<div class="tiles"><${Stores} /><${Files} /></div>`;
}
