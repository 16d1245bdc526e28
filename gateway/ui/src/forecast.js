// SPDX-License-Identifier: MIT
// A forecast of skerryd's in words. Nothing here touches the page.
import { plural } from "./format.js";

const SUBJECTS = { busy_percent: "The CPUs", free_bytes: "The free memory", resident_bytes: "Its memory", cpu_percent: "Its share of CPUs" };
const LEAST_DAYS = 5;

function day(seconds) {
	return new Date(seconds * 1000).toLocaleDateString("en-GB", { day: "numeric", month: "long", year: "numeric" });
}

function when(item) {
	switch (item.state) {
	case "expected": return item.latest === null
		? `most likely used up on ${day(item.likely)}, from ${day(item.earliest)} on, or not within ${plural(item.ahead_days, "day")}`
		: `used up between ${day(item.earliest)} and ${day(item.latest)}, most likely on ${day(item.likely)}`;
	case "possible": return `most likely not used up within ${plural(item.ahead_days, "day")}, but possibly from ${day(item.earliest)} on`;
	case "not-within": return `not used up within ${plural(item.ahead_days, "day")}`;
	case "reached": return "used up now";
	case "not-enough-history": return `of unknown end: ${plural(item.days, "day")} of history, and ${LEAST_DAYS} up to now are needed`;
	default: return "without a limit";
	}
}

/** A sentence about an item of /v1/forecast; `subject` is what it is about, if not what its series says. */
export function forecastWords(item, subject) {
	return `${subject ?? SUBJECTS[item.series] ?? item.series} ${item.series === "busy_percent" ? "are" : "is"} ${when(item)}.`;
}
