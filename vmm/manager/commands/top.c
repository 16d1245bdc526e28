/* SPDX-License-Identifier: MIT */
/*
 * The command `top`: shows which VM uses how much, again and again. Run by command.c. Keeps the
 * samples of two runs, one at the console and one at machine channels.
 */
#include "vmm/manager/command/command.h"
#include "vmm/manager/console/console.h"
#include "vmm/manager/host/machine.h"
#include "vmm/manager/text/parse_number.h"
#include "vmm/rt/clock.h"
#include "vmm/rt/format.h"

#define SECONDS_DEFAULT 2u
#define SECONDS_MAX	3600u
/* lines of the screen besides those of VMs: the heading, the sum and the last prompt */
#define AROUND 3u

#define COLUMNS "%-16s %-8s %7s %7s %9s %8s %10s"

/* A VM's total use at the moment when `top` last took its samples. */
struct sample {
	u32 id; /* the VM's id; 0: there was no VM */
	u64 cpu_ns;
	u64 steal_ns;
	u64 exits;
};

struct use {
	u32 place;
	u64 cpu_permille; /* the CPU time used, in permille of one CPU */
	u64 steal_permille;
	u64 exits; /* VM exits per second */
};

/* The two runs of `top`: the console's, and one that all machine channels share. */
static struct top {
	u64 interval_ns;
	u64 taken_tsc; /* TSC when the samples were taken */
	u64 next_tsc;
	bool listing;
	bool taken; /* `top` of a machine channel is using this run */
	u32 count;
	struct sample sample[VM_MAX];
	/* use of each VM; the first `count` entries are valid, the busiest VM first */
	struct use use[VM_MAX];
} tops[2];

static struct top *command_top_of(const struct reply *reply)
{
	return &tops[reply->to->terminal ? 1 : 0];
}

static struct sample command_top_sample_of(const struct vm *vm)
{
	return (struct sample){
		.id = vm->id,
		.cpu_ns = vm_cpu_ns(vm),
		.steal_ns = clock_tsc_to_ns(vm_account(vm)->waited_tsc),
		.exits = vm_exits(vm),
	};
}

static u64 command_top_permille(u64 before, u64 now, u64 passed_ns)
{
	return now > before ? (now - before) * 1000 / passed_ns : 0;
}

/*
 * Returns a VM's use between two samples. A VM that was booted since counts from 0, as its account
 * does.
 */
static struct use command_top_use_of(u32 place, struct sample last, struct sample now,
				     u64 passed_ns)
{
	if (last.id != now.id || now.cpu_ns < last.cpu_ns || now.exits < last.exits)
		last = (struct sample){0};
	return (struct use){
		.place = place,
		.cpu_permille = command_top_permille(last.cpu_ns, now.cpu_ns, passed_ns),
		.steal_permille = command_top_permille(last.steal_ns, now.steal_ns, passed_ns),
		.exits = (now.exits - last.exits) * 1000 / MAX(passed_ns / NS_PER_MS, 1ul),
	};
}

static void command_top_take_sample(struct top *top)
{
	u64 now = clock_tsc();
	u64 passed_ns = MAX(clock_tsc_to_ns(now - top->taken_tsc), NS_PER_MS);

	top->taken_tsc = now;
	top->count = 0;
	for (u32 place = 0; place < VM_MAX; place++) {
		const struct vm *vm = vm_at(place);
		struct sample last = top->sample[place];
		u32 at = top->count;
		struct use use;

		top->sample[place] = (struct sample){0};
		if (vm == NULL)
			continue;
		top->sample[place] = command_top_sample_of(vm);
		use = command_top_use_of(place, last, top->sample[place], passed_ns);
		for (; at > 0 && top->use[at - 1].cpu_permille < use.cpu_permille; at--)
			top->use[at] = top->use[at - 1];
		top->use[at] = use;
		top->count++;
	}
}

static void command_top_show_json(struct reply *reply, const struct vm *vm, const struct use *use)
{
	reply_object_begin(reply);
	json_string(&reply->object, "name", vm->config.name);
	json_string(&reply->object, "state", vm_state_name(vm->state));
	json_u64(&reply->object, "cpu_permille", use->cpu_permille);
	json_u64(&reply->object, "steal_permille", use->steal_permille);
	json_u64(&reply->object, "resident_bytes", vm_resident_bytes(vm));
	json_u64(&reply->object, "memory_bytes", vm->config.memory_bytes);
	json_u64(&reply->object, "exits_per_second", use->exits);
	reply_object_end(reply);
}

static void command_top_show_text(struct reply *reply, const struct vm *vm, const struct use *use)
{
	char number[5][24];

	format(number[0], sizeof(number[0]), "%llu.%llu", use->cpu_permille / 10ull,
	       use->cpu_permille % 10ull);
	format(number[1], sizeof(number[1]), "%llu.%llu", use->steal_permille / 10ull,
	       use->steal_permille % 10ull);
	format(number[2], sizeof(number[2]), "%lluM", vm_resident_bytes(vm) / (1ull * MIB));
	format(number[3], sizeof(number[3]), "%lluM", vm->config.memory_bytes / (1ull * MIB));
	format(number[4], sizeof(number[4]), "%llu", (unsigned long long)use->exits);
	reply_line(reply, COLUMNS, vm->config.name, vm_state_name(vm->state), number[0], number[1],
		   number[2], number[3], number[4]);
}

/* Returns how many VMs are shown: the busiest, as many as the terminal has room for. */
static u32 command_top_rows(const struct reply *reply, const struct top *top)
{
	struct console_terminal terminal = console_terminal();

	if (reply->json || !reply->to->terminal || !terminal.on || terminal.rows <= AROUND)
		return top->count;
	return MIN(top->count, terminal.rows - AROUND);
}

static bool command_top_show_use(struct reply *reply, u64 number)
{
	struct top *top = command_top_of(reply);
	const struct use *use = &top->use[number];
	const struct vm *vm = number < command_top_rows(reply, top) ? vm_at(use->place) : NULL;

	if (vm != NULL && reply->json)
		command_top_show_json(reply, vm, use);
	else if (vm != NULL)
		command_top_show_text(reply, vm, use);
	return number + 1 < command_top_rows(reply, top);
}

static void command_top_show_heading(struct reply *reply, const struct top *top)
{
	const struct kernel_page *page = machine_page();
	u64 sum = 0;

	for (u32 i = 0; i < top->count; i++)
		sum += top->use[i].cpu_permille;
	reply_line(reply, "%s%u VM%s %llu.%llu%% of %u CPU%s, %llu MiB free; Ctrl-C ends",
		   console_terminal().on ? "\x1b[H\x1b[2J" : "", top->count,
		   top->count == 1 ? " uses" : "s use", sum / 10ull, sum % 10ull, page->cpu_count,
		   page->cpu_count == 1 ? "" : "s",
		   page->pages[PAGE_FREE] * PAGE_SIZE / (1ull * MIB));
	reply_line(reply, COLUMNS, "NAME", "STATE", "CPU%", "STEAL%", "RESIDENT", "MEMORY",
		   "EXITS/S");
}

static bool command_top_resume(struct reply *reply)
{
	struct top *top = command_top_of(reply);

	if (!top->listing) {
		reply->deadline_tsc = top->next_tsc;
		if (clock_tsc() < top->next_tsc)
			return false;
		command_top_take_sample(top);
		top->next_tsc = clock_tsc() + clock_ns_to_tsc(top->interval_ns);
		top->listing = true;
		reply->shown = 0;
		if (!reply->json)
			command_top_show_heading(reply, top);
	}
	if (top->count > 0 && !reply_list(reply, command_top_show_use))
		return false;
	top->listing = false;
	reply->deadline_tsc = top->next_tsc;
	top->taken = false;
	return !reply->to->terminal;
}

static void command_top(struct reply *reply, const struct arguments *arguments)
{
	struct top *top = command_top_of(reply);
	u64 seconds = SECONDS_DEFAULT;
	char shown[40];

	if (arguments->count > 0 && (!parse_u64(text_of(arguments->word[0]), &seconds) ||
				     seconds == 0 || seconds > SECONDS_MAX)) {
		reply_bad(reply, "\"%s\" is not valid; use 1 to 3600 seconds",
			  text_show(shown, sizeof(shown), text_of(arguments->word[0])));
		return;
	}
	if (top->taken) {
		reply_fail(reply, CODE_BUSY, "another machine channel waits for its figures");
		return;
	}
	top->taken = !reply->to->terminal;
	if (reply->to->terminal)
		console_page_off();
	top->interval_ns = seconds * NS_PER_S;
	top->listing = false;
	command_top_take_sample(top);
	/* the first figures are shown soon, after one second */
	top->next_tsc =
		clock_tsc() + clock_ns_to_tsc(reply->to->terminal ? NS_PER_S : top->interval_ns);
	reply->deadline_tsc = top->next_tsc;
	reply->resume = command_top_resume;
}

COMMAND(top,
	.name = "top",
	.right = MAY_VIEW,
	.arguments = "[SECONDS]",
	.summary = "which VM uses how much, the busiest first, until Ctrl-C",
	.detail = "CPU% is of one CPU, of all the VM's vCPUs and its monitor; STEAL% is time in\n"
		  "which they could have run but had to wait for a CPU. RESIDENT is what the VM\n"
		  "takes of the host's memory so far. With `term on` each time on a clear\n"
		  "screen. The machine channel gets the figures once, those of SECONDS.",
	.example = "top 5",
	.keys = "name state cpu_permille steal_permille resident_bytes memory_bytes "
		"exits_per_second",
	.run = command_top,
	.minimum = 0,
	.maximum = 1,
	.changes = true);
