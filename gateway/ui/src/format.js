// SPDX-License-Identifier: MIT
// Numbers and times in words, number and unit held together by a no-break space. No page is touched.

const UNITS = ["B", "KiB", "MiB", "GiB", "TiB"];

export function bytes(count) {
	if (count === null || count === undefined || Number.isNaN(count)) {
		return "–";
	}
	let unit = 0;
	while (count >= 1024 && unit < UNITS.length - 1) {
		count /= 1024;
		unit++;
	}
	return `${count >= 100 || unit === 0 || Number.isInteger(count) ? Math.round(count)
		: count.toFixed(1)}\u00a0${UNITS[unit]}`;
}

export function percent(value) {
	return value === null || value === undefined ? "–"
		: `${value >= 99.5 || value === 0 ? Math.round(value) : value.toFixed(1)}\u00a0%`;
}

/** For sentences: no digits after the point. */
export function whole(value) {
	return `${Math.round(value)}\u00a0%`;
}

/** 48300 -> "48.3 k": three digits are enough for a rate. */
export function rate(value) {
	if (value === null || value === undefined) {
		return "–";
	}
	if (value < 1000) {
		return String(Math.round(value));
	}
	const [scaled, unit] = value < 1e6 ? [value / 1e3, "k"] : [value / 1e6, "M"];
	return `${scaled < 100 ? scaled.toFixed(1) : Math.round(scaled)}\u00a0${unit}`;
}

/** Decimal strings of any length, in groups of three. */
export function count(text) {
	return String(text).replace(/\B(?=(\d{3})+$)/g, "\u00a0");
}

export function duration(seconds) {
	if (seconds === null || seconds === undefined) {
		return "–";
	}
	const whole = Math.floor(seconds);
	const days = Math.floor(whole / 86400);
	const hours = Math.floor(whole / 3600) % 24;
	const minutes = Math.floor(whole / 60) % 60;
	if (days) {
		return `${days} d ${hours} h`;
	}
	if (hours) {
		return `${hours} h ${minutes} min`;
	}
	return minutes ? `${minutes} min ${whole % 60} s` : `${whole} s`;
}

export function clock(date) {
	return date.toLocaleTimeString("en-GB");
}

const DAY_S = 86400;

/** A time in a graph of so many seconds: 14:05:30 within an hour, 14:05 within a day, 29/11 14:05 beyond. */
export function moment(date, seconds) {
	const day = seconds > DAY_S ? { day: "2-digit", month: "2-digit" } : {};
	return seconds < DAY_S ? clock(date) : date.toLocaleString("en-GB", { ...day, hour: "2-digit", minute: "2-digit" }).replace(",", "");
}

/** The day of so many seconds since 1970, such as 2026-01-31; null if there is no such moment. */
export function day(seconds) {
	return seconds ? new Date(seconds * 1000).toISOString().slice(0, 10) : null;
}

export function plural(number, word) {
	return `${number} ${word}${number === 1 ? "" : "s"}`;
}

/** One field of a CSV file; a leading sign is made text, so that no spreadsheet computes it. */
export function csvField(value) {
	const text = String(value ?? "");
	return `"${(/^[=+\-@\t\r]/.test(text) ? "'" : "") + text.replaceAll('"', '""')}"`;
}

const SIZES = { K: 1024, M: 1024 ** 2, G: 1024 ** 3, T: 1024 ** 4 };

/** The bytes of 8G, 512M or 4096; NaN if that is no size. */
export function sizeOf(text) {
	const [, number, unit] = /^\s*(\d+)\s*([KMGT]?)\s*$/i.exec(text) ?? [];
	return number === undefined ? NaN : Number(number) * (SIZES[unit.toUpperCase()] ?? 1);
}
