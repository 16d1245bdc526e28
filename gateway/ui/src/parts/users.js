// SPDX-License-Identifier: MIT
// Who logs in with a password, and one's own.
import { logout, session } from "../api.js";
import { day } from "../format.js";
import { html, useCell, useState } from "../lib.js";
import { useAct } from "./act.js";
import { confirm } from "./dialogs.js";
import { RoleChoice, chosenIn } from "./role_choice.js";
import { Loaded } from "./states.js";

const LEAST = 10;

function Password({ name, label, required = true, ...more }) {
	return html`<label class="field">${label}<input type="password" name=${name} required=${required} minlength=${LEAST} maxlength="200" ...${more} /></label>`;
}

function Add({ act }) {
	const submit = async (event) => {
		event.preventDefault();
		const form = event.target;
		const given = new FormData(form);
		const body = { name: given.get("name").trim(), password: given.get("password"), ...chosenIn(form) };
		if (await act(`User ${body.name} made.`, "POST", "/users", body)) {
			form.reset();
		}
	};
	return html`<details><summary>New user</summary><form onSubmit=${submit}>
		<label class="field">Name<input name="name" required maxlength="31" autocomplete="off" spellcheck=${false} /></label>
		<${Password} name="password" label="Password, ten characters at least" autocomplete="new-password" />
		<${RoleChoice} />
		<div class="buttons"><button class="primary">Make user</button></div></form></details>`;
}

function Change({ user, act, close }) {
	const submit = async (event) => {
		event.preventDefault();
		const password = new FormData(event.target).get("password");
		const body = { ...chosenIn(event.target), ...(password && { password }) };
		if (await act(`User ${user.name} changed.`, "PATCH", `/users/${encodeURIComponent(user.name)}`, body)) {
			close();
		}
	};
	return html`<form onSubmit=${submit} aria-label=${`Change ${user.name}`}><p class="muted">What is logged in as ${user.name} ends with the change.</p>
		<${RoleChoice} has=${user} />
		<${Password} name="password" label="Another password, if it shall have one" required=${false} autocomplete="new-password" />
		<div class="buttons"><button type="button" onClick=${close}>Cancel</button><button class="primary">Save</button></div></form>`;
}

function Row({ user, act }) {
	const [open, setOpen] = useState(false);
	const remove = async () => await confirm({ title: `Remove user ${user.name}?`, label: "Remove", text: "What is logged in by this name ends." }) &&
		act(`User ${user.name} removed.`, "DELETE", `/users/${encodeURIComponent(user.name)}`, undefined);
	return html`<tr><th scope="row">${user.name}</th><td>${user.roles.join(", ")}</td><td class="opt-2">${user.scope}</td>
		<td class="opt-3 word">${day(user.created) ?? "–"}</td><td class="opt-2 word">${day(user.last_login) ?? "never"}</td><td><div class="actions in-line">
		<button aria-expanded=${open ? "true" : "false"} onClick=${() => setOpen(!open)}>Change<span class="unseen"> ${user.name}</span></button>
		<button class="danger-quiet" onClick=${remove}>Remove<span class="unseen"> ${user.name}</span></button></div></td></tr>
		${open && html`<tr><td colspan="6"><${Change} user=${user} act=${act} close=${() => setOpen(false)} /></td></tr>`}`;
}

/** `list`: as useLoad() of /users. */
export function Users({ list }) {
	const { act: change, failure } = useAct();
	const act = async (...request) => {
		const answer = await change(...request);
		list.reload();
		return answer;
	};
	return html`<section class="tile tile-wide" aria-label="Users"><h2>Users</h2><${Loaded} from=${list} lines=${2}>${({ items }) => html`
		${items.length ? html`<div class="table-box" tabindex="0" role="region" aria-label="Table of users"><table class="plain users">
			<thead><tr><th scope="col">Name</th><th scope="col">Roles</th><th scope="col" class="opt-2">Machines</th>
			<th scope="col" class="opt-3">Made</th><th scope="col" class="opt-2">Last login</th>
			<th scope="col"><span class="unseen">Actions</span></th></tr></thead><tbody>${items.map((user) => html`
			<${Row} key=${user.name} user=${user} act=${act} />`)}</tbody></table></div>` : html`<p class="muted">None: everybody logs in with a token.</p>`}`}<//>
		<${Add} act=${act} />${failure}</section>`;
}

/** Only of who logged in with one; all that is logged in with it ends, this page too. */
export function OwnPassword() {
	const { me } = useCell(session);
	const { act, failure } = useAct();
	const submit = async (event) => {
		event.preventDefault();
		const given = Object.fromEntries(new FormData(event.target));
		if (await act("Password changed.", "POST", "/me/password", given)) {
			await logout().catch(() => {});
			session.set({ state: "out", me: null, message: "Your password is changed. Log in with the new one." });
		}
	};
	return me.by === "password" && html`<section class="tile" aria-label="Your password"><h2>Your password</h2><form onSubmit=${submit}>
		<input class="unseen" value=${me.name} readonly tabindex="-1" aria-hidden="true" autocomplete="username" />
		<label class="field">Old<input type="password" name="old" required autocomplete="current-password" /></label>
		<${Password} name="new" label="New, ten characters at least" autocomplete="new-password" />
		<div class="buttons"><button>Change</button></div></form>${failure}</section>`;
}
