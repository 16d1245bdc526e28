// SPDX-License-Identifier: MIT
// Who logs in with a password, and one's own.
import { logout, may, session, useLoad } from "../api.js";
import { html, useCell } from "../lib.js";
import { useAct } from "./act.js";
import { confirm } from "./dialogs.js";
import { Loaded } from "./states.js";

const ROLES = ["viewer", "operator", "admin", "auditor", "console-read", "console-write", "guest", "content"];
const LEAST = 10;

function Password({ name, label, ...more }) {
	return html`<label class="field">${label}<input type="password" name=${name} required minlength=${LEAST} maxlength="200" ...${more} /></label>`;
}

function Add({ act }) {
	const submit = async (event) => {
		event.preventDefault();
		const form = event.target;
		const given = new FormData(form);
		const body = { name: given.get("name").trim(), password: given.get("password"), roles: given.getAll("role"),
			scope: given.get("scope").trim() || "*" };
		if (await act(`User ${body.name} made.`, "POST", "/users", body)) {
			form.reset();
		}
	};
	return html`<details><summary>New user</summary><form onSubmit=${submit}>
		<label class="field">Name<input name="name" required maxlength="31" autocomplete="off" spellcheck=${false} /></label>
		<${Password} name="password" label="Password, ten characters at least" autocomplete="new-password" />
		<fieldset class="roles"><legend>Roles</legend>${ROLES.map((role) => html`<label class="check" key=${role}>
			<input type="checkbox" name="role" value=${role} /> ${role}</label>`)}</fieldset>
		<label class="field">Machines<input name="scope" placeholder="*: all" maxlength="63" autocomplete="off" spellcheck=${false} /></label>
		<div class="buttons"><button class="primary">Make user</button></div></form></details>`;
}

export function Users() {
	const list = useLoad(may("admin") ? "/users" : null);
	const { act: change, failure } = useAct();
	const act = async (...request) => {
		const answer = await change(...request);
		list.reload();
		return answer;
	};
	const remove = async ({ name }) => await confirm({ title: `Remove user ${name}?`, label: "Remove", text: "What is logged in by this name ends." }) &&
		act(`User ${name} removed.`, "DELETE", `/users/${encodeURIComponent(name)}`, undefined);
	return may("admin") && html`<section class="tile" aria-label="Users"><h2>Users</h2><${Loaded} from=${list} lines=${2}>${({ items }) => html`
		${items.length ? html`<div class="table-box" tabindex="0" role="region" aria-label="Table of users"><table class="plain users">
			<thead><tr><th scope="col">Name</th><th scope="col">Roles</th><th scope="col" class="opt-2">Machines</th>
			<th scope="col"><span class="unseen">Actions</span></th></tr></thead><tbody>${items.map((user) => html`<tr key=${user.name}>
			<th scope="row">${user.name}</th><td>${user.roles.join(", ")}</td><td class="opt-2">${user.scope}</td>
			<td><button class="danger-quiet" onClick=${() => remove(user)}>Remove<span class="unseen"> ${user.name}</span></button></td></tr>`)}
			</tbody></table></div>` : html`<p class="muted">None: everybody logs in with a token.</p>`}
		<${Add} act=${act} />`}<//>${failure}</section>`;
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
