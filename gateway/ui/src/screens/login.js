// SPDX-License-Identifier: MIT
import { login, session } from "../api.js";
import { html, useCell, useEffect, useState } from "../lib.js";

export function LoginScreen() {
	const { message } = useCell(session);
	const [error, setError] = useState("");
	const [busy, setBusy] = useState(false);
	useEffect(() => {
		document.title = "Log in · Skerry";
	}, []);
	const submit = async (event) => {
		event.preventDefault();
		const token = new FormData(event.target).get("token").trim();
		setBusy(true);
		setError("");
		try {
			await login({ token });
		} catch (problem) {
			setError(problem.status === 429 ? "Too many tries. Wait a minute." : problem.message);
			setBusy(false);
		}
	};
	return html`<main class="login"><form class="card" onSubmit=${submit}>
		<h1><img src="icon.svg" alt="" width="40" height="40" />Skerry</h1>
		${message && html`<p class="notice" role="status">${message}</p>`}
		<label class="field">Token<input name="token" type="password" required autofocus autocomplete="off"
			placeholder="sky_…" aria-describedby=${error ? "login-error" : null} /></label>
		${error && html`<p class="inline-error" id="login-error" role="alert">${error}</p>`}
		<button class="primary" disabled=${busy}>${busy ? "Logging in…" : "Log in"}</button>
		<details><summary>Where do I get one?</summary>
			<p><code>skerryd</code> prints the first token once, at its first start. Somebody with the role admin
			makes more of them, for persons and programs, with fewer rights and an end.</p></details>
		<details><summary>Is this the right machine?</summary>
			<p>A page cannot vouch for itself. Your browser shows the certificate's SHA-256 fingerprint behind the
			sign beside the address. Compare it with the one that <code>skerryd</code> printed at its first start,
			or that <code>skerryctl host</code> shows.</p></details>
	</form></main>`;
}
