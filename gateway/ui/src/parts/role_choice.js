// SPDX-License-Identifier: MIT
// What a user or a token may: its roles, and the machines that they are for, as fields of a form.
import { html } from "../lib.js";
import { ROLES } from "../roles.js";

/** `has`: { roles, scope } as they are. */
export function RoleChoice({ has = { roles: [], scope: "" } }) {
	return html`<fieldset class="roles"><legend>Roles</legend>${ROLES.map(([role, allows]) => html`<label class="check" key=${role} title=${allows}>
			<input type="checkbox" name="role" value=${role} checked=${has.roles.includes(role)} /> ${role}</label>`)}</fieldset>
		<label class="field">Machines<input name="scope" placeholder="*: all" maxlength="63" autocomplete="off" spellcheck=${false}
			defaultValue=${has.scope} /></label>`;
}

/** { roles, scope } of a form with these fields. */
export function chosenIn(form) {
	const given = new FormData(form);
	return { roles: given.getAll("role"), scope: given.get("scope").trim() || "*" };
}
