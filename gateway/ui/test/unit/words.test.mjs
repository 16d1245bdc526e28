// SPDX-License-Identifier: MIT
import assert from "node:assert/strict";
import { test } from "node:test";
import * as words from "../../src/format.js";
import { matches, parse, sorted } from "../../src/filter.js";
import { explain } from "../../src/slow.js";
import { forecastWords } from "../../src/forecast.js";

const plain = (text) => text.replaceAll("\u00a0", " ");
const format = Object.fromEntries(Object.entries(words).map(([name, word]) => [name, (...given) => plain(word(...given))]));
const VM = { name: "alpha", state: "running", reason: "", vcpus: 1, cap_percent: null, weight: 256,
	resident_bytes: 1, uptime_s: 1, sample: { cpu_percent: 5, exits_per_s: 10, exits: { io: 9, hlt: 1 } } };
const flat = (cpu, steal, halted, exits) => ({ cpu: [cpu, null, cpu], steal: [steal], halted: [halted], exits: [exits] });
const title = (vm, history, others = []) => explain(vm, history, others).map((found) => plain(found.title)).join(" ");

test("sizes, rates and times in words", () => {
	assert.equal(format.bytes(0), "0 B");
	assert.equal(format.bytes(1536), "1.5 KiB");
	assert.equal(format.bytes(268435456), "256 MiB");
	assert.equal(format.bytes(undefined), "–");
	assert.equal(format.rate(48300), "48.3 k");
	assert.equal(format.rate(999), "999");
	assert.equal(format.count("12345678901234567890"), "12 345 678 901 234 567 890");
	assert.equal(format.duration(59.9), "59 s");
	assert.equal(format.duration(90061), "1 d 1 h");
	assert.equal(format.percent(null), "–");
	assert.equal(format.plural(1, "line"), "1 line");
});

test("a time in a graph is as exact as the graph is long", () => {
	const when = new Date(2026, 10, 29, 14, 5, 30);
	assert.equal(format.moment(when, 0), "14:05:30");
	assert.equal(format.moment(when, 3600), "14:05:30");
	assert.equal(format.moment(when, 86400), "14:05");
	assert.equal(format.moment(when, 31 * 86400), "29/11 14:05");
});

test("a field of a CSV file is never a formula", () => {
	assert.equal(format.csvField("=cmd|'/C calc'!A0"), "\"'=cmd|'/C calc'!A0\"");
	assert.equal(format.csvField('a "b", c'), '"a ""b"", c"');
});

test("filter: words and keys, all must match, an unknown key matches nothing", () => {
	const hit = (text) => matches(VM, parse(text));
	assert.ok(hit(""));
	assert.ok(hit("ALP state:running exits:io"));
	assert.ok(!hit("alp state:crashed"));
	assert.ok(!hit("stat:running"));
	assert.ok(matches({ ...VM, reason: "triple fault" }, parse("reason:triple")));
});

test("order: by number and by word, both ways, equal ones by name", () => {
	const list = [["b", 5], ["a", 5], ["c", 9]].map(([name, weight]) => ({ ...VM, name, weight }));
	const names = (order) => sorted(list, order).map((vm) => vm.name).join("");
	assert.equal(names("name"), "abc");
	assert.equal(names("-name"), "cba");
	assert.equal(names("weight"), "abc");
	assert.equal(names("-weight"), "cab");
	assert.equal(names("constructor"), "abc");
});

test("slow: steal names who has the CPU", () => {
	const others = [{ name: "build", sample: { cpu_percent: 90 } }, { name: "dns", sample: { cpu_percent: 1 } }];
	const [found] = explain(VM, flat(40, 34, 0, 10), others);
	assert.match(plain(found.title), /34 % of the time \(steal\)/);
	assert.match(plain(found.text), /build \(90 %\)/);
	assert.doesNotMatch(found.text, /dns/);
	assert.doesNotMatch(title(VM, flat(40, 9, 0, 10)), /steal/);
});

test("slow: cap, exits, busy, idle, nothing", () => {
	assert.match(title({ ...VM, cap_percent: 50 }, flat(49, 0, 0, 10)), /cap allows: 50 %/);
	assert.doesNotMatch(title({ ...VM, cap_percent: 50 }, flat(40, 0, 0, 10)), /cap allows/);
	assert.match(title(VM, flat(40, 0, 0, 20000)), /20.0 k times a second, mostly for io \(90 %\)/);
	assert.doesNotMatch(title({ ...VM, vcpus: 4 }, flat(40, 0, 0, 20000)), /times a second/);
	assert.match(title(VM, flat(97, 0, 3, 10)), /busy with the guest's own work/);
	assert.match(title(VM, flat(1, 0, 99, 10)), /not short of CPU/);
	assert.match(title(VM, flat(50, 1, 49, 10)), /Nothing holds it back/);
});

test("slow: states that explain all, and no samples", () => {
	assert.match(title({ ...VM, state: "paused" }), /paused/);
	assert.match(explain({ ...VM, state: "crashed", reason: "triple fault" }, null, [])[0].text, /triple fault/);
	assert.match(title({ ...VM, state: "stopped" }), /does not run: it is stopped/);
	assert.match(title({ ...VM, sample: null }, null), /No samples/);
});

test("a forecast in words", () => {
	const at = (day) => Date.UTC(2026, 11, day, 12) / 1000;
	const item = { series: "free_bytes", state: "expected", days: 20, ahead_days: 20, earliest: at(5), likely: at(7), latest: at(12) };
	assert.equal(forecastWords(item), "The free memory is used up between 5 December 2026 and 12 December 2026, most likely on 7 December 2026.");
	assert.equal(forecastWords({ ...item, latest: null }, "It"),
		"It is most likely used up on 7 December 2026, from 5 December 2026 on, or not within 20 days.");
	assert.equal(forecastWords({ ...item, state: "possible", likely: null, latest: null }),
		"The free memory is most likely not used up within 20 days, but possibly from 5 December 2026 on.");
	assert.equal(forecastWords({ ...item, series: "busy_percent", state: "not-within", ahead_days: 1 }), "The CPUs are not used up within 1 day.");
	assert.equal(forecastWords({ ...item, series: "cpu_percent", state: "not-enough-history", days: 1 }),
		"Its share of CPUs is of unknown end: 1 day of history, and 5 up to now are needed.");
	assert.equal(forecastWords({ ...item, series: "resident_bytes", state: "reached" }), "Its memory is used up now.");
	assert.equal(forecastWords({ ...item, series: "frames_per_s", state: "no-limit" }), "frames_per_s is without a limit.");
});
