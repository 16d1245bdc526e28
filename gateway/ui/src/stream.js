// SPDX-License-Identifier: MIT
// The machine as the stream tells it: VMs, host, samples, events; reconnects by itself.
import { call, may, session, whoAmI } from "./api.js";
import { cell } from "./lib.js";
import { announce } from "./announce.js";

const KEPT_SAMPLES = 300;
const KEPT_EVENTS = 200;
const ASK_MS = 300;
const RETRY_MS = [500, 1000, 2000, 4000, 8000];
const FIELDS = {
	cpu: "cpu_percent", steal: "steal_percent", halted: "halted_percent", exits: "exits_per_s",
	resident: "resident_bytes",
};

export const vms = cell(null);       // Map of name to VM, null until the first snapshot
export const host = cell(null);
export const events = cell([]);      // newest first
export const samples = cell(0);      // counts up with each sample
/** state: "connecting" | "live" | "lost" (no server) | "unlinked" (no machine) |
 * "unseen" (no role to see it); since: ms; tries. */
export const connection = cell({ state: "connecting", since: Date.now(), tries: 0 });

export const histories = new Map();  // of name to { times, cpu, steal, halted, exits, resident }
export let heard = 0;                // when the last message came, ms

let socket = null;
let timer = 0;
let told = { time: 0, at: 0 };       // the machine's time, and when it was told

/** The machine's own time in seconds, which events and the log carry. */
export function machineNow() {
	return told.time + (performance.now() - told.at) / 1000;
}

function setClock(time) {
	told = { time, at: performance.now() };
}

function push(series, value) {
	series.push(value);
	if (series.length > KEPT_SAMPLES) {
		series.shift();
	}
}

function historyOf(name) {
	if (!histories.has(name)) {
		histories.set(name, { times: [], cpu: [], steal: [], halted: [], exits: [], resident: [] });
	}
	return histories.get(name);
}

function keep(name, sample) {
	const history = historyOf(name);
	push(history.times, Date.now() / 1000);
	for (const [series, field] of Object.entries(FIELDS)) {
		push(history[series], sample?.[field] ?? null);
	}
}

/** A hole in all graphs, so that no line is drawn over a time nobody saw. */
function keepGap() {
	for (const name of histories.keys()) {
		keep(name, null);
	}
}

function setState(state, tries = 0) {
	const before = connection.get();
	if (before.state !== state || before.tries !== tries) {
		const since = before.state === state ? before.since : Date.now();
		connection.set({ state, since, tries });
	}
}

function takeSnapshot({ host: now, vms: list }) {
	const before = host.get();
	setClock(now.uptime_s);
	if (before && before.boot !== now.boot) {
		announce("The machine was started anew. All VMs are new.");
		events.set([]);
	}
	if (before) {
		keepGap();
	}
	host.set(now);
	vms.set(new Map(list.map((vm) => [vm.name, vm])));
	setState(now.link === "up" ? "live" : "unlinked");
}

function takeSample(message) {
	const next = new Map(vms.get());
	const seconds = Math.max(0, Math.min(60, message.time_s - told.time));
	const sampled = new Map(message.vms.map((sample) => [sample.name, sample]));
	for (const [name, vm] of next) {
		const sample = sampled.get(name);
		if (sample && vm.state === "running") {
			next.set(name, { ...vm, sample, resident_bytes: sample.resident_bytes,
				uptime_s: vm.uptime_s + seconds });
			keep(name, sample);
		} else if (vm.state === "running") {
			keep(name, vm.sample);
		} else {
			next.set(name, vm.sample ? { ...vm, sample: null } : vm);
		}
	}
	setClock(message.time_s);
	host.set({ ...host.get(), cpus: message.cpus, stale: false, age_s: 0 });
	vms.set(next);
	samples.set(samples.get() + 1);
}

export function takeVm(vm) {
	asked.delete(vm.name);
	vms.set(new Map(vms.get()).set(vm.name, vm));
}

function takeGone(name) {
	const next = new Map(vms.get());
	next.delete(name);
	histories.delete(name);
	vms.set(next);
}

const asked = new Set();

/** An event says that a VM changed; should the stream not say how, it is asked for. */
function askSoon(name) {
	if (asked.has(name)) {
		return;
	}
	asked.add(name);
	setTimeout(async () => {
		if (!asked.delete(name)) {
			return;
		}
		try {
			takeVm(await call("GET", `/vms/${encodeURIComponent(name)}`));
		} catch (error) {
			if (error.status === 404) {
				takeGone(name);
			}
		}
	}, ASK_MS);
}

const TOLD = new Set(["crashed", "destroyed", "link_lost"]);

function takeEvent(message) {
	events.set([message, ...events.get()].slice(0, KEPT_EVENTS));
	if (message.vm) {
		askSoon(message.vm);
	}
	if (TOLD.has(message.event)) {
		announce(`${message.vm ?? "The machine"}: ${message.event} ${message.reason ?? ""}`);
	}
}

function take(message) {
	heard = Date.now();
	if (message.type !== "snapshot" && !vms.get()) {
		return;
	}
	switch (message.type) {
	case "snapshot": return takeSnapshot(message);
	case "sample": return takeSample(message);
	case "event": return takeEvent(message);
	case "vm": return takeVm(message.vm);
	case "gone": return takeGone(message.name);
	case "link":
		if (message.state === "up") {
			// What happened meanwhile is told by a new snapshot.
			stop();
			return connect();
		}
		announce("The link to the machine is lost.");
		return setState("unlinked");
	default: return undefined;
	}
}

async function connect() {
	const tries = connection.get().tries;
	const mine = new WebSocket(new URL("/v1/stream", location.href.replace(/^http/, "ws")),
		["skerry.stream.v1"]);
	socket = mine;
	mine.onmessage = ({ data }) => {
		if (socket !== mine) {
			return;
		}
		let message;
		try {
			message = JSON.parse(data);
		} catch {
			return;
		}
		take(message);
	};
	mine.onclose = () => {
		if (socket === mine) {
			socket = null;
			retry(tries);
		}
	};
}

function retry(tries) {
	if (session.get().state !== "in") {
		return;
	}
	if (connection.get().state !== "lost" && vms.get()) {
		announce("The connection to the server is lost. It is tried again.");
	}
	setState("lost", tries + 1);
	clearTimeout(timer);
	timer = setTimeout(again, RETRY_MS[Math.min(tries, RETRY_MS.length - 1)]);
}

/** A refused WebSocket does not say why: whether the login ended is asked first. */
async function again() {
	try {
		await call("GET", "/me");
	} catch (error) {
		if (error.status !== 401) {
			retry(connection.get().tries);
		}
		return;
	}
	// Somebody may have asked for it meanwhile, too.
	socket || connect();
}

export function stop() {
	clearTimeout(timer);
	const old = socket;
	socket = null;
	old?.close();
}

export function retryNow() {
	clearTimeout(timer);
	if (!socket) {
		again();
	}
}

/** Follows the session: connected while somebody is logged in. */
export function start() {
	let name = null;
	const follow = () => {
		const { state, me } = session.get();
		if (state === "in" && !socket) {
			if (name !== me.name) {
				vms.set(null);
				host.set(null);
				events.set([]);
				histories.clear();
				name = me.name;
			}
			if (!may("viewer")) {
				setState("unseen");
				return;
			}
			setState("connecting");
			connect();
		} else if (state === "out") {
			stop();
		}
	};
	session.follow(follow);
	addEventListener("online", retryNow);
	return whoAmI();
}
