// SPDX-License-Identifier: MIT
// Dialogs, one at a time: help, palette, confirmation. The browser keeps and returns the focus.
import { cell, html, useCell, useLayoutEffect, useRef, useState } from "../lib.js";
import { KEYS, letters, setLetters } from "../keys.js";
import { Palette } from "./palette.js";
import { Create } from "./create.js";

const dialog = cell(null);

export function openDialog(kind, more = {}) {
	dialog.set({ kind, ...more });
}

export function closeDialog() {
	dialog.set(null);
}

/** Asks; resolves to whether it was confirmed. With `word`, that has to be typed first. */
export function confirm({ title, text, label, word = "" }) {
	return new Promise((resolve) => openDialog("confirm", { title, text, label, word, resolve }));
}

function Frame({ label, children, wide, onClose }) {
	const self = useRef(null);
	useLayoutEffect(() => {
		const before = document.activeElement;
		self.current.showModal();
		return () => before?.isConnected && before.focus();
	}, []);
	const outside = (event) => event.target === self.current && onClose();
	return html`<dialog ref=${self} class=${wide ? "dialog wide-dialog" : "dialog"} aria-label=${label}
		onCancel=${(event) => { event.preventDefault(); onClose(); }} onMouseDown=${outside}>
		<div class="dialog-body">${children}</div></dialog>`;
}

function Help() {
	const on = useCell(letters);
	return html`<${Frame} label="Keys" onClose=${closeDialog}>
		<h2>Keys</h2>
		<table class="keys"><thead class="unseen"><tr><th>Key</th><th>What it does</th></tr></thead>
			<tbody>${KEYS.map(([key, text]) => html`<tr><td><kbd>${key}</kbd></td><td>${text}</td></tr>`)}</tbody></table>
		<label class="check"><input type="checkbox" checked=${on}
			onChange=${(event) => setLetters(event.target.checked)} /> Keys of a single letter</label>
		<div class="buttons"><button class="primary" onClick=${closeDialog}>Close</button></div><//>`;
}

function Confirm({ title, text, label, word, resolve }) {
	const [typed, setTyped] = useState("");
	const end = (answer) => {
		closeDialog();
		resolve(answer);
	};
	const good = !word || typed === word;
	const submit = (event) => {
		event.preventDefault();
		if (good) {
			end(true);
		}
	};
	return html`<${Frame} label=${title} onClose=${() => end(false)}>
		<form onSubmit=${submit}><h2>${title}</h2><p class="pre">${text}</p>
		${word && html`<label class="field">Type <strong>${word}</strong> to go on
			<input autofocus autocomplete="off" spellcheck=${false} value=${typed}
				onInput=${(event) => setTyped(event.target.value)} /></label>`}
		<div class="buttons"><button type="button" onClick=${() => end(false)}>Cancel</button>
			<button class="danger" disabled=${!good}>${label}</button></div></form><//>`;
}

export function Dialogs() {
	const open = useCell(dialog);
	switch (open?.kind) {
	case "help": return html`<${Help} />`;
	case "confirm": return html`<${Confirm} ...${open} />`;
	case "palette": return html`<${Frame} label="Search and act" wide onClose=${closeDialog}>
		<${Palette} close=${closeDialog} /><//>`;
	case "create": return html`<${Frame} label="New machine" onClose=${closeDialog}>
		<${Create} close=${closeDialog} choice=${open.choice} /><//>`;
	default: return null;
	}
}
