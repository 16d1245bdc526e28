// SPDX-License-Identifier: MIT
// A console with its toolbar. xterm.js comes with the first one.
import { may, request } from "../api.js";
import { ConsoleLink } from "../console_link.js";
import { count } from "../format.js";
import { html, useEffect, useRef, useState } from "../lib.js";
import { confirm } from "./dialogs.js";
import { Wall } from "./states.js";

const PASTE_ASK = 200;
const FONTS = [9, 18];
const SENT = [["Ctrl-C", "\x03"], ["Ctrl-D", "\x04"], ["Ctrl-W", "\x17"], ["Ctrl-T", "\x14"], ["Ctrl-N", "\x0e"],
	["Ctrl-Z", "\x1a"], ["Ctrl-]", "\x1d"], ["Escape", "\x1b"], ["Tab", "\t"], ["F11", "\x1b[23~"], ["Alt-F4", "\x1b[1;3S"]];

function stateText(state, mode, busy) {
	switch (state) {
	case "live": return mode === "write" ? "live, typing goes to the guest"
		: busy ? "live, read only: somebody else types here" : "live, read only";
	case "lost": return "connection lost, it is tried again";
	case "ended": return "ended";
	default: return "connecting";
	}
}

async function askBeforePaste(event, paste) {
	const text = event.clipboardData?.getData("text") ?? "";
	if (text.length <= PASTE_ASK && !/[\r\n]/.test(text)) {
		return;
	}
	event.preventDefault();
	event.stopPropagation();
	const shown = text.length > 400 ? `${text.slice(0, 400)}…` : text;
	if (await confirm({ title: `Paste ${text.length} characters?`, text: shown, label: "Paste" })) {
		paste(text);
	}
}

async function download(name) {
	const response = await request("GET", `/vms/${encodeURIComponent(name)}/console?from=0`);
	const address = URL.createObjectURL(await response.blob());
	const anchor = document.createElement("a");
	anchor.href = address;
	anchor.download = `${name}.console.txt`;
	anchor.click();
	setTimeout(() => URL.revokeObjectURL(address), 1000);
}

/** Holds the terminal and the link for `name` as long as it is shown. */
function useConsole(name, { mode: wanted, take, again }, box, leave, onState) {
	const held = useRef({});
	const [lost, setLost] = useState(0);
	useEffect(() => {
		if (!may("console-read")) {
			return undefined;
		}
		let gone = false;
		const all = held.current;
		import("../terminal.js").then(({ openTerminal }) => {
			// A pane that is left while this is loaded may lose its box before the effect is ended.
			if (gone || !box.current) {
				return;
			}
			all.pane = openTerminal(box.current, {
				fontSize: 13, reader: false, onLeave: leave,
				mayType: () => all.link?.mode === "write",
				onInput: (bytes) => all.link?.send(bytes),
			});
			all.link = new ConsoleLink(name, wanted, {
				state: (state, detail) => !gone && onState({ state, detail, mode: all.link?.mode ?? wanted, busy: all.link?.busy }),
				output: (bytes, replayed) => (gone ? Promise.resolve() : all.pane.write(bytes, replayed)),
				lost: (number) => setLost((before) => before + number),
			}, take);
		});
		return () => {
			gone = true;
			all.link?.close();
			all.pane?.dispose();
			held.current = {};
		};
	}, [name, wanted, take, again]);
	return [held, lost];
}

function Toolbar({ name, held, mode, busy, setWanted, full, leaveTo }) {
	const [font, setFont] = useState(13);
	const [reader, setReader] = useState(false);
	const size = (step) => {
		const next = Math.max(FONTS[0], Math.min(FONTS[1], font + step));
		setFont(next);
		held.current.pane?.set("fontSize", next);
	};
	const typing = mode === "write";
	return html`<div class="toolbar" role="toolbar" aria-label=${`Console of ${name}`}>
		${may("console-write") && html`<button ref=${leaveTo} aria-pressed=${typing ? "true" : "false"}
			onClick=${() => setWanted({ mode: typing ? "read" : "write", take: false, again: Date.now() })}>Type</button>`}
		${busy && html`<button onClick=${() => setWanted({ mode: "write", take: true, again: Date.now() })}>Take over</button>`}
		${typing && html`<select aria-label="Send a key" onChange=${(event) => {
			const sent = SENT[event.target.selectedIndex - 1];
			event.target.selectedIndex = 0;
			if (sent) {
				held.current.link?.send(new TextEncoder().encode(sent[1]));
				held.current.pane?.focus();
			}
		}}><option>Send key…</option>${SENT.map(([label]) => html`<option>${label}</option>`)}</select>`}
		<button title="Smaller letters" onClick=${() => size(-1)}>A−</button>
		<button title="Larger letters" onClick=${() => size(1)}>A+</button>
		${full && html`<button aria-pressed=${reader ? "true" : "false"} onClick=${() => {
			setReader(!reader);
			held.current.pane?.set("screenReaderMode", !reader);
		}}>Screen reader</button>
		<button onClick=${() => download(name)}>Download</button>
		<button onClick=${() => full.current.requestFullscreen()}>Full screen</button>`}
	</div>`;
}

export function NoConsoles() {
	return html`<${Wall} kind="right" title="Consoles need the role console-read.">
		Seeing a console is a right of its own, apart from viewer and operator.<//>`;
}

/** `full`: the pane is the whole screen's purpose, and types at once if that is allowed. */
export function ConsolePane({ name, full = false }) {
	const box = useRef(null);
	const self = useRef(null);
	const leaveTo = useRef(null);
	const [wanted, setWanted] = useState({ mode: full && may("console-write") ? "write" : "read", take: false });
	const [{ state, detail, mode, busy }, onState] = useState({ state: "connecting", mode: wanted.mode });
	const leave = () => (leaveTo.current ?? self.current.querySelector("button"))?.focus();
	const [held, lost] = useConsole(name, wanted, box, leave, onState);
	if (!may("console-read")) {
		return html`<div class="console-pane"><${NoConsoles} /></div>`;
	}
	return html`<div class=${full ? "console-pane console-full" : "console-pane"} ref=${self}
			data-console=${state} data-mode=${mode}>
		<${Toolbar} ...${{ name, held, mode, setWanted, leaveTo }} busy=${busy} full=${full ? self : null} />
		<p class="console-state"><span class="dot dot-${state}" aria-hidden="true"></span>
			${stateText(state, mode, busy)}${state === "ended" && detail ? `: ${detail.message}` : ""}
			${lost > 0 && html` · <span class="lost">earlier output lost: ${count(lost)} bytes</span>`}
			<span class="hint">Ctrl-] leaves the console</span></p>
		<div class="console-box" ref=${box} onPasteCapture=${(event) => askBeforePaste(event, held.current.pane.paste)}></div>
	</div>`;
}
