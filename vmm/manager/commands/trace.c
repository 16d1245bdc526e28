/* SPDX-License-Identifier: MIT */
/*
 * The command `trace`: shows the last exits of a VM's vCPUs that reached its monitor. Run by
 * command.c; asks the monitors through inspect.c.
 */
#include "vmm/manager/commands/inspect.h"
#include "vmm/rt/exit_names.h"
#include "vmm/manager/host/machine.h"
#include "vmm/manager/text/parse_number.h"
#include "vmm/rt/clock.h"
#include "vmm/rt/format.h"

#define SHOWN_DEFAULT 16u
#define N(value)      ((unsigned long long)(value))

static void command_trace_describe_io(const struct query_trace_entry *entry, char *text,
				      size_t size)
{
	static const u32 masks[5] = {0, 0xff, 0xffff, 0, 0xffffffff};
	bool in = (entry->io_flags & IO_IN) != 0;
	const char *plural = entry->io_size == 1 ? "" : "s";

	if ((entry->io_flags & IO_STRING) != 0)
		format(text, size, "%s%s 0x%x, %u byte%s each",
		       (entry->io_flags & IO_REP) != 0 ? "rep " : "", in ? "ins" : "outs",
		       entry->io_port, entry->io_size, plural);
	else if (in)
		format(text, size, "in 0x%x, %u byte%s", entry->io_port, entry->io_size, plural);
	else
		format(text, size, "out 0x%x, %u byte%s: 0x%x", entry->io_port, entry->io_size,
		       plural, (u32)entry->rax & masks[entry->io_size % 5]);
}

/* Describes details of an exit that its reason does not tell, such as an address. */
static void command_trace_describe(const struct query_trace_entry *entry, char *text, size_t size)
{
	text[0] = '\0';
	switch (entry->reason) {
	case EXIT_IO:
		command_trace_describe_io(entry, text, size);
		break;
	case EXIT_MEMORY:
		format(text, size, "%s at 0x%llx",
		       (entry->access & ACCESS_EXECUTE) != 0 ? "execute"
		       : (entry->access & ACCESS_WRITE) != 0 ? "write"
							     : "read",
		       N(entry->gpa));
		break;
	case EXIT_CPUID:
		format(text, size, "leaf 0x%x, subleaf 0x%x", (u32)entry->rax, (u32)entry->rcx);
		break;
	case EXIT_RDMSR:
	case EXIT_WRMSR:
		format(text, size, "MSR 0x%x", (u32)entry->rcx);
		break;
	case EXIT_HYPERCALL:
		format(text, size, "number %u", (u32)entry->rax);
		break;
	case EXIT_EXCEPTION:
	case EXIT_EOI:
		format(text, size, "vector %u", entry->vector);
		break;
	case EXIT_CR:
	case EXIT_DR:
	case EXIT_TASK_SWITCH:
	case EXIT_UNKNOWN:
	case EXIT_ENTRY_FAILED:
		format(text, size, "qualification 0x%llx", N(entry->qualification));
		break;
	}
}

static u64 command_trace_time_ns(u64 tsc)
{
	u64 boot = machine_page()->boot_tsc;

	return tsc > boot ? clock_tsc_to_ns(tsc - boot) : 0;
}

static void command_trace_show_entry(struct reply *reply, const struct query_trace_entry *entry)
{
	struct json *json = &reply->object;
	u64 at = command_trace_time_ns(entry->tsc);
	char text[64];

	command_trace_describe(entry, text, sizeof(text));
	if (!reply->json) {
		reply_line(reply, "[%5llu.%06llu] %-16s rip %016llx %9llu cycles  %s",
			   N(at / NS_PER_S), N(at % NS_PER_S / NS_PER_US), exit_name(entry->reason),
			   N(entry->rip), N(entry->spent), text);
		return;
	}
	reply_object_begin(reply);
	json_string(json, "name", reply->vm_name);
	json_u64(json, "cpu", reply->asked.question.vcpu);
	json_u64(json, "time_ns", at);
	json_string(json, "reason", exit_name(entry->reason));
	json_u64(json, "rip", entry->rip);
	json_u64(json, "cost", entry->spent);
	json_string(json, "text", text);
	reply_object_end(reply);
}

static void command_trace_show(struct reply *reply, const struct query_trace *trace)
{
	u32 count = MIN(trace->count, QUERY_TRACE_ENTRIES);
	u32 first = count - (u32)MIN(reply->left, count);

	if (!reply->json)
		reply_line(reply, "%s vCPU %u: %u of %llu exits that reached the monitor",
			   reply->vm_name, reply->asked.question.vcpu, count - first,
			   N(trace->seen));
	for (u32 i = first; i < count; i++)
		command_trace_show_entry(reply, &trace->entry[i]);
}

static bool command_trace_resume(struct reply *reply)
{
	const struct query_trace *trace;
	const struct vm_answer *answer;

	if (reply_room(reply) <= 4 * REPLY_LINE_BYTES || !inspect_take(reply, &answer))
		return false;
	trace = answer != NULL ? inspect_data(reply, answer, sizeof(*trace)) : NULL;
	if (trace != NULL) {
		command_trace_show(reply, trace);
		if (inspect_next_cpu(reply))
			return false;
	}
	return !(reply->all_vms && inspect_next_vm(reply, &reply->asked.question));
}

/*
 * Takes -n N from any place; the other words are left in order. Returns false after writing an
 * error.
 */
static bool command_trace_take_options(struct reply *reply, const struct arguments *arguments,
				       const char *words[2], u32 *count)
{
	char shown[40];

	reply->left = SHOWN_DEFAULT;
	for (u32 i = 0; i < arguments->count; i++) {
		const char *word = arguments->word[i];

		if (!string_equal(word, "-n")) {
			if (*count == 2) {
				reply_bad(
					reply,
					"there are too many words; use trace [-n N] [NAME [VCPU]]");
				return false;
			}
			words[(*count)++] = word;
			continue;
		}
		word = ++i < arguments->count ? arguments->word[i] : "";
		if (!parse_u64(text_of(word), &reply->left) || reply->left == 0) {
			reply_bad(reply, "-n: \"%s\" is not valid; use 1 to %u, as many are kept",
				  text_show(shown, sizeof(shown), text_of(word)),
				  QUERY_TRACE_ENTRIES);
			return false;
		}
	}
	return true;
}

static void command_trace(struct reply *reply, const struct arguments *arguments)
{
	const struct query question = {.kind = QUERY_TRACE};
	const char *words[2] = {NULL, NULL};
	u32 count = 0;

	if (!command_trace_take_options(reply, arguments, words, &count))
		return;
	if (count > 0) {
		if (inspect_begin(reply, words[0], words[1], true, &question))
			reply->resume = command_trace_resume;
		return;
	}
	if (inspect_next_vm(reply, &question))
		reply->resume = command_trace_resume;
	else if (!reply->json)
		reply_line(reply, "no VM has a monitor");
}

COMMAND(trace,
	.name = "trace",
	.right = MAY_INSPECT,
	.arguments = "[-n N] [NAME [VCPU]]",
	.summary = "the last exits of a VM's vCPUs: reason, rip, cost",
	.detail = "Of every VM, or of one, or of one vCPU of it; the last 16, or N of the 64 that "
		  "are kept.\nOnly exits that reach the monitor are here; `vm stat` counts all. "
		  "The cost is in TSC\ncycles, from the exit until the guest went on or had "
		  "nothing to do.",
	.example = "trace alpha",
	.keys = "name cpu time_ns reason rip cost text; of a VM without an answer: name problem",
	.run = command_trace,
	.minimum = 0,
	.maximum = 4,
	.completion = COMPLETE_VM);
