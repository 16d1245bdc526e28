// SPDX-License-Identifier: MIT
// Requests to skerryd, and who is logged in.
import { cell, useEffect, useReducer, useRef } from "./lib.js";

/** state: "unknown" | "out" | "in"; me: as GET /v1/me; message: why somebody is out. */
export const session = cell({ state: "unknown", me: null, message: "" });

export class ApiError extends Error {
	constructor(status, problem) {
		super(problem.detail || problem.title || `The server answered ${status}.`);
		this.status = status;
		this.code = problem.code ?? "failed";
		this.allowedStates = problem.allowed_states ?? [];
		this.retryAfter = 0;
	}
}

const UNREACHABLE = { code: "unreachable", detail: "The server does not answer." };

export function expire() {
	if (session.get().state === "in") {
		session.set({ state: "out", me: null, message: "Your login has ended. Log in again to go on here." });
	}
}

async function problemOf(response) {
	try {
		return await response.json();
	} catch {
		return { detail: `The server answered ${response.status}.` };
	}
}

/** The Response. Throws ApiError; status 0 when nobody answers. */
export async function request(method, path, body, headers = {}) {
	let response;
	try {
		response = await fetch(`/v1${path}`, {
			method,
			credentials: "same-origin",
			cache: "no-store",
			headers: method === "GET" ? headers : { "Content-Type": "application/json", ...headers },
			body: body === undefined || body instanceof Blob ? body : JSON.stringify(body),
		});
	} catch {
		throw new ApiError(0, UNREACHABLE);
	}
	if (!response.ok) {
		if (response.status === 401 && path !== "/login") {
			expire();
		}
		const error = new ApiError(response.status, await problemOf(response));
		error.retryAfter = Number(response.headers.get("Retry-After")) || 0;
		throw error;
	}
	return response;
}

const PATIENT_TRIES = 8;

/** As call(), but keeps to the server's pace: 429 is waited for, not failed. */
export async function patientCall(method, path, body, headers) {
	for (let tries = 1; ; tries++) {
		try {
			return await call(method, path, body, headers);
		} catch (error) {
			if (error.status !== 429 || tries >= PATIENT_TRIES) {
				throw error;
			}
			await new Promise((resolve) => setTimeout(resolve, Math.min(10, error.retryAfter || 1) * 1000));
		}
	}
}

export async function call(method, path, body, headers) {
	const response = await request(method, path, body, headers);
	return response.status === 204 ? null : response.json();
}

const STORED = "skerry.session";

/** Whether a login was made here: the cookie itself cannot be seen. */
function remembered(change) {
	try {
		if (change !== undefined) {
			change ? localStorage.setItem(STORED, "yes") : localStorage.removeItem(STORED);
		}
		return localStorage.getItem(STORED) === "yes";
	} catch {
		return true;
	}
}

/** Asks who is logged in, if anybody was. */
export async function whoAmI() {
	if (!remembered()) {
		session.set({ state: "out", me: null, message: "" });
		return;
	}
	try {
		session.set({ state: "in", me: await call("GET", "/me"), message: "" });
	} catch (error) {
		const message = error.status === 401 ? "" : error.message;
		if (error.status === 401) {
			remembered(false);
		}
		session.set({ state: "out", me: null, message });
	}
}

export async function login(credential) {
	session.set({ state: "in", me: await call("POST", "/login", credential), message: "" });
	remembered(true);
}

export async function logout() {
	try {
		await call("POST", "/logout", {});
	} finally {
		remembered(false);
		session.set({ state: "out", me: null, message: "You are logged out." });
	}
}

const RANK = { viewer: 1, operator: 2, admin: 3 };

/** Whether the one logged in has `role` or one that includes it. The server decides; this is for the looks. */
export function may(role) {
	const roles = session.get().me?.roles ?? [];
	return roles.includes(role) || roles.some((has) => RANK[has] >= (RANK[role] ?? 9)) ||
		(role === "console-read" && roles.includes("console-write"));
}

/**
 * What GET `path` answers: { data, error, loading, reload }. Old data stays while newer is fetched;
 * `every` milliseconds it is fetched anew while the page can be seen. A null path fetches nothing.
 */
export function useLoad(path, every = 0) {
	const [, redraw] = useReducer((number) => number + 1, 0);
	const held = useRef({ path: null, data: null, error: null, loading: true });
	if (held.current.path !== path) {
		held.current = { path, data: null, error: null, loading: true };
	}
	const load = async () => {
		const mine = held.current;
		if (!path) {
			return;
		}
		try {
			mine.data = await call("GET", path);
			mine.error = null;
		} catch (error) {
			mine.error = error;
		}
		mine.loading = false;
		redraw();
	};
	useEffect(() => {
		load();
		const timer = every && setInterval(() => document.hidden || load(), every);
		return () => clearInterval(timer);
	}, [path, every]);
	return { ...held.current, reload: load };
}
