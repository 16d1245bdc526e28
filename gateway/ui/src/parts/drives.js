// SPDX-License-Identifier: MIT
// The CD-ROM drives of a machine: a medium taken out, put back, or another one put in while it runs.
import { may, session, useLoad } from "../api.js";
import { html, useCell, useState } from "../lib.js";
import { drivesOf } from "../machine_plan.js";
import { useAct } from "./act.js";

function Drive({ vm, medium, media, act, busy }) {
	const [other, setOther] = useState("");
	const path = `/vms/${encodeURIComponent(vm.name)}/actions`;
	const put = async (event) => {
		event.preventDefault();
		if (await act(`${other} is in the drive of ${vm.name}.`, "POST", `${path}/insert`, { disk: medium, medium: other })) {
			setOther("");
		}
	};
	return html`<form class="title-line" onSubmit=${put}><strong>${medium}</strong>
		<button type="button" disabled=${busy} aria-label=${`Eject ${medium}`}
			onClick=${() => act(`${medium} is out of the drive of ${vm.name}.`, "POST", `${path}/eject`, { disk: medium })}>Eject</button>
		<button type="button" disabled=${busy} aria-label=${`Insert ${medium}`}
			onClick=${() => act(`${medium} is in the drive of ${vm.name}.`, "POST", `${path}/insert`, { disk: medium })}>Insert</button>
		${media.length > 0 && html`<select value=${other} aria-label=${`Another CD in place of ${medium}`} onChange=${(event) => setOther(event.target.value)}>
			<option value="">another CD</option>${media.filter((name) => name !== medium).map((name) => html`<option key=${name} value=${name}>${name}</option>`)}</select>
			<button disabled=${busy || !other}>Put it in</button>`}</form>`;
}

/** The volumes and disks that may be put into a drive, by those who may do so; nobody else is offered any. */
function useMedia(wanted) {
	const { me } = useCell(session);
	const all = wanted && may("admin") && me.scope === "*";
	const disks = useLoad(all ? "/disks" : null).data?.items ?? [];
	const store = (useLoad(all ? "/stores" : null).data?.items ?? []).find(({ state }) => state === "ready")?.name;
	const volumes = useLoad(store ? `/stores/${encodeURIComponent(store)}/volumes` : null).data?.items ?? [];
	return [...volumes.filter(({ name, encrypt }) => !name.endsWith(".part") && !encrypt).map(({ name }) => `${store}/${name}`),
		...disks.filter(({ state }) => state === "ready").map(({ name }) => name)];
}

/** Shows nothing of a machine without a drive. */
export function Drives({ vm }) {
	const now = useLoad(`/vms/${encodeURIComponent(vm.name)}`);
	const { act, busy, failure } = useAct();
	const drives = drivesOf(now.data?.config?.disk?.value);
	const live = vm.state === "running" || vm.state === "paused";
	const media = useMedia(drives.length > 0 && live);
	const change = async (...request) => {
		const answer = await act(...request);
		now.reload();
		return answer;
	};
	return drives.length > 0 && html`<section class="tile" aria-label="CD-ROM drives"><h2>CD-ROM</h2>
		${live && may("operator") ? drives.map((medium) => html`<${Drive} key=${medium} ...${{ vm, medium, media, act: change, busy }} />`)
		: html`<p>${drives.join(", ")}</p>${!live && html`<p class="muted">While the machine does not run, the key disk below says what is in.</p>`}`}
		${failure}</section>`;
}
