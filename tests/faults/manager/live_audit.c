/* SPDX-License-Identifier: MIT */
/*
 * Audits between commands, and after each operation on layers of memory: the linker's --wrap puts
 * these in front of the manager's functions.
 */
#include "lib/string.h"
#include "tests/faults/manager/fault.h"
#include "vmm/manager/text/parse_number.h"
#include "vmm/manager/vm/vm.h"

static u64 every; /* 0: never */
static u64 commands;
static u64 audits;
static u64 failures; /* the findings themselves are in the log */

static void put(void *context, enum reply_kind kind, struct text text)
{
	(void)context;
	failures +=
		kind == REPLY_ERROR || (text.length > 6 && memcmp(text.start, "FOUND:", 6) == 0);
}

static u32 room(void *context)
{
	(void)context;
	return UINT32_MAX;
}

void __real_command_run(struct reply *reply, const char *line);

static void audit(void)
{
	static const struct requester nobody = {
		.put = put, .room = room, .name = "live audit", .rights = MAY_ALL};
	static struct reply answer;

	memset(&answer, 0, sizeof(answer));
	answer.to = &nobody;
	audits++;
	__real_command_run(&answer, "audit");
}

void __wrap_command_run(struct reply *reply, const char *line);
void __wrap_command_run(struct reply *reply, const char *line)
{
	if (every != 0 && ++commands % every == 0)
		audit();
	__real_command_run(reply, line);
}

/* A snapshot, a reset or a merge has ended with this step. */
bool __real_vm_operations_step(struct vm *vm, u64 now_tsc, u32 *taken);
bool __wrap_vm_operations_step(struct vm *vm, u64 now_tsc, u32 *taken);
bool __wrap_vm_operations_step(struct vm *vm, u64 now_tsc, u32 *taken)
{
	bool was = vm->operation[OPERATION_SNAPSHOT].phase != SNAPSHOT_NONE;
	bool more = __real_vm_operations_step(vm, now_tsc, taken);

	if (was && vm->operation[OPERATION_SNAPSHOT].phase == SNAPSHOT_NONE)
		audit();
	return more;
}

static void command_every(struct reply *reply, const struct arguments *arguments)
{
	if (!parse_u64(text_of(arguments->word[0]), &every))
		reply_error(reply, "say after how many commands; 0 means never");
}

COMMAND(fault_audit, .name = "fault audit", .right = MAY_HOST, .arguments = "COUNT",
	.summary = "an audit before every so many commands", .example = "fault audit 1",
	.run = command_every, .minimum = 1, .maximum = 1, .changes = true);

static void command_audits(struct reply *reply, const struct arguments *arguments)
{
	(void)arguments;
	if (!reply->json) {
		reply_line(reply, "%llu audits, %llu findings", (unsigned long long)audits,
			   (unsigned long long)failures);
		return;
	}
	reply_object_begin(reply);
	json_u64(&reply->object, "audits", audits);
	json_u64(&reply->object, "findings", failures);
	reply_object_end(reply);
}

COMMAND(fault_audits, .name = "fault audits", .right = MAY_HOST, .arguments = "",
	.summary = "how many audits there were, and what they have found",
	.example = "fault audits", .keys = "audits findings", .run = command_audits);
