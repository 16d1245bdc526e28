// SPDX-License-Identifier: MIT
// A new machine in three steps: what it boots, its size, network and first boot. What there is is offered.
import { announce } from "../announce.js";
import { call, may, session, useLoad } from "../api.js";
import { newMachine } from "../defaults.js";
import { sizeOf } from "../format.js";
import { html, useCell, useRef, useState } from "../lib.js";
import { filesFor, plan, wrongAt } from "../machine_plan.js";
import { go } from "../router.js";
import { vms } from "../stream.js";
import { Upload, Uploads } from "./upload.js";

const STEPS = ["What it boots", "Its size", "Network and first boot"];
const FIRMWARE = { bios: "BIOS (SeaBIOS)", uefi: "UEFI (OVMF)" };

/** A list of strings or of [value, words]. */
function Choose({ label, value, from, none, onChoose }) {
	return html`<label class="field">${label}<select value=${value} onChange=${(event) => onChoose(event.target.value)}>
		${none && html`<option value="">${none}</option>`}
		${from.map((one) => (Array.isArray(one) ? one : [one, one])).map(([each, words]) => html`<option key=${each} value=${each}>${words}</option>`)}
		</select></label>`;
}

function Write({ label, value, hint, onWrite, ...more }) {
	return html`<label class="field">${label}<input value=${value} autocomplete="off" spellcheck=${false} ...${more}
		onInput=${(event) => onWrite(event.target.value)} />${hint && html`<span class="hint">${hint}</span>`}</label>`;
}

function Source({ choice, set, there }) {
	const sources = [...(there.stores.length ? [["copy", "A copy of a volume, which shares what does not change"],
		["volume", "A volume itself"], ["empty", "An empty disk, with an installer's CD"]] : []), ["kernel", "A kernel that the host was booted with"]];
	return html`<fieldset><legend class="field">Starts from</legend>${sources.map(([source, words]) => html`<label class="check" key=${source}>
		<input type="radio" name="source" value=${source} checked=${choice.source === source} onChange=${() => set({ source })} /> ${words}</label>`)}</fieldset>`;
}

/** An image that is uploaded here becomes the CD of an empty disk, and else what the machine starts from. */
function Bring({ choice, set, reload }) {
	const done = (name, there) => {
		reload();
		set({ uploading: false, ...(there ? { [choice.source === "empty" ? "cd" : "volume"]: name } : {}) });
	};
	return html`${may("content") && html`<${Upload} store=${choice.store}
		begun=${() => set({ uploading: true })} done=${done} words=${choice.source === "empty"
		? "An installer's ISO of your own: drop it here, or" : "A raw image of your own: drop it here, or"} />`}<${Uploads} store=${choice.store} />`;
}

function Boots({ choice, set, there, volumes, reload }) {
	const images = volumes.filter((volume) => !volume.name.endsWith(".part"));
	const idle = images.filter((volume) => !volume.users && !volume.snapshot && !volume.read_only);
	const kinds = Object.keys(FIRMWARE).filter((kind) => filesFor(there.files, kind).length);
	return html`<${Write} label="Name" name="name" autofocus value=${choice.name} onWrite=${(name) => set({ name })} />
		<${Source} ...${{ choice, set, there }} />
		${choice.source === "kernel" ? html`<${Choose} label="Kernel" value=${choice.kernel} from=${filesFor(there.files, "kernel")} onChoose=${(kernel) => set({ kernel })} />
		<${Choose} label="Initial RAM disk" value=${choice.initrd} none="none" from=${filesFor(there.files, "initrd")} onChoose=${(initrd) => set({ initrd })} />
		<${Write} label="Kernel's command line" value=${choice.cmdline} onWrite=${(cmdline) => set({ cmdline })} />` : html`
		${there.stores.length > 1 && html`<${Choose} label="Store" value=${choice.store} from=${there.stores}
			onChoose=${(store) => set({ store, volume: "", cd: "" })} />`}
		${choice.source === "empty" ? html`<${Write} label="Size of the disk" value=${choice.size} hint="Such as 8G. It takes room as it is written."
			onWrite=${(size) => set({ size, diskBytes: sizeOf(size) })} />
		<${Choose} label="CD in its drive" value=${choice.cd} none="none" from=${images.map(({ name }) => name)} onChoose=${(cd) => set({ cd })} />`
		: html`<${Choose} label="Volume" value=${choice.volume} none="choose one" from=${(choice.source === "copy" ? images : idle).map(({ name }) => name)}
			onChoose=${(volume) => set({ volume })} />`}
		<${Bring} ...${{ choice, set, reload }} />
		<${Choose} label="Firmware" value=${choice.boot} from=${kinds.map((kind) => [kind, FIRMWARE[kind]])}
			onChoose=${(boot) => set({ boot, firmware: filesFor(there.files, boot)[0] })} />`}`;
}

function Size({ choice, set }) {
	return html`<${Write} label="Memory" value=${choice.memory} hint="A number with a unit, such as 512M or 2G." onWrite=${(memory) => set({ memory })} />
		<${Write} label="vCPUs" type="number" min="1" max="64" value=${choice.vcpus} onWrite=${(vcpus) => set({ vcpus })} />`;
}

function First({ choice, set, there }) {
	const turn = (net) => set({ nets: choice.nets.includes(net) ? choice.nets.filter((other) => other !== net) : [...choice.nets, net] });
	const seeds = filesFor(there.files, "seed");
	return html`<fieldset><legend class="field">Networks</legend>${there.nets.length ? there.nets.map((net) => html`<label class="check" key=${net}>
			<input type="checkbox" checked=${choice.nets.includes(net)} onChange=${() => turn(net)} /> ${net}</label>`)
			: html`<p class="muted">The configuration has none.</p>`}</fieldset>
		${choice.source !== "kernel" && seeds.length > 0 && html`<${Choose} label="cloud-init" value=${choice.seed} none="none" from=${seeds} onChoose=${(seed) => set({ seed })} />`}
		${choice.source !== "kernel" && !choice.seed && html`<label class="field">Text for cloud-init, for this machine alone
			<textarea name="userData" rows="5" spellcheck=${false} placeholder="#cloud-config" value=${choice.userData}
				onInput=${(event) => set({ userData: event.target.value })}></textarea></label>`}
		<label class="check"><input type="checkbox" name="start" checked=${choice.start} onChange=${(event) => set({ start: event.target.checked })} /> Start it now</label>`;
}

/** What of this host the steps offer; null while it is asked for. Who sees only some machines is offered less. */
function useWhatThereIs() {
	const { me } = useCell(session);
	const all = may("viewer") && me.scope === "*";
	const first = [...(vms.get()?.keys() ?? [])].sort()[0];
	const model = useLoad(first ? `/vms/${encodeURIComponent(first)}` : null);
	const host = useLoad("/host");
	const files = useLoad(all ? "/files" : null);
	const nets = useLoad(all ? "/nets" : null);
	const stores = useLoad(all ? "/stores" : null);
	if ([host, ...(first ? [model] : []), ...(all ? [files, nets, stores] : [])].some((one) => one.loading)) {
		return null;
	}
	const values = newMachine(model.data?.config, host.data?.memory?.free_bytes);
	/* Files that nobody lists are those of the first machine. */
	const known = [["kernel", values.kernel], ["initrd", values.initrd]].filter(([, name]) => name).map(([uses, name]) => ({ name, uses }));
	return { values, files: files.data?.items ?? known, nets: (nets.data?.items ?? []).filter((net) => net.state === "ready").map((net) => net.name),
		stores: (stores.data?.items ?? []).filter((store) => store.state === "ready").map((store) => store.name) };
}

/** The first choice; `choice` is what somebody has chosen before the dialog was opened. */
function begin({ values, files, stores }, choice) {
	const boot = Object.keys(FIRMWARE).find((kind) => filesFor(files, kind).length) ?? "";
	return { name: "", source: boot && stores.length ? "copy" : "kernel", store: stores[0] ?? "", volume: "", cd: "", size: "8G", diskBytes: sizeOf("8G"), boot,
		firmware: filesFor(files, boot)[0] ?? "", nets: [], seed: "", userData: "", start: true, ...values, kernel: values.kernel || filesFor(files, "kernel")[0] || "", ...choice };
}

export function Create({ close, choice }) {
	const there = useWhatThereIs();
	return there ? html`<${Steps} close=${close} there=${there} chosen=${choice} />`
		: html`<form><h2>New machine</h2><p class="muted">Looking at what there is</p></form>`;
}

function Steps({ close, there, chosen }) {
	const [choice, change] = useState(() => begin(there, chosen));
	const [step, setStep] = useState(0);
	const [wrong, setWrong] = useState("");
	const [busy, setBusy] = useState(false);
	const did = useRef(new Set());
	const list = useLoad(choice.store ? `/stores/${encodeURIComponent(choice.store)}/volumes` : null);
	const volumes = list.data?.items ?? [];
	const set = (what) => change((before) => ({ ...before, ...what }));
	const turn = (to) => {
		setWrong("");
		setStep(to);
	};
	const create = async () => {
		setBusy(true);
		try {
			for (const [done, ...request] of plan(choice, volumes)) {
				const what = JSON.stringify(request);
				if (!did.current.has(what)) {
					await call(...request);
					did.current.add(what);
					announce(done);
				}
			}
			close();
			go("machines", choice.name.trim());
		} catch (problem) {
			setWrong(problem.message);
			setBusy(false);
		}
	};
	const submit = (event) => {
		event.preventDefault();
		const why = wrongAt(step, choice);
		if (why) {
			setWrong(why);
		} else if (step < STEPS.length - 1) {
			turn(step + 1);
		} else {
			create();
		}
	};
	const Part = [Boots, Size, First][step];
	return html`<form onSubmit=${submit} class="steps"><h2>New machine</h2>
		<ol class="step-line" aria-label="Steps">${STEPS.map((title, place) => html`<li key=${title} aria-current=${place === step ? "step" : null}>${place + 1}. ${title}</li>`)}</ol>
		<${Part} ...${{ choice, set, there, volumes, reload: list.reload }} />
		${wrong && html`<p class="inline-error" role="alert">${wrong}</p>`}
		<div class="buttons"><button type="button" onClick=${close}>Cancel</button>
			${step > 0 && html`<button type="button" onClick=${() => turn(step - 1)}>Back</button>`}
			<button class="primary" disabled=${busy}>${step < STEPS.length - 1 ? "Next" : "Create"}</button></div></form>`;
}
