// SPDX-License-Identifier: MIT
// The frame around all screens, and which screen is shown.
import { may, session } from "./api.js";
import { announced } from "./announce.js";
import { html, useCell, useEffect, useRef } from "./lib.js";
import { watchKeys } from "./keys.js";
import { route } from "./router.js";
import { Dialogs } from "./parts/dialogs.js";
import { Banner, Rail, Top } from "./parts/frame.js";
import { Results } from "./parts/results.js";
import { Skeleton, Wall } from "./parts/states.js";
import { AccessScreen } from "./screens/access.js";
import { AlertsScreen } from "./screens/alerts.js";
import { AuditScreen } from "./screens/audit.js";
import { ConsoleScreen } from "./screens/console.js";
import { ConsolesScreen } from "./screens/consoles.js";
import { EventsScreen } from "./screens/events.js";
import { HostScreen } from "./screens/host.js";
import { ImagesScreen } from "./screens/images.js";
import { LogScreen } from "./screens/log.js";
import { LoginScreen } from "./screens/login.js";
import { MachineScreen } from "./screens/machine.js";
import { MachinesScreen } from "./screens/machines.js";
import { NetworksScreen } from "./screens/networks.js";
import { OverviewScreen } from "./screens/overview.js";
import { ReportScreen } from "./screens/report.js";
import { VolumesScreen } from "./screens/volumes.js";

// What shows no machine, so that it needs no role viewer.
const WITHOUT_MACHINES = ["audit", "report", "access"];

function screenOf(parts) {
	const [first = "overview", name, sub] = parts;
	switch (first) {
	case "overview": return [OverviewScreen, "Overview"];
	case "machines": return !name ? [MachinesScreen, "Machines"]
		: sub === "console" ? [ConsoleScreen, `Console of ${name}`] : [MachineScreen, sub ? `${name}: ${sub}` : name];
	case "consoles": return [ConsolesScreen, "Consoles"];
	case "volumes": return [VolumesScreen, "Volumes"];
	case "images": return [ImagesScreen, "Images"];
	case "networks": return [NetworksScreen, "Networks"];
	case "events": return [EventsScreen, "Events"];
	case "alerts": return [AlertsScreen, "Alerts"];
	case "log": return [LogScreen, "Log"];
	case "audit": return [AuditScreen, "Audit"];
	case "report": return [ReportScreen, "Report"];
	case "access": return [AccessScreen, "Access"];
	case "host": return [HostScreen, "Host"];
	default: return [null, "Not here"];
	}
}

function Nowhere() {
	return html`<h1 tabindex="-1">Not here</h1><${Wall} title="There is no such page.">
		<a href="#/overview">Go to the overview</a><//>`;
}

function Inside() {
	const { parts, query } = useCell(route);
	const [Screen, title] = screenOf(parts);
	const main = useRef(null);
	const before = useRef(null);
	const place = parts.join("/");
	useEffect(() => {
		document.title = `${title} · Skerry`;
		if (before.current !== null && before.current !== place) {
			main.current.querySelector("h1")?.focus();
			scrollTo(0, 0);
		}
		before.current = place;
	}, [place]);
	useEffect(watchKeys, []);
	return html`
		<button class="skip" onClick=${() => main.current.querySelector("h1")?.focus()}>Skip to content</button>
		<${Top} />
		<${Rail} current=${parts[0] ?? "overview"} />
		<div class="content">
			<${Banner} />
			<main ref=${main}>
				${!may("viewer") && !WITHOUT_MACHINES.includes(parts[0]) ? html`<h1 tabindex="-1">${title}</h1><${Wall} kind="right"
					title="Seeing machines needs the role viewer.">${may("auditor") && html`<a href="#/audit">Go to the audit</a>`}<//>`
					: Screen ? html`<${Screen} key=${place} name=${parts[1]} tab=${parts[2]} query=${query} />` : html`<${Nowhere} />`}
			</main>
		</div>
		<${Results} />
		<${Dialogs} />`;
}

export function App() {
	const { state } = useCell(session);
	return html`
		<div class="frame ${state === "in" ? "inside" : "outside"}">
			${state === "unknown" ? html`<main><${Skeleton} lines=${6} /></main>`
				: state === "out" ? html`<${LoginScreen} />` : html`<${Inside} />`}
		</div>
		<${Live} />`;
}

function Live() {
	return html`<div class="unseen" role="status" aria-live="polite">${useCell(announced)}</div>`;
}
