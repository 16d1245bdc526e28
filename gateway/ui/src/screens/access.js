// SPDX-License-Identifier: MIT
// Who may do what: oneself, what each role allows and who has it, users, tokens, one's own password.
import { may, session, useLoad } from "../api.js";
import { day } from "../format.js";
import { html, useCell } from "../lib.js";
import { Tokens } from "../parts/tokens.js";
import { OwnPassword, Users } from "../parts/users.js";
import { ROLES } from "../roles.js";

const BY = { token: "a token", password: "name and password", socket: "the host's own socket" };

function You() {
	const { me } = useCell(session);
	const facts = [["Name", me.name], ["Logged in by", BY[me.by] ?? me.by], ["Roles", me.roles.join(", ") || "none"],
		["Machines", me.scope === "*" ? "all" : me.scope], ["Access ends", me.expires ? `on ${day(me.expires)}` : "never"]];
	return html`<section class="tile" aria-label="You"><h2>You</h2><dl class="rows">${facts.map(([name, value]) => html`
		<div key=${name}><dt>${name}</dt><dd>${value}</dd></div>`)}</dl></section>`;
}

/** The names of users and tokens that have been given a role itself; one that contains it is not counted. */
function holders(role, { users, tokens }) {
	const having = (list) => (list.data?.items ?? []).filter(({ roles }) => roles.includes(role)).map(({ name }) => name);
	return [...having(users), ...having(tokens).map((name) => `${name} (token)`)].join(", ");
}

/** `kind` is the tile's width; without `users` and `tokens` it says nothing of who has a role. */
function Roles({ kind, users, tokens }) {
	const { me } = useCell(session);
	return html`<section class="tile ${kind}" aria-label="Roles"><h2>Roles</h2><div class="table-box" tabindex="0" role="region" aria-label="Table of roles">
		<table class="plain"><thead><tr><th scope="col">Role</th><th scope="col">What it allows</th>${users && html`<th scope="col" class="opt-2">Given to</th>`}</tr></thead>
		<tbody>${ROLES.map(([role, allows]) => html`<tr key=${role}><th scope="row" class="word">${role}${me.roles.includes(role) && html` <span class="mark" title="You have it">✓<span
			class="unseen"> you have it</span></span>`}</th><td>${allows}</td>
			${users && html`<td class="opt-2 small">${holders(role, { users, tokens }) || html`<span class="muted">nobody</span>`}</td>`}</tr>`)}</tbody></table></div></section>`;
}

function Everybody() {
	const users = useLoad("/users");
	const tokens = useLoad("/tokens");
	return html`<${Users} list=${users} /><${Tokens} list=${tokens} /><${OwnPassword} /><${Roles} kind="wide-tile" users=${users} tokens=${tokens} />`;
}

export function AccessScreen() {
	const admin = may("admin");
	return html`<h1 tabindex="-1">Access</h1>
		<div class="tiles"><${You} />${admin ? html`<${Everybody} />` : html`<${Roles} kind="tile-wide" /><${OwnPassword} />`}</div>
		${!admin && html`<p class="muted report-part">Who has which role is shown to the role admin, who makes users and tokens here.</p>`}`;
}
