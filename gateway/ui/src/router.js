// SPDX-License-Identifier: MIT
// Where one is: #/machines/alpha?q=state:crashed
import { cell } from "./lib.js";

function read() {
	const [path, query = ""] = location.hash.replace(/^#\/?/, "").split("?");
	const parts = path.split("/").filter(Boolean).map((part) => {
		try {
			return decodeURIComponent(part);
		} catch {
			return part;
		}
	});
	return { parts, query: Object.fromEntries(new URLSearchParams(query)) };
}

export const route = cell(read());
addEventListener("hashchange", () => route.set(read()));

export function link(...parts) {
	return `#/${parts.map(encodeURIComponent).join("/")}`;
}

export function go(...parts) {
	location.hash = link(...parts);
}

/** Changes the query without a new entry in the history. */
export function setQuery(changes) {
	const { parts, query } = route.get();
	const kept = Object.entries({ ...query, ...changes }).filter(([, value]) => value);
	const text = kept.length ? `?${new URLSearchParams(kept)}` : "";
	history.replaceState(null, "", link(...parts) + text);
	route.set(read());
}
