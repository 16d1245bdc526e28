// SPDX-License-Identifier: MIT
// The roles that a user or a token can have, each with what it allows; the server's table of routes decides.

export const ROLES = [
	["viewer", "sees machines, their graphs and log, events, alerts, disks, networks and stores"],
	["operator", "what a viewer may, and starts, stops, pauses, resets, keeps and backs up machines, and runs commands in new ones"],
	["admin", "what an operator may, and makes, changes and destroys machines, volumes, alerts, users and tokens, and restarts the host"],
	["auditor", "reads the audit, and makes the report"],
	["console-read", "reads consoles of guests"],
	["console-write", "types into consoles of guests, too"],
	["guest", "talks to programs in guests: their sockets, and their agent"],
	["content", "uploads and downloads what volumes hold"],
];
