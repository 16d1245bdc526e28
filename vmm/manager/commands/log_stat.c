/* SPDX-License-Identifier: MIT */
#include "kernel/abi/pages.h"
#include "vmm/manager/command.h"
#include "vmm/manager/host/machine.h"
#include "vmm/manager/log/log.h"
#include "vmm/manager/log/log_export.h"
#include "vmm/rt/clock.h"

#define MILLION 1000000u

static void show(struct reply *reply, const char *name, u64 value)
{
	if (reply->json)
		json_u64(&reply->object, name, value);
	else
		reply_line(reply, "%-28s %14llu", name, (unsigned long long)value);
}

static u64 per(u64 tsc, u64 count)
{
	return count != 0 ? tsc / count : 0;
}

static void show_store(struct reply *reply, const struct log_stats *stats)
{
	const struct log_store *store = log_lines();
	const struct log_store *audit = log_audit_lines();

	show(reply, "lines", stats->line_count);
	show(reply, "lines_kept", log_store_line_count(store) + log_store_line_count(audit));
	show(reply, "lines_rotated_out", store->overwritten_count + audit->overwritten_count);
	show(reply, "lines_below_level", stats->below_count);
	show(reply, "bytes", store->added_bytes + audit->added_bytes);
	show(reply, "bytes_kept", log_store_bytes(store) + log_store_bytes(audit));
	show(reply, "segments", store->newest - store->oldest + 1);
	show(reply, "segments_allowed", store->segment_count);
	show(reply, "segment_bytes", store->segment_bytes);
	show(reply, "audit_lines_kept", log_store_line_count(audit));
	show(reply, "kernel_entries", stats->kernel_entries);
	show(reply, "kernel_lost", stats->kernel_lost);
	show(reply, "messages", stats->messages);
	show(reply, "monitor_lines", stats->monitor_lines);
	show(reply, "monitor_dropped", stats->monitor_dropped);
	show(reply, "export_lines", stats->export.count);
	show(reply, "export_lost", log_export_lost());
}

/* In TSC cycles; in an emulator whose TSC counts instructions, these are instructions. */
static void show_cost(struct reply *reply, const struct log_stats *stats)
{
	u64 elapsed = clock_tsc() - machine_page()->boot_tsc;
	u64 all = elapsed * MAX(machine_page()->cpu_count, 1u);
	u64 kernel = log_kernel_write_tsc();
	u64 spent = kernel + stats->kernel.tsc + stats->message.tsc + stats->export.tsc;

	show(reply, "kernel_write_cycles_each", per(kernel, log_kernel_written()));
	show(reply, "kernel_read_cycles_each", log_cost_each(&stats->kernel));
	show(reply, "message_cycles_each", log_cost_each(&stats->message));
	show(reply, "export_cycles_each", log_cost_each(&stats->export));
	show(reply, "cycles", spent);
	show(reply, "cpu_share_ppm", per(spent, per(all, MILLION)));
}

static void show_vm(struct reply *reply, const struct vm *vm)
{
	if (!reply->json) {
		reply_line(reply, "%-28s %14llu  of the monitor of %s", "dropped",
			   (unsigned long long)vm->log.dropped_all, vm->config.name);
		return;
	}
	reply_object_begin(reply);
	json_string(&reply->object, "name", vm->config.name);
	json_u64(&reply->object, "dropped", vm->log.dropped_all);
	reply_object_end(reply);
}

static bool show_place(struct reply *reply, u64 place)
{
	const struct vm *vm = place < VM_MAX ? vm_at(place) : NULL;

	if (vm != NULL && vm->log.dropped_all != 0)
		show_vm(reply, vm);
	return place < VM_MAX;
}

static bool resume(struct reply *reply)
{
	return reply_list(reply, show_place);
}

static void run(struct reply *reply, const struct arguments *arguments)
{
	const struct log_stats *stats = log_stats();

	(void)arguments;
	log_take_kernel();
	if (reply->json)
		reply_object_begin(reply);
	show_store(reply, stats);
	show_cost(reply, stats);
	if (reply->json)
		reply_object_end(reply);
	if (!resume(reply))
		reply->resume = resume;
}

COMMAND(log_stat,
	.name = "log stat",
	.right = MAY_VIEW,
	.arguments = "",
	.summary = "lines, losses and the cost of the log",
	.detail = "Cycles are the TSC's: what the kernel pays for an entry (each 16th is\n"
		  "measured) and the manager for reading it, for a line of its own or a\n"
		  "monitor's, for one exported; cpu_share_ppm is all of it in millionths of the\n"
		  "time of all CPUs since the start.",
	.example = "log stat",
	.keys = "first all numbers; then of each VM whose monitor's lines were dropped: name "
		"dropped",
	.run = run);
