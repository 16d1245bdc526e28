// SPDX-License-Identifier: MIT
// «Why is it slow?»: from what was sampled to sentences. Nothing here touches the page.
import { rate, whole } from "./format.js";

const STEAL_HIGH = 10;      // percent of the time
const CAP_NEAR = 0.95;      // of what the cap allows
const EXITS_MANY = 10000;   // per second and vCPU
const HALTED_IDLE = 90;     // percent of the time
const BUSY = 0.9;           // of what the vCPUs could use
const WINDOW = 30;          // samples

const REASONS = {
	io: "the guest talks to devices by ports; a driver that polls, or a serial console that prints much, does this",
	memory: "the guest touches memory that is not mapped yet, or a device's registers",
	hlt: "the guest goes idle and wakes up very often, for example by timers at a high rate",
	"host-interrupt": "interrupts of the machine arrive while it runs, for example of a busy card or disk",
	wrmsr: "the guest writes processor registers, mostly to set its timer or to wake another vCPU",
	rdmsr: "the guest reads processor registers, for example as its clock",
	cpuid: "a program asks for processor features again and again",
	pause: "vCPUs spin for a lock: too many vCPUs for the CPUs they get",
	"interrupt-window": "interrupts wait until the guest can take them",
	deadline: "its time slice ends often: others want the CPU too",
	"apic-access": "the guest uses its interrupt controller by memory",
	"apic-write": "the guest uses its interrupt controller by memory",
	eoi: "the guest acknowledges very many interrupts",
	exception: "the guest raises exceptions that are handled outside of it",
	hypercall: "the guest calls the hypervisor very often",
};

export function mean(values) {
	const known = values.filter((value) => value !== null && !Number.isNaN(value));
	return known.length ? known.reduce((sum, value) => sum + value, 0) / known.length : 0;
}

function stateFinding(vm) {
	switch (vm.state) {
	case "running": return null;
	case "paused": return { level: "bad", title: "It is paused.",
		text: "Nothing in it runs until somebody resumes it." };
	case "crashed": return { level: "bad", title: "It has crashed.",
		text: vm.reason ? `The reason given: ${vm.reason}.` : "No reason was given." };
	default: return { level: "note", title: `It does not run: it is ${vm.state}.`, text: "" };
	}
}

function stealFinding(steal, others) {
	if (steal <= STEAL_HIGH) {
		return null;
	}
	const top = others.filter((other) => (other.sample?.cpu_percent ?? 0) > 5)
		.sort((a, b) => b.sample.cpu_percent - a.sample.cpu_percent).slice(0, 3)
		.map((other) => `${other.name} (${whole(other.sample.cpu_percent)})`);
	return { level: "bad", title: `It waits for a CPU ${whole(steal)} of the time (steal).`,
		text: `It could run, but others are served. ${top.length
			? `The most CPU goes to ${top.join(", ")}. ` : ""}More weight, fewer vCPUs or a reservation helps.` };
}

function capFinding(vm, cpu) {
	if (!vm.cap_percent || cpu < vm.cap_percent * CAP_NEAR) {
		return null;
	}
	return { level: "bad", title: `It uses all that its cap allows: ${whole(vm.cap_percent)} of one CPU.`,
		text: "It is held back on purpose, even when CPUs are idle. Raise the cap if that is not wanted." };
}

function exitFinding(vm, exits, byReason) {
	if (exits < EXITS_MANY * vm.vcpus) {
		return null;
	}
	const total = Object.values(byReason).reduce((sum, value) => sum + value, 0) || 1;
	const [name, top] = Object.entries(byReason).sort((a, b) => b[1] - a[1])[0] ?? ["", 0];
	return { level: "bad", title: `It leaves guest mode ${rate(exits)} times a second, mostly for ${name} (${whole(100 * top / total)}).`,
		text: `Each time costs a microsecond or more: ${REASONS[name] ?? "see the table of exits"}.` };
}

/** Sentences for `vm`, the worst first; `history` has arrays cpu, steal, halted, exits. */
export function explain(vm, history, others) {
	const state = stateFinding(vm);
	if (state) {
		return [state];
	}
	const last = (name) => mean((history?.[name] ?? []).slice(-WINDOW));
	if (!vm.sample || !history?.cpu.length) {
		return [{ level: "note", title: "No samples yet.", text: "They come once a second." }];
	}
	const [cpu, halted] = [last("cpu"), last("halted")];
	const found = [stealFinding(last("steal"), others), capFinding(vm, cpu),
		exitFinding(vm, last("exits"), vm.sample.exits ?? {})].filter(Boolean);
	if (found.length) {
		return found;
	}
	if (halted >= HALTED_IDLE) {
		return [{ level: "good", title: `It is not short of CPU: it is halted ${whole(halted)} of the time.`,
			text: "If it feels slow, it waits for something else: a disk, a network or its own timers." }];
	}
	if (cpu >= 100 * vm.vcpus * BUSY) {
		return [{ level: "note", title: `Its ${vm.vcpus === 1 ? "vCPU is" : "vCPUs are"} busy with the guest's own work (${whole(cpu)}).`,
			text: "The machine holds nothing back. More vCPUs help if the work can be split." }];
	}
	return [{ level: "good", title: "Nothing holds it back.",
		text: `CPU ${whole(cpu)}, steal ${whole(last("steal"))}, halted ${whole(halted)}, ${rate(last("exits"))} exits a second, no cap reached.` }];
}
