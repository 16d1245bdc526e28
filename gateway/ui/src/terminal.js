// SPDX-License-Identifier: MIT
// xterm.js, held to a strict content policy, and held to the screen: what a guest prints can draw,
// and nothing else. Loaded with the first console.
import { FitAddon } from "@xterm/addon-fit";
import { Terminal } from "@xterm/xterm";

const LEAVE = "]";

/** Runs `open` with each <style> that it makes replaced by an adopted sheet; returns how to drop them. */
function withAdoptedSheets(open) {
	const sheets = [];
	const create = Document.prototype.createElement;
	document.createElement = (name, options) => {
		if (name !== "style") {
			return create.call(document, name, options);
		}
		const element = create.call(document, "template");
		const sheet = new CSSStyleSheet();
		sheets.push(sheet);
		document.adoptedStyleSheets.push(sheet);
		Object.defineProperty(element, "textContent", { set: (text) => sheet.replaceSync(text) });
		return element;
	};
	try {
		open();
	} finally {
		delete document.createElement;
	}
	return () => {
		document.adoptedStyleSheets = document.adoptedStyleSheets.filter((sheet) => !sheets.includes(sheet));
	};
}

/** Titles, links, clipboard, colours, window orders: swallowed. Requests: only if `mayAnswer()`. */
function restrain(parser, mayAnswer) {
	for (const code of [0, 1, 2, 4, 7, 8, 9, 10, 11, 12, 52, 104, 110, 111, 112, 133, 777, 1337]) {
		parser.registerOscHandler(code, () => true);
	}
	parser.registerCsiHandler({ final: "t" }, () => true);
	const unlessAnswered = () => !mayAnswer();
	for (const id of [
		{ final: "c" }, { prefix: ">", final: "c" }, { prefix: "=", final: "c" }, { prefix: ">", final: "q" },
		{ final: "n" }, { prefix: "?", final: "n" },
		{ intermediates: "$", final: "p" }, { prefix: "?", intermediates: "$", final: "p" },
	]) {
		parser.registerCsiHandler(id, unlessAnswered);
	}
	parser.registerDcsHandler({ intermediates: "$", final: "q" }, unlessAnswered);
}

/**
 * Opens a terminal in `box`. onInput(bytes) gets what is typed; mayType() says whether anything may
 * be sent, replies to requests included; onLeave() is called for Ctrl-].
 */
export function openTerminal(box, { onInput, mayType, onLeave, fontSize, reader }) {
	const terminal = new Terminal({
		fontSize, screenReaderMode: reader, scrollback: 5000, convertEol: false, cursorBlink: false,
		fontFamily: "ui-monospace, 'DejaVu Sans Mono', Menlo, Consolas, monospace",
		allowProposedApi: false, minimumContrastRatio: 4.5,
		theme: { background: "#0b1015", foreground: "#d7dee6", cursor: "#4fd1c5", selectionBackground: "#31526b" },
	});
	let replaying = false;
	restrain(terminal.parser, () => mayType() && !replaying);
	const fit = new FitAddon();
	terminal.loadAddon(fit);
	const dropSheets = withAdoptedSheets(() => terminal.open(box));
	const encoder = new TextEncoder();
	const input = (bytes) => mayType() && !replaying && onInput(bytes);
	terminal.onData((text) => input(encoder.encode(text)));
	terminal.onBinary((text) => input(Uint8Array.from(text, (char) => char.charCodeAt(0))));
	terminal.attachCustomKeyEventHandler((event) => {
		if (event.ctrlKey && event.key === LEAVE) {
			if (event.type === "keydown") {
				event.preventDefault();
				onLeave();
			}
			return false;
		}
		return true;
	});
	const refit = () => box.clientWidth > 40 && fit.fit();
	const observer = new ResizeObserver(refit);
	observer.observe(box);
	refit();
	return {
		terminal,
		write(bytes, replayed) {
			return new Promise((resolve) => {
				// Parsing is in order, so this is in force exactly for these bytes.
				terminal.write("", () => { replaying = replayed; });
				terminal.write(bytes, () => {
					replaying = false;
					resolve();
				});
			});
		},
		paste: (text) => terminal.paste(text),
		focus: () => terminal.focus(),
		clear: () => terminal.reset(),
		set(name, value) {
			terminal.options[name] = value;
			refit();
		},
		dispose() {
			observer.disconnect();
			terminal.dispose();
			dropSheets();
		},
	};
}

const THUMBNAIL = { cols: 80, rows: 24, redraw_ms: 250 };

/** The runs of a line that look alike: [{ look, text }], `look` being the classes of its letters. */
function runsOf(line) {
	const runs = [];
	for (let x = 0; x < line.length; x++) {
		const cell = line.getCell(x);
		const look = `${cell.isFgPalette() && cell.getFgColor() < 16 ? `ansi-${cell.getFgColor()} ` : ""}${cell.isBold() ? "ansi-bold " : ""}${
			cell.isInverse() ? "ansi-inverse" : ""}`.trim();
		if (runs.at(-1)?.look !== look) {
			runs.push({ look, text: "" });
		}
		if (cell.getWidth() > 0) {
			runs.at(-1).text += cell.getChars() || " ";
		}
	}
	const last = runs.at(-1);
	if (last?.look === "") {
		last.text = last.text.trimEnd();
	}
	return runs.filter(({ text }) => text);
}

/**
 * A terminal that nobody sees and that answers nothing. draw(lines) is called with the lines down to the last one that has
 * something, each as its runs, a few times a second at most.
 */
export function openThumbnail(draw) {
	const terminal = new Terminal({ cols: THUMBNAIL.cols, rows: THUMBNAIL.rows, scrollback: 0, allowProposedApi: false });
	restrain(terminal.parser, () => false);
	let timer = 0;
	const redraw = () => {
		timer = 0;
		const buffer = terminal.buffer.active;
		const lines = Array.from({ length: THUMBNAIL.rows }, (_, y) => runsOf(buffer.getLine(buffer.baseY + y)));
		draw(lines.slice(0, lines.findLastIndex((runs) => runs.length) + 1));
	};
	return {
		write(bytes) {
			timer ||= setTimeout(redraw, THUMBNAIL.redraw_ms);
			return new Promise((resolve) => terminal.write(bytes, resolve));
		},
		dispose() {
			clearTimeout(timer);
			terminal.dispose();
		},
	};
}
