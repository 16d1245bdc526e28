// SPDX-License-Identifier: MIT
// The top, the rail, and the banner that tells when what is shown is old.
import { logout, session } from "../api.js";
import { duration } from "../format.js";
import { html, useCell, useEffect, useReducer } from "../lib.js";
import { connection, heard, host, retryNow } from "../stream.js";
import { Icon } from "./icons.js";
import { openDialog } from "./dialogs.js";

const DELAYED_MS = 3000;

/** Draws the component anew each second. */
export function useSecond() {
	const [, tick] = useReducer((number) => number + 1, 0);
	useEffect(() => {
		const timer = setInterval(tick, 1000);
		return () => clearInterval(timer);
	}, []);
}

function Pill() {
	useSecond();
	const { state } = useCell(connection);
	const late = Date.now() - heard;
	const [look, text] = state === "live"
		? (late > DELAYED_MS ? ["late", `delayed ${Math.round(late / 1000)} s`] : ["live", "live"])
		: state === "unseen" ? ["late", "not seen"] : state === "connecting" ? ["late", "connecting"]
			: ["lost", state === "lost" ? "server lost" : "link lost"];
	return html`<span class="pill pill-${look}"><span class="dot" aria-hidden="true"></span>
		<span class="unseen">Link: </span>${text}</span>`;
}

export function Top() {
	const { me } = useCell(session);
	const machine = useCell(host);
	return html`<header class="top">
		<a class="brand" href="#/overview"><img src="icon.svg" alt="" width="26" height="26" />Skerry
			<span class="version">${machine?.version ?? ""}</span></a>
		<${Pill} />
		<button class="palette-button" aria-keyshortcuts="Control+K"
			onClick=${() => openDialog("palette")}><${Icon} name="search" /><span class="wide">Search and act</span>
			<kbd class="wide">Ctrl K</kbd></button>
		<button class="quiet" aria-label="Keys" aria-keyshortcuts="?" onClick=${() => openDialog("help")}>?</button>
		<span class="user wide" title=${`Roles: ${me.roles.join(", ")}; machines: ${me.scope}`}>${me.name}</span>
		<button class="quiet" onClick=${logout}>Log out</button>
	</header>`;
}

const PLACES = [["overview", "Overview"], ["machines", "Machines"], ["consoles", "Consoles"], ["volumes", "Volumes"], ["images", "Images"], ["networks", "Networks"],
	["events", "Events"], ["alerts", "Alerts"], ["log", "Log"], ["audit", "Audit"], ["report", "Report"], ["access", "Access"], ["host", "Host"]];

export function Rail({ current }) {
	return html`<nav class="rail" aria-label="Main"><ul>${PLACES.map(([place, label]) => html`
		<li><a href="#/${place}" aria-current=${place === current ? "page" : null}>
			<${Icon} name=${place} /><span>${label}</span></a></li>`)}</ul></nav>`;
}

export function Banner() {
	useSecond();
	const { state, since, tries } = useCell(connection);
	const machine = useCell(host);
	if (state === "live" || state === "unseen" || (state === "connecting" && !machine) ||
		(state === "lost" && Date.now() - since < 1000)) {
		return null;
	}
	const age = duration((Date.now() - since) / 1000);
	if (state === "unlinked") {
		return html`<section class="banner" aria-label="Connection">
			<p><strong>The link to the machine is lost</strong> since ${age}. Guests go on. What is shown
			is old and nothing can be changed until it is back; that happens by itself.</p></section>`;
	}
	return html`<section class="banner" aria-label="Connection">
		<p><strong>The server does not answer</strong> since ${age} (${tries} tries). Guests go on.
		${machine ? " What is shown is old." : ""}</p><button onClick=${retryNow}>Try now</button></section>`;
}
