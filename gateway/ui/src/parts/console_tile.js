// SPDX-License-Identifier: MIT
// The last lines of one console, live, on a wall of consoles: nothing is typed here.
import { ConsoleLink } from "../console_link.js";
import { html, useEffect, useRef, useState } from "../lib.js";
import { link } from "../router.js";
import { State } from "./icons.js";

const SHOWN = 12;
// The server takes five changes a second from one login, and a ticket for a console is one.
const APART_MS = 250;

/** Holds a connection to the console while `running`; goes on where it was after a pause. */
function useScreen(name, place, running) {
	const [lines, setLines] = useState(null);
	const [told, setTold] = useState({ state: "connecting" });
	const held = useRef({ from: 0n });
	useEffect(() => {
		const all = held.current;
		let gone = !running;
		const begin = async () => {
			const { openThumbnail } = await import("../terminal.js");
			if (gone) {
				return;
			}
			all.screen ??= openThumbnail(setLines);
			all.link = new ConsoleLink(name, "read", {
				state: (state, detail) => gone || setTold({ state, detail }),
				output: (bytes) => (gone ? Promise.resolve() : all.screen.write(bytes)),
				lost: () => {},
			}, false, all.from);
		};
		const timer = running && setTimeout(begin, place * APART_MS);
		return () => {
			gone = true;
			clearTimeout(timer);
			all.from = all.link?.offset ?? all.from;
			all.link?.close();
			all.link = null;
		};
	}, [running]);
	useEffect(() => () => held.current.screen?.dispose(), []);
	return [lines, running ? told : { state: "paused" }];
}

function wordsOf({ state, detail }) {
	switch (state) {
	case "live": case "paused": case "connecting": return state;
	case "lost": return `not live: ${detail || "the connection is lost, it is tried again"}`;
	default: return detail?.message ?? "ended";
	}
}

export function ConsoleTile({ vm, place, running }) {
	const [lines, told] = useScreen(vm.name, place, running);
	return html`<li class="tile wall-tile" data-row=${vm.name} data-console=${told.state}>
		<h2><a data-open href=${link("machines", vm.name, "console")} title=${`Open the console of ${vm.name}`}>${vm.name}</a> <${State} vm=${vm} /></h2>
		<div class="screen"><pre>${lines === null ? "" : lines.length ? lines.slice(-SHOWN).map((runs, place) => html`<span key=${place} class="line">${
			runs.map(({ look, text }) => (look ? html`<span class=${look}>${text}</span>` : text))}${"\n"}</span>`) : "Nothing is printed."}</pre></div>
		<p class="console-state"><span class="dot dot-${told.state}" aria-hidden="true"></span>${wordsOf(told)}</p></li>`;
}
