// SPDX-License-Identifier: MIT
// A disk goes back to a backup: a full one, and the differential ones behind it.
import { bytes } from "../format.js";
import { html, useState } from "../lib.js";
import { useAct } from "./act.js";
import { confirm } from "./dialogs.js";

const CHAIN_MAX = 8;

function Choice({ label, value, from, none, onChoose }) {
	return html`<label>${label} <select value=${value} onChange=${(event) => onChoose(event.target.value)}>
		<option value="">${none}</option>
		${from.map(({ name, bytes: size }) => html`<option key=${name} value=${name}>${name} (${bytes(size)})</option>`)}</select></label>`;
}

/** `disks`: all of the host; `reload` shows them anew. */
export function Restore({ disks, reload }) {
	const { act, busy, failure } = useAct();
	const [disk, chooseDisk] = useState("");
	const [chain, setChain] = useState([]);
	const free = disks.filter(({ state, users }) => state === "ready" && !users);
	// a choice that is taken back takes those behind it along
	const choose = (place, name) => setChain([...chain.slice(0, place), ...(name ? [name] : [])]);
	const begin = async () => {
		if (await confirm({ title: `Write ${chain.join(", ")} to ${disk}?`, label: "Restore",
			text: `Whatever ${disk} holds is gone.`, word: disk })
			&& await act(`${disk} is as it was backed up.`, "POST", "/disks/restore", { disk, from: chain.join(",") })) {
			setChain([]);
			reload();
		}
	};
	if (free.length < 2) {
		return html`<p class="muted">Going back to a backup needs two disks that no machine uses.</p>`;
	}
	const places = Math.min(chain.length + 1, CHAIN_MAX, free.length - 1);
	return html`<p class="title-line"><${Choice} label="Restore" value=${disk} from=${free} none="choose a disk" onChoose=${chooseDisk} />
		${Array.from({ length: places }, (_, place) => html`<${Choice} key=${place} label=${place ? "then" : "from"} value=${chain[place] ?? ""}
			from=${free.filter(({ name }) => name !== disk && !chain.slice(0, place).includes(name))}
			none=${place ? "no differential one" : "the full backup"} onChoose=${(name) => choose(place, name)} />`)}
		<button disabled=${busy || !disk || !chain.length || chain.includes(disk)} onClick=${begin}>Restore</button></p>${failure}`;
}
