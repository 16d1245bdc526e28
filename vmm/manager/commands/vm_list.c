/* SPDX-License-Identifier: MIT */
#include "vmm/manager/command.h"
#include "vmm/rt/clock.h"
#include "vmm/rt/format.h"

static void show_json(struct reply *reply, const struct vm *vm)
{
	const struct group_page *account = vm_account(vm);
	struct json *json = &reply->object;

	reply_object_begin(reply);
	json_string(json, "name", vm->config.name);
	json_string(json, "state", vm_state_name(vm->state));
	json_string(json, "reason", vm->reason);
	if (vm->exit_code >= 0)
		json_s64(json, "exit_code", vm->exit_code);
	else
		json_null(json, "exit_code");
	json_u64(json, "vcpus", vm->config.vcpus);
	json_u64(json, "memory_bytes", vm->config.memory_bytes);
	json_u64(json, "uptime_ns", vm_uptime_ns(vm));
	json_u64(json, "cpu_ns", vm_cpu_ns(vm));
	json_u64(json, "exits", vm_exits(vm));
	json_u64(json, "weight", vm->config.weight);
	if (vm->config.cap_percent != 0)
		json_u64(json, "cap_percent", vm->config.cap_percent);
	else
		json_null(json, "cap_percent");
	json_u64(json, "reserve_budget_ns", vm->config.reserve_budget_ns);
	json_u64(json, "reserve_period_ns", vm->config.reserve_period_ns);
	json_u64(json, "missed_deadlines", account->missed);
	reply_object_end(reply);
}

static void show_cap(const struct vm_config *config, char *buffer, size_t size)
{
	if (config->cap_percent != 0)
		format(buffer, size, "%llu%%", (unsigned long long)config->cap_percent);
	else
		string_copy(buffer, size, "-");
}

static void show_text(struct reply *reply, const struct vm *vm)
{
	u64 uptime_ms = vm_uptime_ns(vm) / NS_PER_MS;
	u64 cpu_ms = vm_cpu_ns(vm) / NS_PER_MS;
	char cap[16];

	show_cap(&vm->config, cap, sizeof(cap));
	reply_line(reply, "%-16s %-8s %5llu %7lluM %6llu %5s %8llu.%03llu %8llu.%03llu %10llu  %s",
		   vm->config.name, vm_state_name(vm->state), (unsigned long long)vm->config.vcpus,
		   (unsigned long long)(vm->config.memory_bytes / MIB),
		   (unsigned long long)vm->config.weight, cap,
		   (unsigned long long)(uptime_ms / 1000), (unsigned long long)(uptime_ms % 1000),
		   (unsigned long long)(cpu_ms / 1000), (unsigned long long)(cpu_ms % 1000),
		   (unsigned long long)vm_exits(vm), vm->reason);
}

static bool show_place(struct reply *reply, u64 place)
{
	const struct vm *vm = place < VM_MAX ? vm_at(place) : NULL;

	if (vm != NULL && reply->json)
		show_json(reply, vm);
	else if (vm != NULL)
		show_text(reply, vm);
	return place < VM_MAX;
}

static bool resume(struct reply *reply)
{
	return reply_list(reply, show_place);
}

static void command_vm_list(struct reply *reply, const struct arguments *arguments)
{
	(void)arguments;
	if (!reply->json)
		reply_line(reply, "%-16s %-8s %5s %8s %6s %5s %12s %12s %10s  %s", "NAME", "STATE",
			   "VCPUS", "MEMORY", "WEIGHT", "CAP", "UPTIME", "CPU", "EXITS", "REASON");
	if (!resume(reply))
		reply->resume = resume;
}

COMMAND(vm_list,
	.name = "vm list",
	.arguments = "",
	.summary = "all VMs with state, memory, uptime and exits",
	.detail = "The reason says why a VM stopped or crashed.",
	.example = "vm list",
	.keys = "name state reason exit_code vcpus memory_bytes uptime_ns cpu_ns exits "
		"weight cap_percent reserve_budget_ns reserve_period_ns "
		"missed_deadlines",
	.run = command_vm_list);
