/* SPDX-License-Identifier: MIT */
/*
 * The command `vm list`: shows all VMs with state, memory, times and exits. Run by command.c; only
 * reads.
 */
#include "vmm/manager/command/command.h"
#include "vmm/manager/text/parse_address.h"
#include "vmm/manager/vm/process/vm_usage.h"
#include "vmm/rt/clock.h"
#include "vmm/rt/format.h"

#define N(value) ((unsigned long long)(value))

/* Shows the IPv4 addresses that the VM's cards have by the manager's word, one for each card. */
static void command_vm_list_show_addresses(struct json *json, const struct vm *vm)
{
	char text[16];

	json_array_begin(json, "addresses");
	for (u32 i = 0; i < CONFIG_VM_NET_MAX; i++) {
		u32 address = vm->lease[i] != 0 ? vm->lease[i] : vm->config.net[i].address;

		if (address == 0)
			continue;
		address_format_ipv4(address, text, sizeof(text));
		json_string(json, NULL, text);
	}
	json_array_end(json);
}

static void command_vm_list_show_json(struct reply *reply, const struct vm *vm)
{
	const struct group_page *account = vm_account(vm);
	const struct vm_usage usage = vm_usage(vm);
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
	json_u64(json, "resident_bytes", vm_resident_bytes(vm));
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
	json_string(json, "uuid", vm->uuid);
	json_u64(json, "boots", vm->boots);
	json_u64(json, "revision", vm->revision);
	json_u64(json, "steal_ns", usage.steal_ns);
	json_u64(json, "halted_ns", usage.halted_ns);
	if (vm->config.vsock)
		json_u64(json, "vsock_cid", vm_vsock_cid(vm));
	else
		json_null(json, "vsock_cid");
	json_string(json, "boot_once", vm->config.boot_once);
	command_vm_list_show_addresses(json, vm);
	reply_object_end(reply);
}

/* The columns take 80 characters without the reason; -j and `config show` have weight and cap. */
#define COLUMNS "%-12s %-8s %5s %6s %8s %9s %8s %8s  %s"

static void command_vm_list_show_text(struct reply *reply, const struct vm *vm)
{
	u64 uptime_ms = vm_uptime_ns(vm) / NS_PER_MS;
	u64 cpu_ms = vm_cpu_ns(vm) / NS_PER_MS;
	char number[6][24];

	format(number[0], sizeof(number[0]), "%llu", N(vm->config.vcpus));
	format(number[1], sizeof(number[1]), "%lluM", N(vm->config.memory_bytes / MIB));
	format(number[2], sizeof(number[2]), "%lluM", N(vm_resident_bytes(vm) / MIB));
	format(number[3], sizeof(number[3]), "%llu.%03llu", N(uptime_ms / 1000),
	       N(uptime_ms % 1000));
	format(number[4], sizeof(number[4]), "%llu.%03llu", N(cpu_ms / 1000), N(cpu_ms % 1000));
	format(number[5], sizeof(number[5]), "%llu", N(vm_exits(vm)));
	reply_line(reply, COLUMNS, vm->config.name, vm_state_name(vm->state), number[0], number[1],
		   number[2], number[3], number[4], number[5], vm->reason);
}

static bool command_vm_list_show_place(struct reply *reply, u64 place)
{
	const struct vm *vm = place < VM_MAX ? vm_at(place) : NULL;

	if (vm != NULL && reply->json)
		command_vm_list_show_json(reply, vm);
	else if (vm != NULL)
		command_vm_list_show_text(reply, vm);
	return place < VM_MAX;
}

static bool command_vm_list_resume(struct reply *reply)
{
	return reply_list(reply, command_vm_list_show_place);
}

static void command_vm_list(struct reply *reply, const struct arguments *arguments)
{
	(void)arguments;
	if (!reply->json)
		reply_line(reply, COLUMNS, "NAME", "STATE", "VCPUS", "MEMORY", "RESIDENT", "UPTIME",
			   "CPU", "EXITS", "REASON");
	if (!command_vm_list_resume(reply))
		reply->resume = command_vm_list_resume;
}

COMMAND(vm_list,
	.name = "vm list",
	.right = MAY_VIEW,
	.arguments = "",
	.summary = "all VMs with state, memory, uptime and exits",
	.detail = "RESIDENT is what a VM takes of the host's memory so far, everything\n"
		  "included. The reason says why a VM stopped or crashed. -j has more.",
	.example = "vm list",
	.keys = "name state reason exit_code vcpus memory_bytes resident_bytes uptime_ns "
		"cpu_ns exits weight cap_percent reserve_budget_ns reserve_period_ns "
		"missed_deadlines uuid boots revision steal_ns halted_ns vsock_cid boot_once "
		"addresses",
	.run = command_vm_list);
