// SPDX-License-Identifier: MIT
// All that is known of a volume: what it holds alone and with others, of what it was made, what was made of it, its users.
import { useLoad } from "../api.js";
import { bytes, plural } from "../format.js";
import { html } from "../lib.js";
import { Loaded } from "./states.js";

// The first names, and how many there are in all.
function made(names, count, word) {
	return count > 0 ? `${plural(count, word)}: ${names.join(", ")}${names.length < count ? ", ..." : ""}` : `no ${word}s`;
}

export function facts(volume) {
	return [["Own", bytes(volume.own_bytes)], ["Shared with others", bytes(volume.shared_bytes)], ["Made of", volume.source || "nothing"],
		["Made", volume.made_unix_seconds ? new Date(volume.made_unix_seconds * 1000).toLocaleString("en-GB") : "unknown"],
		["Encrypted by", volume.encrypt || "no key"], ["Used by", volume.users || "nobody"],
		["Requests of its users", String(volume.requests)], ["Read", bytes(volume.read_bytes)], ["Written", bytes(volume.written_bytes)],
		["Snapshots", made(volume.snapshots, volume.snapshot_count, "snapshot")], ["Clones", made(volume.clones, volume.clone_count, "clone")]];
}

export function VolumeStat({ path, every }) {
	const one = useLoad(path, every);
	return html`<${Loaded} from=${one} lines=${2}>${(volume) => html`<dl class="facts">${facts(volume).map(([name, value]) => html`
		<div key=${name}><dt>${name}</dt><dd>${value}</dd></div>`)}</dl>`}<//>`;
}
