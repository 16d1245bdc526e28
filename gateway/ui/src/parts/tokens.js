// SPDX-License-Identifier: MIT
// Tokens of programs: who has which, a new one, which is shown once, and the end of one.
import { day } from "../format.js";
import { html, useRef, useState } from "../lib.js";
import { useAct } from "./act.js";
import { confirm } from "./dialogs.js";
import { RoleChoice, chosenIn } from "./role_choice.js";
import { Loaded } from "./states.js";

const ENDS = [["", "never"], ["3600", "in an hour"], ["86400", "in a day"], ["2592000", "in 30 days"], ["31536000", "in a year"]];

function Add({ act, made }) {
	const submit = async (event) => {
		event.preventDefault();
		const form = event.target;
		const given = new FormData(form);
		const body = { name: given.get("name").trim(), ...chosenIn(form) };
		if (given.get("expires")) {
			body.expires_s = Number(given.get("expires"));
		}
		const answer = await act(`Token ${body.name} made.`, "POST", "/tokens", body);
		if (answer) {
			made({ name: body.name, secret: answer.token });
			form.reset();
		}
	};
	return html`<details><summary>New token</summary><form onSubmit=${submit}>
		<label class="field">Name<input name="name" required maxlength="39" autocomplete="off" spellcheck=${false} /></label>
		<${RoleChoice} />
		<label class="field">Ends<select name="expires">${ENDS.map(([value, label]) => html`<option key=${value} value=${value}>${label}</option>`)}</select></label>
		<div class="buttons"><button class="primary">Make token</button></div></form></details>`;
}

/** Where the browser keeps the clipboard from the page, the secret is selected instead, for Ctrl-C. */
function Secret({ name, secret, close }) {
	const code = useRef(null);
	const [said, setSaid] = useState("");
	const copy = async () => {
		try {
			await navigator.clipboard.writeText(secret);
			setSaid("Copied.");
		} catch {
			getSelection().selectAllChildren(code.current);
			setSaid("The browser lets the page copy nothing. The token is selected: press Ctrl-C.");
		}
	};
	return html`<div role="status"><p>The token of ${name}, shown this once:</p><code class="fingerprint" ref=${code}>${secret}</code>
		<div class="actions"><button type="button" onClick=${copy}>Copy</button><button type="button" onClick=${close}>I have it</button>
		<span class="muted">${said}</span></div></div>`;
}

/** `list`: as useLoad() of /tokens. */
export function Tokens({ list }) {
	const [secret, setSecret] = useState(null);
	const { act: change, failure } = useAct();
	const act = async (...request) => {
		const answer = await change(...request);
		list.reload();
		return answer;
	};
	const revoke = async ({ id, name }) => await confirm({ title: `Revoke token ${id}, ${name}?`, label: "Revoke",
		text: "Whoever uses it is out, and what it has logged in ends." }) &&
		act(`Token ${id} revoked.`, "DELETE", `/tokens/${id}`, undefined);
	return html`<section class="tile wide-tile" aria-label="Tokens"><h2>Tokens</h2><${Loaded} from=${list} lines=${2}>${({ items }) => html`
		<div class="table-box" tabindex="0" role="region" aria-label="Table of tokens"><table class="plain tokens">
			<thead><tr><th scope="col">Name</th><th scope="col">Roles</th><th scope="col" class="opt-2">Machines</th>
			<th scope="col" class="opt-2">Made</th><th scope="col" class="opt-2">Last use</th><th scope="col">Ends</th>
			<th scope="col"><span class="unseen">Actions</span></th></tr></thead><tbody>${items.map((token) => html`<tr key=${token.id}>
			<th scope="row">${token.name}</th><td>${token.roles.join(", ")}</td><td class="opt-2">${token.scope}</td>
			<td class="opt-2 word">${day(token.created) ?? "–"}</td><td class="opt-2 word">${day(token.last_use) ?? "never"}</td><td class="word">${day(token.expires) ?? "never"}</td>
			<td><button class="danger-quiet" onClick=${() => revoke(token)}>Revoke<span class="unseen"> ${token.name}</span></button></td></tr>`)}
			</tbody></table></div>`}<//>
		${secret && html`<${Secret} key=${secret.secret} ...${secret} close=${() => setSecret(null)} />`}
		<${Add} act=${act} made=${setSecret} />${failure}</section>`;
}
