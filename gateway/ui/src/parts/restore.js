// SPDX-License-Identifier: MIT
// A disk goes back to a backup: a full one, and the differential ones behind it.
import { html, useState } from "../lib.js";
import { useAct } from "./act.js";
import { confirm } from "./dialogs.js";
import { DiskChoice, usable } from "./disk_choice.js";

const CHAIN_MAX = 8;

/** `disks`: all of the host; `reload` shows them anew. */
export function Restore({ disks, reload }) {
	const { act, busy, failure } = useAct();
	const [disk, chooseDisk] = useState("");
	const [chain, setChain] = useState([]);
	const free = disks.filter(usable);
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
	return html`<p class="title-line"><${DiskChoice} label="Restore" value=${disk} from=${free} none="choose a disk" onChoose=${chooseDisk} />
		${Array.from({ length: places }, (_, place) => html`<${DiskChoice} key=${place} label=${place ? "then" : "from"} value=${chain[place] ?? ""}
			from=${free.filter(({ name }) => name !== disk && !chain.slice(0, place).includes(name))}
			none=${place ? "no differential one" : "the full backup"} onChoose=${(name) => choose(place, name)} />`)}
		<button disabled=${busy || !disk || !chain.length || chain.includes(disk)} onClick=${begin}>Restore</button></p>${failure}`;
}
