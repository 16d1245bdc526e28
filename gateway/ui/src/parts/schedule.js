// SPDX-License-Identifier: MIT
// A machine's schedule of backups: what it does, when the next one is due, one at once, and how it is changed.
import { announce } from "../announce.js";
import { may, session, useLoad } from "../api.js";
import { everyWords, planOf, planText, planWords, volumesOf } from "../backup_plan.js";
import { bytes, duration } from "../format.js";
import { html, useCell, useState } from "../lib.js";
import { useAct } from "./act.js";
import { useConfiguration } from "./configuration.js";
import { confirm } from "./dialogs.js";
import { Failure, Loaded, Skeleton } from "./states.js";

const EVERY = [3600, 4 * 3600, 6 * 3600, 12 * 3600, 86400, 2 * 86400, 7 * 86400, 30 * 86400];
const CHAINS = [1, 2, 3, 4, 5, 6, 7, 8];
const KEPT = [1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 52, 64];
const FIRST = { every: 86400, chain: 7, keep: 4 };

/** One of some numbers; one that the key has and the list has not is offered, too. */
function NumberChoice({ label, value, from, words, onChoose }) {
	const all = from.includes(value) ? from : [...from, value].sort((a, b) => a - b);
	return html`<label>${label} <select value=${value} onChange=${(event) => onChoose(Number(event.target.value))}>
		${all.map((one) => html`<option key=${one} value=${one}>${words(one)}</option>`)}</select></label>`;
}

function Form({ plan, volumes, stores, save, busy }) {
	const [changes, setChanges] = useState({});
	const ready = stores.filter(({ state }) => state === "ready");
	const elsewhere = ready.find(({ name }) => !volumes.some((volume) => volume.startsWith(`${name}/`)));
	const wanted = { ...FIRST, store: (elsewhere ?? ready[0])?.name, ...plan, ...changes };
	const choose = (key) => (value) => setChanges({ ...changes, [key]: value });
	const names = [...new Set([...(plan ? [plan.store] : []), ...ready.map(({ name }) => name)])];
	const store = ready.find(({ name }) => name === wanted.store);
	const changed = planText(wanted) !== (plan && planText(plan));
	const submit = async (event) => {
		event.preventDefault();
		if (await save(planText(wanted), "The schedule is saved.")) {
			setChanges({});
		}
	};
	const remove = async () => await confirm({ title: "Remove the schedule?", label: "Remove",
		text: `Nothing is backed up by itself any more. The backups that there are stay in ${plan.store}, as volumes that nobody drops but you, and this page `
			+ "does not show them any more." }) && await save("none", "The schedule is removed.") && setChanges({});
	if (!names.length) {
		return html`<p class="muted">There is no store that is ready to take backups; <a href="#/volumes">Volumes</a> shows what stores there are.</p>`;
	}
	return html`<form class="schedule" onSubmit=${submit}><p class="title-line">
			<${NumberChoice} label="Every" value=${wanted.every} from=${EVERY} words=${everyWords} onChoose=${choose("every")} />
			<label>to the store <select value=${wanted.store} onChange=${(event) => choose("store")(event.target.value)}>
				${names.map((name) => html`<option key=${name} value=${name}>${name}</option>`)}</select></label>
			<${NumberChoice} label="a full one" value=${wanted.chain} from=${CHAINS} onChoose=${choose("chain")}
				words=${(count) => (count === 1 ? "each time" : `every ${count}${["nd", "rd"][count - 2] ?? "th"} time`)} />
			<${NumberChoice} label="keep" value=${wanted.keep} from=${KEPT} words=${(count) => (count === 1 ? "1 chain" : `${count} chains`)}
				onChoose=${choose("keep")} /></p>
		<p class="small muted">${changed && `${planWords(wanted)} `}${store ? `${store.name} has ${bytes(store.free_bytes)} free.` : `${wanted.store} is not ready.`}
			${volumes.some((volume) => volume.startsWith(`${wanted.store}/`)) && html` <strong>The machine's own disk is in this store: who loses the store
			loses both.</strong>`}</p>
		<div class="actions"><button class="primary" disabled=${busy || !changed}>${plan ? "Change the schedule"
			: "Begin this schedule"}</button>${plan && html`<button type="button" class="danger-quiet" disabled=${busy} onClick=${remove}>Remove</button>`}</div></form>`;
}

/** When the next backup is due, in words: by the newest of the disk that is worst off. */
function next(vm, plan, kept) {
	const newest = Math.min(...[...new Set(kept.map(({ disk }) => disk))].map((disk) => kept.find((item) => item.disk === disk).made ?? 0));
	const wait = Number.isFinite(newest) && newest > 0 ? newest + plan.every - Date.now() / 1000 : 0;
	return wait > 0 ? `in ${duration(wait)}${live(vm) ? "" : ", or when the machine runs then"}` : live(vm) ? "now" : "as soon as the machine runs";
}

const live = ({ state }) => state === "running" || state === "paused";

/** Why no backup can begin at once, or "". */
function hindrance(vm, all) {
	return !all ? "Back up now needs the role admin for all machines: an old backup may be dropped after it."
		: live(vm) ? "" : "Back up now needs a machine that runs or is paused.";
}

function Now({ vm, plan, kept, underWay, act, busy, all }) {
	const path = `/vms/${encodeURIComponent(vm.name)}/actions`;
	const why = hindrance(vm, all);
	const begin = () => !why && !busy && act(`A backup of ${vm.name} begins.`, "POST", `${path}/backup-now`);
	const copied = underWay[0];
	return html`<p>${planWords(plan)}</p>
		<dl class="rows"><div><dt>Newest</dt><dd>${!kept.length ? "none yet" : kept[0].made === null ? "of a time when the host had no clock"
			: `${duration(Math.max(0, Date.now() / 1000 - kept[0].made))} ago`}</dd></div>
			<div><dt>Next</dt><dd>${copied ? `under way: ${bytes(copied.copied_bytes)} of ${bytes(copied.all_bytes)} copied` : next(vm, plan, kept)}</dd></div></dl>
		<div class="actions">${copied ? may("operator") && html`<button disabled=${busy}
			onClick=${() => act("The backup is cancelled.", "POST", `${path}/backup-cancel`)}>Cancel the backup</button>`
			: html`<button title=${why || "Back up now"} aria-disabled=${why ? "true" : null} onClick=${begin}>Back up now${why
			&& html`<span class="unseen">: ${why}</span>`}</button>`}</div>`;
}

function Plan({ vm, config, saveKeys, kept, items, reload }) {
	const { me } = useCell(session);
	const all = may("admin") && me.scope === "*";
	const stores = useLoad(all ? "/stores" : null);
	const { act: change, busy, failure } = useAct();
	const [problem, setProblem] = useState("");
	const [saving, setSaving] = useState(false);
	const plan = planOf(config.backup?.value);
	const volumes = volumesOf(config.disk?.value);
	const failed = items.find(({ disk, state }) => disk === "" && state === "failed");
	const underWay = items.filter(({ target, state }) => target.includes("/@") && (state === "begins" || state === "copying"));
	const act = async (...request) => {
		await change(...request);
		reload();
	};
	const save = async (value, done) => {
		setSaving(true);
		const said = await saveKeys({ backup: value }, done);
		setSaving(false);
		setProblem(said);
		reload();
		return !said;
	};
	return html`${plan ? html`<${Now} ...${{ vm, plan, kept, underWay, act, busy, all }} />`
			: html`<p>None: nothing of the machine is backed up by itself.</p>`}
		${failed && html`<p class="inline-error">The last one by schedule failed: ${failed.problem}.</p>`}${failure}
		${!volumes.length ? html`<p class="muted">A schedule backs up volumes that the machine may write to, and it has none.</p>`
			: all ? html`<${Loaded} from=${stores} lines=${2}>${({ items: list }) => html`<${Form} key=${planText(plan ?? { store: "", every: 1 })}
				...${{ plan, volumes, stores: list, save, busy: saving }} />`}<//>`
			: html`<p class="muted small">Changing it needs the role admin for all machines.</p>`}
		${problem && html`<p class="inline-error" role="alert">Not saved: ${problem}</p>`}`;
}

/** `kept`: as keptOf(); `items`: all rows of the machine's backups; `held`: as useConfiguration(). */
export function Schedule({ vm, held, kept, items, reload }) {
	const saveKeys = async (keys, done) => {
		try {
			await held.save(keys);
			announce(done);
			return "";
		} catch (error) {
			held.load();
			return error.message;
		}
	};
	return html`<section class="tile" aria-label="Schedule"><h2>Schedule</h2>${held.error ? html`<${Failure} error=${held.error} reload=${held.load} />`
		: !held.config ? html`<${Skeleton} lines=${4} />`
		: html`<${Plan} ...${{ vm, config: held.config, saveKeys, kept, items, reload }} />`}</section>`;
}
