// SPDX-License-Identifier: MIT
import { login, session } from "../api.js";
import { html, useCell, useEffect, useState } from "../lib.js";

const WAY = "skerry.login";

function Field({ name, label, children, ...more }) {
	return html`<label class="field">${label}<input name=${name} required spellcheck=${false} ...${more} /></label>`;
}

export function LoginScreen() {
	const { message } = useCell(session);
	const [error, setError] = useState("");
	const [busy, setBusy] = useState(false);
	const [named, setNamed] = useState(localStorage.getItem(WAY) === "password");
	const other = () => {
		localStorage.setItem(WAY, named ? "token" : "password");
		setNamed(!named);
		setError("");
	};
	useEffect(() => {
		document.title = "Log in · Skerry";
	}, []);
	const submit = async (event) => {
		event.preventDefault();
		const { user = "", password, token = "" } = Object.fromEntries(new FormData(event.target));
		setBusy(true);
		setError("");
		try {
			await login(named ? { user: user.trim(), password } : { token: token.trim() });
		} catch (problem) {
			setError(problem.status === 429 ? "Too many tries. Wait a minute." : problem.message);
			setBusy(false);
		}
	};
	return html`<main class="login"><form class="card" onSubmit=${submit}>
		<h1><img src="icon.svg" alt="" width="40" height="40" />Skerry</h1>
		${message && html`<p class="notice" role="status">${message}</p>`}
		${named ? html`<${Field} key="user" name="user" label="Name" autofocus autocomplete="username" autocapitalize="none" />
			<${Field} key="password" name="password" label="Password" type="password" autocomplete="current-password"
				aria-describedby=${error ? "login-error" : null} />`
			: html`<${Field} key="token" name="token" label="Token" type="password" autofocus autocomplete="off" placeholder="sky_…"
				aria-describedby=${error ? "login-error" : null} />`}
		${error && html`<p class="inline-error" id="login-error" role="alert">${error}</p>`}
		<button class="primary" disabled=${busy}>${busy ? "Logging in…" : "Log in"}</button>
		<button type="button" class="quiet" onClick=${other}>${named ? "Use a token" : "Use a name and a password"}</button>
		<details><summary>Where do I get one?</summary>
			<p><code>skerryd</code> prints the first token once, at its first start. Who has the role admin makes users
			with a password for persons, and more tokens, with fewer rights and an end, for programs:
			on the page Host, or by <code>skerryctl user create</code> and <code>skerryctl token create</code>.</p></details>
		<details><summary>Is this the right machine?</summary>
			<p>A page cannot vouch for itself. Your browser shows the certificate's SHA-256 fingerprint behind the
			sign beside the address. Compare it with the one that <code>skerryd</code> printed at its first start,
			or that <code>skerryctl host</code> shows.</p></details>
	</form></main>`;
}
