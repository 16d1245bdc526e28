// SPDX-License-Identifier: MIT
import { login, session } from "../api.js";
import { html, useCell, useEffect, useState } from "../lib.js";

export function LoginScreen() {
	const { message } = useCell(session);
	const [way, setWay] = useState("token");
	const [error, setError] = useState("");
	const [busy, setBusy] = useState(false);
	useEffect(() => {
		document.title = "Log in · Skerry";
	}, []);
	const submit = async (event) => {
		event.preventDefault();
		const given = Object.fromEntries(new FormData(event.target));
		setBusy(true);
		setError("");
		try {
			await login(given);
		} catch (problem) {
			setError(problem.status === 429 ? "Too many tries. Wait a minute." : problem.message);
			setBusy(false);
		}
	};
	return html`<main class="login"><form class="card" onSubmit=${submit}>
		<h1><img src="icon.svg" alt="" width="40" height="40" />Skerry</h1>
		${message && html`<p class="notice" role="status">${message}</p>`}
		<fieldset class="ways"><legend class="unseen">Log in with</legend>
			${[["token", "Token"], ["password", "User and password"]].map(([value, label]) => html`
				<label><input type="radio" name="way" value=${value} checked=${way === value}
					onChange=${() => setWay(value)} /><span>${label}</span></label>`)}
		</fieldset>
		${way === "token" ? html`<label class="field" key="token">Token
				<input name="token" type="password" required autofocus autocomplete="off" placeholder="sky_…"
					aria-describedby=${error ? "login-error" : null} /></label>`
			: html`<label class="field" key="user">User<input name="user" required autocomplete="username" /></label>
			<label class="field" key="password">Password
				<input name="password" type="password" required autocomplete="current-password"
					aria-describedby=${error ? "login-error" : null} /></label>`}
		${error && html`<p class="inline-error" id="login-error" role="alert">${error}</p>`}
		<button class="primary" disabled=${busy}>${busy ? "Logging in…" : "Log in"}</button>
		<details><summary>Is this the right machine?</summary>
			<p>A page cannot vouch for itself. Your browser shows the certificate's SHA-256 fingerprint behind the
			sign beside the address. Compare it with the one that <code>skerryd</code> printed at its first start,
			or that <code>skerryctl host</code> shows.</p></details>
	</form></main>`;
}
