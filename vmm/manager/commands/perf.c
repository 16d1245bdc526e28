/* SPDX-License-Identifier: MIT */
/*
 * The commands `perf record` and `perf report`: make a sampling profile and show it with the cost
 * of exits. Run by command.c. inspect/perf.c records; costs are asked of each VM's monitor.
 */
#include "vmm/manager/inspect/perf.h"
#include "vmm/manager/commands/inspect.h"
#include "vmm/rt/exit_names.h"
#include "vmm/manager/log/log.h"
#include "vmm/manager/inspect/symbols.h"
#include "vmm/manager/text/parse_number.h"
#include "vmm/rt/clock.h"
#include "vmm/rt/format.h"

#define SECONDS_MAX 3600u
#define ROWS_SHOWN  40u
#define N(value)    ((unsigned long long)(value))

static const char *command_perf_owner_name(const struct perf_row *row)
{
	const struct vm *vm = vm_by_id(row->vm_id);

	if (row->vm_id == PERF_NOT_A_VM)
		return "kernel";
	if (row->vm_id == 0)
		return "manager";
	return vm != NULL ? vm->config.name : "gone";
}

static void command_perf_show_row(struct reply *reply, const struct perf_row *row)
{
	const struct perf_profile *profile = perf_profile();
	enum symbol_image image = row->guest || row->vm_id == PERF_NOT_A_VM ? SYMBOLS_KERNEL
				  : row->vm_id == 0			    ? SYMBOLS_MANAGER
									    : SYMBOLS_MONITOR;
	const struct symbol_table *table = symbols_of(image);
	const char *name = NULL;
	u64 permille = row->count * 1000 / MAX(profile->samples, 1ull);
	u64 distance;

	if (table != NULL)
		name = symbols_name(table, row->symbol, &distance);
	name = name != NULL ? name : "?";
	if (!reply->json) {
		reply_line(reply, "%3llu.%llu%% %8llu  %-16s %s", N(permille / 10),
			   N(permille % 10), N(row->count), command_perf_owner_name(row),
			   row->guest ? "(the guest itself)" : name);
		return;
	}
	reply_object_begin(reply);
	json_string(&reply->object, "where", command_perf_owner_name(row));
	json_string(&reply->object, "symbol", name);
	json_bool(&reply->object, "guest", row->guest);
	json_u64(&reply->object, "samples", row->count);
	json_u64(&reply->object, "permille", permille);
	reply_object_end(reply);
}

/* Shows how many samples the profile has of each CPU that has any. */
static void command_perf_show_cpus(struct reply *reply)
{
	const struct perf_profile *profile = perf_profile();

	for (u32 i = 0; i < CPU_MAX; i++) {
		if (profile->cpu_samples[i] == 0)
			continue;
		if (!reply->json) {
			reply_line(reply, "CPU %-3u %8llu", i, N(profile->cpu_samples[i]));
			continue;
		}
		reply_object_begin(reply);
		json_u64(&reply->object, "cpu", i);
		json_u64(&reply->object, "samples", profile->cpu_samples[i]);
		reply_object_end(reply);
	}
}

static void command_perf_show_profile(struct reply *reply)
{
	const struct perf_profile *profile = perf_profile();
	u64 ms = clock_tsc_to_ns(profile->tsc) / NS_PER_MS;

	if (profile->tsc == 0) {
		if (!reply->json)
			reply_line(reply, "no profile yet, `perf record SECONDS` makes one");
		return;
	}
	if (!reply->json)
		reply_line(reply, "%llu samples in %llu.%03llu s", N(profile->samples),
			   N(ms / 1000), N(ms % 1000));
	command_perf_show_cpus(reply);
	for (u32 i = 0; i < MIN(profile->row_count, ROWS_SHOWN); i++)
		command_perf_show_row(reply, &profile->row[i]);
}

static void command_perf_show_exits(struct reply *reply, const char *vm, u32 reason, u64 count,
				    u64 each, bool measured)
{
	struct json *json = &reply->object;
	char cost[24] = "-";

	if (count == 0)
		return;
	if (measured)
		format(cost, sizeof(cost), "%llu", N(each));
	if (!reply->json) {
		reply_line(reply, "%-16s %-18s %12llu %12s", vm, exit_name(reason), N(count), cost);
		return;
	}
	reply_object_begin(reply);
	json_string(json, "name", vm);
	json_string(json, "reason", exit_name(reason));
	json_u64(json, "count", count);
	if (measured)
		json_u64(json, "instructions", each);
	else
		json_null(json, "instructions");
	reply_object_end(reply);
}

static void command_perf_show_costs(struct reply *reply, const struct query_costs *costs)
{
	const struct vm *vm = vm_by_id(reply->vm_id);

	for (u32 i = 0; vm != NULL && i < EXIT_REASON_COUNT; i++) {
		const struct query_cost *cost = &costs->cost[i];

		command_perf_show_exits(reply, reply->vm_name, i,
					vm_account(vm)->exits_by_reason[i],
					cost->tsc / MAX(cost->count, 1ull), cost->count != 0);
	}
}

static bool command_perf_next_vm(struct reply *reply)
{
	return inspect_next_vm(reply, &(struct query){.kind = QUERY_COSTS});
}

static bool command_perf_resume_report(struct reply *reply)
{
	const struct vm_answer *answer;
	const struct query_costs *costs;

	if (reply_room(reply) <= 2 * REPLY_LINE_BYTES || !inspect_take(reply, &answer))
		return false;
	costs = answer != NULL ? inspect_data(reply, answer, sizeof(*costs)) : NULL;
	if (costs != NULL)
		command_perf_show_costs(reply, costs);
	return !command_perf_next_vm(reply);
}

static void command_perf_report(struct reply *reply, const struct arguments *arguments)
{
	(void)arguments;
	if (perf_recording()) {
		reply_error(reply, "a profile is being recorded, try again when it is done");
		return;
	}
	command_perf_show_profile(reply);
	if (!reply->json)
		reply_line(reply, "\n%-16s %-18s %12s %12s", "VM", "EXITS", "COUNT", "CYCLES EACH");
	if (command_perf_next_vm(reply))
		reply->resume = command_perf_resume_report;
}

static bool command_perf_resume_record(struct reply *reply)
{
	const struct perf_profile *profile = perf_profile();

	if (perf_recording())
		return false;
	if (!reply->json) {
		reply_line(reply, "%llu samples, `perf report` shows them", N(profile->samples));
		return true;
	}
	reply_object_begin(reply);
	json_u64(&reply->object, "samples", profile->samples);
	json_u64(&reply->object, "lost", profile->lost);
	reply_object_end(reply);
	return true;
}

static void command_perf_record(struct reply *reply, const struct arguments *arguments)
{
	const char *problem;
	char shown[40];
	u64 seconds;

	if (!parse_u64(text_of(arguments->word[0]), &seconds) || seconds == 0 ||
	    seconds > SECONDS_MAX) {
		reply_bad(reply, "\"%s\" is not valid; use 1 to %u seconds",
			  text_show(shown, sizeof(shown), text_of(arguments->word[0])),
			  SECONDS_MAX);
		return;
	}
	if (perf_recording()) {
		reply_fail(reply, CODE_BUSY, "a profile is being recorded already");
		return;
	}
	problem = perf_start(clock_ns_to_tsc(seconds * NS_PER_S));
	if (problem != NULL) {
		reply_error(reply, "cannot record: %s", problem);
		return;
	}
	log_message(LOG_INFO, LOG_AUDIT, "", "perf record %llu", N(seconds));
	reply->resume = command_perf_resume_record;
}

COMMAND(perf_record,
	.name = "perf record",
	.right = MAY_INSPECT,
	.arguments = "SECONDS",
	.summary = "makes a sampling profile of kernel, monitors and manager",
	.detail = "499 times a second each CPU notes where it is. Ctrl-C gives up the waiting, not "
		  "the recording.",
	.example = "perf record 5",
	.keys = "samples lost",
	.run = command_perf_record,
	.minimum = 1,
	.maximum = 1,
	.changes = true);

COMMAND(perf_report,
	.name = "perf report",
	.right = MAY_INSPECT,
	.arguments = "",
	.summary = "the last profile, and exits by reason with what one costs",
	.detail = "Samples by host CPU, and by function, most first: of the kernel, the\n"
		  "manager, each monitor, and each guest as a whole. Then for each VM how often\n"
		  "it left its guest and why, with the TSC cycles from exit to the guest's\n"
		  "going on. Exits that the kernel handles have no figure.",
	.example = "perf report",
	.keys = "of CPUs: cpu samples; of functions: where symbol guest samples permille; of "
		"exits: name reason count instructions; of a VM without an answer: name problem",
	.run = command_perf_report,
	.minimum = 0,
	.maximum = 0);
