// SPDX-License-Identifier: MIT
// What can be done to VMs: when it is allowed, and one line of result for each.
import { call, may, patientCall } from "./api.js";
import { announce } from "./announce.js";
import { cell } from "./lib.js";
import { connection, takeVm, vms } from "./stream.js";

const UNDO_MS = 3000;
const WAIT = { Prefer: "wait=10" };

export const ACTIONS = {
	start: { label: "Start", key: "s", states: ["created", "stopped", "crashed"], done: "started" },
	stop: { label: "Stop", states: ["running"], done: "stopped", undo: true },
	pause: { label: "Pause", key: "p", states: ["running"], done: "paused" },
	resume: { label: "Resume", key: "p", states: ["paused"], done: "resumed" },
	reset: { label: "Reset", states: ["running", "paused", "crashed"], done: "reset",
		ask: "The guest is not told and starts anew. What it has not written is lost." },
	renew: { label: "Renew monitor", states: ["running", "paused"], done: "has a new monitor" },
	trim: { label: "Trim memory", states: ["running", "paused"],
		done: "has given back what held nothing" },
	kill: { label: "Kill", states: ["running", "paused", "stopping"], done: "killed",
		ask: "The guest is not told. What it has not written is lost." },
	destroy: { label: "Destroy", role: "admin", states: ["created", "stopped", "crashed"],
		done: "destroyed", ask: "The VM and its configuration are gone for good.", typed: true },
};

/** { id, name, action, state: "waiting" | "running" | "ok" | "failed", text } */
export const results = cell([]);
let numbers = 0;

/** Why `action` cannot be done to any of `list` now, or "". */
export function hindrance(action, list) {
	const { label, role = "operator", states } = ACTIONS[action];
	if (!may(role)) {
		return `${label} needs the role ${role}.`;
	}
	if (connection.get().state !== "live") {
		return "Not now: the machine is out of reach.";
	}
	if (!list.length) {
		return "Select machines first.";
	}
	if (!list.some((vm) => states.includes(vm.state))) {
		return `${label} needs a machine that is ${states.join(" or ")}.`;
	}
	return "";
}

function change(id, changes) {
	results.set(results.get().map((line) => (line.id === id ? { ...line, ...changes } : line)));
}

/** Waits until an operation is done, if that is what `operation` is; how it ended. Throws when it failed. */
export async function finish(operation) {
	if (!operation?.id || !operation.state) {
		return operation;
	}
	while (operation.state === "running") {
		operation = await call("GET", `/operations/${encodeURIComponent(operation.id)}?wait=10`);
	}
	if (operation.state === "failed") {
		throw new Error(operation.problem?.detail ?? "It failed.");
	}
	return operation;
}

async function run(line) {
	const path = `/vms/${encodeURIComponent(line.name)}`;
	change(line.id, { state: "running", text: "under way" });
	try {
		const answer = line.action === "destroy" ? await patientCall("DELETE", path)
			: await patientCall("POST", `${path}/actions/${line.action}`, {}, WAIT);
		await finish(answer);
		if (answer?.vm?.name) {
			takeVm(answer.vm);
		}
		const text = answer?.changed === false ? "nothing to change" : ACTIONS[line.action].done;
		change(line.id, { state: "ok", text });
		return true;
	} catch (error) {
		const allowed = error.allowedStates?.length
			? ` Allowed when it is ${error.allowedStates.join(" or ")}.` : "";
		change(line.id, { state: "failed", text: `${error.message}${allowed}` });
		return false;
	}
}

/** Resolves when the time to undo is over: whether to go on. */
function undone(line) {
	return new Promise((resolve) => {
		const timer = setTimeout(() => resolve(true), UNDO_MS);
		change(line.id, { state: "waiting", text: `in ${UNDO_MS / 1000} s`, undo: () => {
			clearTimeout(timer);
			change(line.id, { state: "ok", text: "not done", undo: null });
			resolve(false);
		} });
	});
}

/** Does `action` to each name, one after the other per four, each with its line of result. */
export async function perform(action, names) {
	const lines = names.map((name) => ({ id: ++numbers, name, action, state: "running", text: "" }));
	const finished = results.get().filter((line) => line.state === "waiting" || line.state === "running");
	results.set([...finished, ...lines]);
	let failures = 0;
	const queue = [...lines];
	const worker = async () => {
		while (queue.length) {
			const line = queue.shift();
			failures += await run(line) ? 0 : 1;
		}
	};
	if (ACTIONS[action].undo) {
		const kept = await Promise.all(lines.map(undone));
		queue.splice(0, queue.length, ...lines.filter((_, place) => kept[place]));
		queue.forEach((line) => change(line.id, { undo: null }));
	}
	const total = queue.length;
	await Promise.all([worker(), worker(), worker(), worker()]);
	if (total) {
		announce(total === 1 && !failures ? `${lines[0].name}: ${ACTIONS[action].done}.`
			: `${ACTIONS[action].label}: ${total - failures} of ${total} done.`);
	}
}

export function vmsByName(names) {
	return names.map((name) => vms.get()?.get(name)).filter(Boolean);
}
