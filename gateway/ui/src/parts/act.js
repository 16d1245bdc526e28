// SPDX-License-Identifier: MIT
// A change that a tile offers: asked for, waited for, told; what went wrong stays beside it.
import { finish } from "../actions.js";
import { announce } from "../announce.js";
import { call } from "../api.js";
import { html, useState } from "../lib.js";

const WAIT = { Prefer: "wait=10" };

/** { act, busy, failure }: act(done, method, path, body) resolves to the answer, or null when it failed. */
export function useAct() {
	const [error, setError] = useState("");
	const [busy, setBusy] = useState("");
	const act = async (done, ...request) => {
		setError("");
		setBusy(done);
		try {
			const answer = await finish(await call(...request, WAIT));
			announce(done);
			return answer?.result ?? answer ?? {};
		} catch (problem) {
			setError(problem.message);
			return null;
		} finally {
			setBusy("");
		}
	};
	return { act, busy, failure: error && html`<p class="inline-error" role="alert">${error}</p>` };
}
