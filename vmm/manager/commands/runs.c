/* SPDX-License-Identifier: MIT */
/*
 * The command `runs`: shows the VMs that are runs, by the word of whoever cloned them. Run by
 * command.c; only reads.
 */
#include "vmm/manager/commands/runs.h"
#include "vmm/manager/vm/vm.h"
#include "vmm/rt/clock.h"
#include "vmm/rt/format.h"

#define N(value) ((unsigned long long)(value))

/* The columns take 79 characters without the owner; the gateway gives runs long names. */
#define COLUMNS "%-31s %-12s %-8s %8s %8s %7s  %s"

bool command_runs_take_owner(struct reply *reply, const char *owner, char run_of[VM_RUN_OF_BYTES])
{
	size_t length = 0;

	while (char_is_printable(owner[length]))
		length++;
	if (length > 0 && length < VM_RUN_OF_BYTES && owner[length] == '\0') {
		string_copy(run_of, VM_RUN_OF_BYTES, owner);
		return true;
	}
	reply_bad(reply, "the owner of a run must have 1 to %u printable characters",
		  VM_RUN_OF_BYTES - 1);
	return false;
}

static void command_runs_show_json(struct reply *reply, const struct vm *vm, const char *template)
{
	struct json *json = &reply->object;

	reply_object_begin(reply);
	json_string(json, "name", vm->config.name);
	json_string(json, "template", template);
	json_string(json, "state", vm_state_name(vm->state));
	json_u64(json, "age_ns", vm_uptime_ns(vm));
	json_u64(json, "cpu_ns", vm_cpu_ns(vm));
	json_u64(json, "exits", vm_exits(vm));
	json_u64(json, "resident_bytes", vm_resident_bytes(vm));
	json_string(json, "owner", vm->run_of);
	reply_object_end(reply);
}

static void command_runs_show_text(struct reply *reply, const struct vm *vm, const char *template)
{
	u64 age_ms = vm_uptime_ns(vm) / NS_PER_MS;
	u64 cpu_ms = vm_cpu_ns(vm) / NS_PER_MS;
	char number[3][24];

	format(number[0], sizeof(number[0]), "%llu.%03llu", N(age_ms / 1000), N(age_ms % 1000));
	format(number[1], sizeof(number[1]), "%llu.%03llu", N(cpu_ms / 1000), N(cpu_ms % 1000));
	format(number[2], sizeof(number[2]), "%lluK", N(vm_resident_bytes(vm) / KIB));
	reply_line(reply, COLUMNS, vm->config.name, template, vm_state_name(vm->state), number[0],
		   number[1], number[2], vm->run_of);
}

static bool command_runs_show_place(struct reply *reply, u64 place)
{
	const struct vm *vm = place < VM_MAX ? vm_at(place) : NULL;
	const struct vm *from;
	const char *template;

	if (vm == NULL || vm->run_of[0] == '\0')
		return place < VM_MAX;
	from = vm_by_id(vm->clone_of);
	template = from != NULL ? from->config.name : "none";
	if (reply->json)
		command_runs_show_json(reply, vm, template);
	else
		command_runs_show_text(reply, vm, template);
	return true;
}

static bool command_runs_resume(struct reply *reply)
{
	return reply_list(reply, command_runs_show_place);
}

static void command_runs(struct reply *reply, const struct arguments *arguments)
{
	(void)arguments;
	if (!reply->json)
		reply_line(reply, COLUMNS, "NAME", "TEMPLATE", "STATE", "AGE", "CPU", "MEMORY",
			   "OWNER");
	if (!command_runs_resume(reply))
		reply->resume = command_runs_resume;
}

COMMAND(runs,
	.name = "runs",
	.right = MAY_VIEW,
	.arguments = "",
	.summary = "commands in VMs of their own, and whose they are",
	.detail = "Each is a clone of its template. AGE and CPU are in seconds, MEMORY is what it\n"
		  "takes of the host's so far. The owner is whom the gateway runs it for;\n"
		  "a clone that waits for a run is nobody's, which is \"warm\".",
	.example = "runs",
	.keys = "name template state age_ns cpu_ns exits resident_bytes owner",
	.run = command_runs);
