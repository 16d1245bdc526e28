/* SPDX-License-Identifier: MIT */
/*
 * The command `log stat`: shows counts, losses and costs of the log. Run by command.c; only reads.
 */
#include "kernel/abi/pages.h"
#include "vmm/manager/command/command.h"
#include "vmm/manager/host/machine.h"
#include "vmm/manager/log/log.h"
#include "vmm/manager/channel/log_export.h"
#include "vmm/rt/clock.h"

#define MILLION 1000000u

static void command_log_stat_show(struct reply *reply, const char *name, u64 value)
{
	if (reply->json)
		json_u64(&reply->object, name, value);
	else
		reply_line(reply, "%-28s %14llu", name, (unsigned long long)value);
}

static u64 command_log_stat_per(u64 tsc, u64 count)
{
	return count != 0 ? tsc / count : 0;
}

static void command_log_stat_show_store(struct reply *reply, const struct log_stats *stats)
{
	const struct log_store *store = log_lines();
	const struct log_store *audit = log_audit_lines();

	command_log_stat_show(reply, "lines", stats->line_count);
	command_log_stat_show(reply, "lines_kept",
			      log_store_line_count(store) + log_store_line_count(audit));
	command_log_stat_show(reply, "lines_rotated_out",
			      store->overwritten_count + audit->overwritten_count);
	command_log_stat_show(reply, "lines_below_level", stats->below_count);
	command_log_stat_show(reply, "bytes", store->added_bytes + audit->added_bytes);
	command_log_stat_show(reply, "bytes_kept", log_store_bytes(store) + log_store_bytes(audit));
	command_log_stat_show(reply, "segments", store->newest - store->oldest + 1);
	command_log_stat_show(reply, "segments_allowed", store->segment_count);
	command_log_stat_show(reply, "segment_bytes", store->segment_bytes);
	command_log_stat_show(reply, "audit_lines_kept", log_store_line_count(audit));
	command_log_stat_show(reply, "kernel_entries", stats->kernel_entries);
	command_log_stat_show(reply, "kernel_lost", stats->kernel_lost);
	command_log_stat_show(reply, "messages", stats->messages);
	command_log_stat_show(reply, "monitor_lines", stats->monitor_lines);
	command_log_stat_show(reply, "monitor_dropped", stats->monitor_dropped);
	command_log_stat_show(reply, "export_lines", stats->export.count);
	command_log_stat_show(reply, "export_lost", log_export_lost());
}

/*
 * Shows the cost of writing log lines, in TSC cycles; in an emulator whose TSC counts instructions
 * these are instructions.
 */
static void command_log_stat_show_cost(struct reply *reply, const struct log_stats *stats)
{
	u64 elapsed = clock_tsc() - machine_page()->boot_tsc;
	u64 all = elapsed * MAX(machine_page()->cpu_count, 1u);
	u64 kernel = log_kernel_write_tsc();
	u64 spent = kernel + stats->kernel.tsc + stats->message.tsc + stats->export.tsc;

	command_log_stat_show(reply, "kernel_write_cycles_each",
			      command_log_stat_per(kernel, log_kernel_written()));
	command_log_stat_show(reply, "kernel_read_cycles_each", log_cost_each(&stats->kernel));
	command_log_stat_show(reply, "message_cycles_each", log_cost_each(&stats->message));
	command_log_stat_show(reply, "export_cycles_each", log_cost_each(&stats->export));
	command_log_stat_show(reply, "cycles", spent);
	command_log_stat_show(reply, "cpu_share_ppm",
			      command_log_stat_per(spent, command_log_stat_per(all, MILLION)));
}

static void command_log_stat_show_vm(struct reply *reply, const struct vm *vm)
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

static bool command_log_stat_show_place(struct reply *reply, u64 place)
{
	const struct vm *vm = place < VM_MAX ? vm_at(place) : NULL;

	if (vm != NULL && vm->log.dropped_all != 0)
		command_log_stat_show_vm(reply, vm);
	return place < VM_MAX;
}

static bool command_log_stat_resume(struct reply *reply)
{
	return reply_list(reply, command_log_stat_show_place);
}

static void command_log_stat_run(struct reply *reply, const struct arguments *arguments)
{
	const struct log_stats *stats = log_stats();

	(void)arguments;
	log_take_kernel();
	if (reply->json)
		reply_object_begin(reply);
	command_log_stat_show_store(reply, stats);
	command_log_stat_show_cost(reply, stats);
	if (reply->json)
		reply_object_end(reply);
	if (!command_log_stat_resume(reply))
		reply->resume = command_log_stat_resume;
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
	.run = command_log_stat_run);
