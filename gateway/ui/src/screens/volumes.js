// SPDX-License-Identifier: MIT
// Stores and their volumes: how full they are; volumes made, uploaded, cloned, kept and dropped.
import { may, session, useLoad } from "../api.js";
import { bytes, sizeOf } from "../format.js";
import { freeName } from "../free_name.js";
import { html, useCell, useState } from "../lib.js";
import { useAct } from "../parts/act.js";
import { confirm } from "../parts/dialogs.js";
import { Forecast } from "../parts/forecast.js";
import { Loaded, Wall } from "../parts/states.js";
import { Upload, Uploads } from "../parts/upload.js";
import { VolumeStat } from "../parts/volume_stat.js";

const EVERY_MS = 10000;

function Create({ act, path }) {
	const [wrong, setWrong] = useState("");
	const create = (event) => {
		event.preventDefault();
		const { name, size } = event.target;
		const wanted = sizeOf(size.value);
		setWrong(wanted > 0 ? "" : `${size.value} is no size: write one such as 8G or 512M.`);
		if (wanted > 0) {
			act(`Volume ${name.value.trim()} created.`, "POST", path, { name: name.value.trim(), bytes: wanted });
			event.target.reset();
		}
	};
	return html`<form class="title-line" onSubmit=${create}><input name="name" required maxlength="31" aria-label="Name of a volume"
		placeholder="name" autocomplete="off" spellcheck=${false} /><input name="size" required maxlength="12" size="8"
		aria-label="Size of a volume" placeholder="8G" autocomplete="off" /><button>Create volume</button></form>
		${wrong && html`<p class="inline-error" role="alert">${wrong}</p>`}`;
}

function Row({ item, items, act, path }) {
	const place = `${path}/${encodeURIComponent(item.name)}`;
	const [open, setOpen] = useState(false);
	const other = freeName((name) => items.some((volume) => volume.name === name), item.name);
	const copy = (what, text) => act(text, "POST", `${place}/${what}`, { name: other });
	const drop = async () => await confirm({ title: `Drop ${item.name}?`, label: "Drop", word: item.name,
		text: "What it holds is lost, but for what clones and snapshots share with it." }) && act(`${item.name} dropped.`, "DELETE", place, undefined);
	const kind = item.name.endsWith(".part") ? "unfinished upload" : item.snapshot ? "snapshot" : item.read_only ? "read-only" : "volume";
	return html`<tr><th scope="row">${item.name}</th><td class="opt-2">${kind}</td><td class="num">${bytes(item.bytes)}</td>
		<td class="num opt-2">${bytes(item.own_bytes)}</td><td>${item.users || "nobody"}</td><td><div class="actions">
		<button aria-expanded=${open} aria-label=${`Details of ${item.name}`} onClick=${() => setOpen(!open)}>Details</button>${may("admin") && html`
		<button aria-label=${`Clone ${item.name}`} onClick=${() => copy("clones", `${other} is a clone of ${item.name}.`)}>Clone</button>
		<button aria-label=${`Snapshot of ${item.name}`} onClick=${() => copy("snapshots", `${other} is a snapshot of ${item.name}.`)}>Snapshot</button>
		<button class="danger-quiet" aria-label=${`Drop ${item.name}`} onClick=${drop}>Drop</button>`}</div></td></tr>
		${open && html`<tr><td colspan="6"><${VolumeStat} path=${place} every=${EVERY_MS} /></td></tr>`}`;
}

function Volumes({ store }) {
	const path = `/stores/${encodeURIComponent(store.name)}/volumes`;
	const list = useLoad(path, EVERY_MS);
	const { act: change, failure } = useAct();
	const act = async (...request) => {
		await change(...request);
		list.reload();
	};
	return html`<${Loaded} from=${list} lines=${3}>${({ items }) => (items.length ? html`<div class="table-box" tabindex="0" role="region"
		aria-label=${`Table of the volumes of ${store.name}`}><table class="plain"><thead><tr><th scope="col">Name</th><th scope="col" class="opt-2">Kind</th>
		<th scope="col" class="num">Size</th><th scope="col" class="num opt-2">Own</th><th scope="col">Used by</th>
		<th scope="col"><span class="unseen">Actions</span></th></tr></thead><tbody>${items.map((item) => html`<${Row} key=${item.name} item=${item}
		items=${items} act=${act} path=${path} />`)}</tbody></table></div>` : html`<p class="muted">No volumes yet.</p>`)}<//>
		${failure}${may("admin") && html`<${Create} act=${act} path=${path} />`}
		${may("content") && html`<${Upload} store=${store.name} done=${list.reload} multiple />`}<${Uploads} store=${store.name} />`;
}

// The quotas of a store: how much volumes of such names may come to, and how much of that they use.
function Quotas({ store }) {
	const path = `/stores/${encodeURIComponent(store.name)}`;
	const one = useLoad(path, EVERY_MS);
	const { act, failure } = useAct();
	const quotas = one.data?.quotas || [];
	const set = async (event) => {
		event.preventDefault();
		const { quota } = event.target;
		if (await act(`${store.name} has other quotas until Skerry boots again.`, "PATCH", path, { quota: quota.value.trim() }))
			one.reload();
	};
	return html`${quotas.length > 0 && html`<div class="table-box" tabindex="0" role="region" aria-label=${`Table of the quotas of ${store.name}`}>
		<table class="plain"><thead><tr><th scope="col">Volumes</th><th scope="col" class="num">Quota</th><th scope="col" class="num">Used</th></tr></thead>
		<tbody>${quotas.map((row) => html`<tr key=${row.pattern}><th scope="row">${row.pattern}</th><td class="num">${bytes(row.bytes)}</td>
		<td class="num">${bytes(row.used_bytes)}${row.used_bytes > row.bytes ? ": too much" : ""}</td></tr>`)}</tbody></table></div>`}
		${may("admin") && html`<form class="title-line" onSubmit=${set}><input name="quota" maxlength="440" size="28"
		aria-label=${`Quotas of ${store.name}`} placeholder="team-* 64G, web 8G" autocomplete="off" spellcheck=${false} /><button>Set quotas</button></form>`}${failure}`;
}

function Store({ store, reload }) {
	const { act, failure } = useAct();
	const format = async () => {
		if (await confirm({ title: `Format ${store.name}?`, label: "Format", word: store.name, text: `All that the disk ${store.disk} holds is lost.` })) {
			await act(`${store.name} formatted.`, "POST", `/stores/${encodeURIComponent(store.name)}/actions/format`, {});
			reload();
		}
	};
	const grow = async () => {
		await act(`${store.name} has ${bytes(store.room_bytes)} more.`, "POST", `/stores/${encodeURIComponent(store.name)}/actions/grow`, {});
		reload();
	};
	return html`<section class="tile wide-tile" aria-label=${`Store ${store.name}`}><h2>${store.name}</h2>${store.state === "ready"
		? html`<p class="small muted">${bytes(store.free_bytes)} free of ${bytes(store.bytes)} on disk ${store.disk}; ${bytes(store.reserved_bytes)}
			promised to volumes${store.overcommit ? ", which may be more than there is" : ""}</p><${Forecast} what=${`store/${store.name}`} subject="It" />${store.room_bytes > 0 && html`<p>The disk ${store.disk} has ${bytes(store.room_bytes)} more
			than the store. ${may("admin") && html`<button onClick=${grow}>Grow the store</button>`}</p>`}<${Volumes} store=${store} /><${Quotas} store=${store} />`
		: html`<p>${store.state}: ${store.problem}</p>${store.state === "empty" && may("admin") && html`<button class="danger-quiet"
			onClick=${format}>Format</button>`}`}${failure}</section>`;
}

export function VolumesScreen() {
	const { me } = useCell(session);
	const can = may("viewer") && me.scope === "*";
	const list = useLoad(can ? "/stores" : null, EVERY_MS);
	return html`<h1 tabindex="-1">Volumes</h1>${!can ? html`<${Wall} kind="right" title="Only who sees all machines sees the stores of volumes." />`
		: html`<${Loaded} from=${list} lines=${6}>${({ items }) => (items.length ? html`<div class="tiles">${items.map((store) => html`
			<${Store} key=${store.name} store=${store} reload=${list.reload} />`)}</div>`
			: html`<${Wall} title="There is no store of volumes."><p>A section [store NAME] of the configuration makes one of a disk.</p><//>`)}<//>`}`;
}
