// SPDX-License-Identifier: MIT
// A machine's schedule of backups, its key backup, and until when what it has made is kept. No page is touched.

const UNITS = [["d", 86400, "day"], ["h", 3600, "hour"], ["m", 60, "minute"], ["s", 1, "second"]];
const NANOSECOND = ["ns", 1e-9]; // what the key is shown in when it is no whole number of seconds
const unitOf = (seconds) => UNITS.find(([, size]) => seconds % size === 0) ?? NANOSECOND;

/** { store, every, chain, keep } of the key's value, such as "spare every 1d chain 7 keep 4", `every` in seconds; null for none. */
export function planOf(text) {
	const [, store, number, letter, chain = 7, keep = 2] =
		/^(\S+) every (\d+)(ns|[smhd])(?: chain (\d+))?(?: keep (\d+))?$/.exec((text ?? "").trim()) ?? [];
	const [, size] = [...UNITS, NANOSECOND].find(([unit]) => unit === letter) ?? [];
	return store ? { store, every: number * size, chain: Number(chain), keep: Number(keep) } : null;
}

/** The value of the key for a plan. */
export function planText({ store, every, chain, keep }) {
	const [letter, size] = unitOf(every);
	return `${store} every ${Math.round(every / size)}${letter} chain ${chain} keep ${keep}`;
}

/** 86400 -> "day", 7200 -> "2 hours": what stands behind "every". */
export function everyWords(seconds) {
	const [, size, word] = unitOf(seconds);
	return seconds === size ? word : word ? `${seconds / size} ${word}s` : `${seconds} seconds`;
}

const plural = (count, word) => `${count} ${word}${count === 1 ? "" : "s"}`;

/** How long a time is that backups reach back, in whole days, or hours where it is less than two days. */
function reachWords(seconds) {
	return seconds >= 2 * 86400 ? plural(Math.round(seconds / 86400), "day") : seconds >= 2 * 3600 ? plural(Math.round(seconds / 3600), "hour")
		: plural(Math.round(seconds / 60), "minute");
}

/** What a plan does, in two sentences. */
export function planWords({ store, every, chain, keep }) {
	const what = chain === 1 ? "a full backup each time" : `a full backup, then ${chain - 1} with what has changed since the one before`;
	const most = reachWords(keep * chain * every);
	const reach = keep > 1 ? `at least ${reachWords((keep - 1) * chain * every)} and at most ${most}` : `at most ${most}`;
	return `Every ${everyWords(every)} to ${store}: ${what}. Of these chains ${keep === 1 ? "the newest is" : `the newest ${keep} are`} kept, `
		+ `so one can go back ${reach}.`;
}

/** The seconds since 1970 of a moment's 14 digits, which are UTC; null if the host had no clock then. */
export function momentOf(digits) {
	const [, ...parts] = /^(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)$/.exec(digits ?? "") ?? [];
	const [year, month, ...rest] = parts.map(Number);
	return year >= 2000 ? Date.UTC(year, month - 1, ...rest) / 1000 : null;
}

/**
 * Of the rows of a machine's backups those that its schedule keeps, newest first, each with `made` as momentOf() and
 * `until`: the seconds since 1970 at which it is dropped if all goes by the plan, null if nobody knows. A chain, a full one and
 * those behind it, is dropped as a whole once so many newer ones are there as are kept.
 */
export function keptOf(items, plan) {
	const kept = items.filter(({ state }) => state === "kept").map((item) => ({ ...item, made: momentOf(item.moment), until: null }));
	kept.sort((a, b) => (a.moment < b.moment ? 1 : a.moment > b.moment ? -1 : a.disk < b.disk ? -1 : 1));
	for (const disk of new Set(kept.map((item) => item.disk))) {
		const own = kept.filter((item) => item.disk === disk);
		const newest = own[0];
		let chains = 0; // begun after the one that is looked at
		for (const item of own) {
			const nextFull = newest.made + plan.every * Math.max(1, plan.chain - newest.number + 1);
			item.until = newest.made === null ? null : nextFull + plan.every * plan.chain * Math.max(0, plan.keep - chains - 1);
			chains += item.number === 1;
		}
	}
	return kept;
}

/** The volumes that a machine may write to, of the value of its key disk: those that a schedule backs up. */
export function volumesOf(disk) {
	return (disk ?? "").split(",").map((one) => one.trim().split(/\s+/))
		.filter(([name, ...flags]) => name.includes("/") && !flags.includes("ro") && !flags.includes("cdrom")).map(([name]) => name);
}
