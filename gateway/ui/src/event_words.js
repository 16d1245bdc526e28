// SPDX-License-Identifier: MIT
// What an event is in words, and how much it matters. No page is touched.

const SEVERITIES = {
	crashed: "error", disk_full: "error", backup_failed: "error", store_damaged: "error",
	snapshot_dropped: "warning", network: "warning",
};
// An alert has a severity of its own; the log's words say the same.
const ALERTS = { critical: "error", warning: "warning", info: "info" };

export const KINDS = ["alert_cleared", "alert_firing", "backup_done", "backup_failed", "configuration", "console_attached", "crashed", "created",
	"destroyed", "disk_full", "network", "paused", "reset", "resumed", "snapshot_dropped", "started", "stopped", "store_damaged"];

export const words = (kind) => kind.replaceAll("_", " ");

/** "error", "warning" or "info", as in the log. */
export function severityOf({ event, severity }) {
	return event === "alert_firing" ? ALERTS[severity] ?? "warning" : SEVERITIES[event] ?? "info";
}

/** What there is to say of it beyond its kind and its machine. */
export function detailsOf({ reason, what }) {
	return reason || what || "";
}

/** Whether an event is of that machine, kind and severity, where one is given, and has the text in it. */
export function fits(event, { vm, kind, severity, q = "" }) {
	const text = q.trim().toLowerCase();
	return (!vm || event.vm === vm) && (!kind || event.event === kind) && (!severity || severityOf(event) === severity) &&
		(!text || `${event.vm} ${words(event.event)} ${detailsOf(event)}`.toLowerCase().includes(text));
}
