// SPDX-License-Identifier: MIT
// A place where files are dropped or chosen that become volumes, and how far they are.
import { bytes } from "../format.js";
import { html, useCell, useState } from "../lib.js";
import { upload, uploads, volumeName } from "../uploads.js";

/** The uploads to a store: how far each is, or how it ended. */
export function Uploads({ store }) {
	const lines = useCell(uploads).filter((line) => line.store === store);
	return lines.map((line) => html`<p key=${line.id} class=${line.state === "failed" ? "inline-error" : "small"} role=${line.state === "failed" ? "alert" : null}>
		${line.name}: ${line.state === "running" ? html`<progress max=${line.bytes} value=${line.at} aria-label=${`Upload of ${line.name}`}></progress>
		${bytes(line.at)} of ${bytes(line.bytes)}` : line.text}</p>`);
}

/**
 * Where images for a store are dropped or chosen. `begun` is called before each is sent, `done` after it with its volume's name
 * and whether it is there.
 */
export function Upload({ store, begun = () => {}, done, multiple = false, words = "Upload raw images: drop them here, or" }) {
	const [over, setOver] = useState(false);
	const take = async (files) => {
		for (const file of files) {
			const name = volumeName(file.name) || "volume";
			begun();
			done(name, await upload(store, name, file));
		}
	};
	const drop = (event) => {
		event.preventDefault();
		setOver(false);
		take([...event.dataTransfer.files].slice(0, multiple ? undefined : 1));
	};
	return html`<label class="drop ${over ? "drop-over" : ""}" onDrop=${drop} onDragLeave=${() => setOver(false)}
		onDragOver=${(event) => { event.preventDefault(); setOver(true); }}>${words}
		<input type="file" multiple=${multiple} aria-label=${`Images for ${store}`} onChange=${(event) => {
			take([...event.target.files]);
			event.target.value = "";
		}} /></label>`;
}
