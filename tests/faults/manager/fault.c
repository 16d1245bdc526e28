/* SPDX-License-Identifier: MIT */
/* The commands that only a TEST=1 image has: they break the machine that they run on. */
#include "lib/bits.h"
#include "lib/string.h"
#include "tests/faults/manager/fault.h"
#include "vmm/manager/inspect/symbols.h"
#include "vmm/manager/text/parse_number.h"
#include "vmm/rt/start.h"
#include "vmm/rt/status_text.h"
#include "vmm/rt/syscall.h"

enum status fault_test(enum test_what what, u64 argument, u64 *value)
{
	return syscall((enum syscall)SYS_TEST,
		       (const u64[]){start_handle(START_ROOT), what, argument, 0, 0, 0}, value);
}

static void answer(struct reply *reply, enum status status)
{
	if (status != STATUS_OK)
		reply_error(reply, "%s", status_text(status));
}

void fault_do(struct reply *reply, enum test_what what, u64 argument)
{
	answer(reply, fault_test(what, argument, NULL));
}

static void command_count(struct reply *reply, const struct arguments *arguments)
{
	(void)arguments;
	fault_do(reply, TEST_COUNT, 0);
}

COMMAND(fault_count, .name = "fault count", .right = MAY_HOST, .arguments = "",
	.summary = "counts the kernel's allocations by site from now on", .example = "fault count",
	.run = command_count, .changes = true);

static void command_off(struct reply *reply, const struct arguments *arguments)
{
	(void)arguments;
	fault_do(reply, TEST_OFF, 0);
}

COMMAND(fault_off, .name = "fault off", .right = MAY_HOST, .arguments = "",
	.summary = "no allocation is counted or fails any more", .example = "fault off",
	.run = command_off, .changes = true);

static void command_alloc(struct reply *reply, const struct arguments *arguments)
{
	u64 site;
	u64 call;

	if (!parse_u64(text_of(arguments->word[0]), &site) || site > UINT32_MAX ||
	    !parse_u64(text_of(arguments->word[1]), &call) || call > UINT32_MAX)
		reply_error(reply, "name a site of `fault sites` and which of its calls");
	else
		fault_do(reply, TEST_FAIL, site << 32 | call);
}

COMMAND(fault_alloc, .name = "fault alloc", .right = MAY_HOST, .arguments = "SITE CALL",
	.summary = "lets an allocation of the kernel fail", .example = "fault alloc 0 1",
	.run = command_alloc, .minimum = 2, .maximum = 2, .changes = true);

static void show_site(struct reply *reply, u64 site, u64 offset, u64 calls)
{
	const struct symbol_table *symbols = symbols_of(SYMBOLS_KERNEL);
	u64 distance = 0;
	const char *name = symbols != NULL ? symbols_name(symbols, offset, &distance) : NULL;

	if (name == NULL)
		name = "?";
	if (!reply->json) {
		reply_line(reply, "%4llu %s+0x%llx: %u calls, %u failed", (unsigned long long)site,
			   name, (unsigned long long)distance, (u32)calls, (u32)(calls >> 32));
		return;
	}
	reply_object_begin(reply);
	json_u64(&reply->object, "site", site);
	json_string(&reply->object, "name", name);
	json_u64(&reply->object, "offset", offset);
	json_u64(&reply->object, "calls", (u32)calls);
	json_u64(&reply->object, "failed", calls >> 32);
	reply_object_end(reply);
}

static void command_sites(struct reply *reply, const struct arguments *arguments)
{
	u64 count = 0;
	u64 offset;
	u64 calls;

	(void)arguments;
	answer(reply, fault_test(TEST_SITES, 0, &count));
	for (u64 i = 0; i < count; i++) {
		if (fault_test(TEST_SITE_OFFSET, i, &offset) == STATUS_OK &&
		    fault_test(TEST_SITE_CALLS, i, &calls) == STATUS_OK)
			show_site(reply, i, offset, calls);
	}
}

COMMAND(fault_sites, .name = "fault sites", .right = MAY_HOST, .arguments = "",
	.summary = "where the kernel allocates, as far as it was seen to", .example = "fault sites",
	.keys = "site name offset calls failed", .run = command_sites);

static void command_stack(struct reply *reply, const struct arguments *arguments)
{
	(void)arguments;
	fault_do(reply, TEST_STACK, 0);
}

COMMAND(fault_stack, .name = "fault stack", .right = MAY_HOST, .arguments = "",
	.summary = "the kernel's stack overflows, which ends the machine", .example = "fault stack",
	.run = command_stack, .changes = true);

static void command_canary(struct reply *reply, const struct arguments *arguments)
{
	(void)arguments;
	fault_do(reply, TEST_CANARY, 0);
}

COMMAND(fault_canary, .name = "fault canary", .right = MAY_HOST, .arguments = "",
	.summary = "the kernel writes to its stack canary, which ends the machine",
	.example = "fault canary", .run = command_canary, .changes = true);

static void command_boot(struct reply *reply, const struct arguments *arguments)
{
	(void)arguments;
	fault_do(reply, TEST_BOOT, 0);
}

COMMAND(fault_boot, .name = "fault boot", .right = MAY_HOST, .arguments = "",
	.summary = "the kernel calls code of boot/, which ends the machine",
	.example = "fault boot", .run = command_boot, .changes = true);

static const char *const broken[BREAK_COUNT] = {
	[BREAK_OWNER] = "owner",	   [BREAK_TWO_GUESTS] = "two-guests",
	[BREAK_PROCESS] = "process",	   [BREAK_GUEST] = "guest",
	[BREAK_RING3] = "ring3",	   [BREAK_EXECUTABLE] = "executable",
	[BREAK_ALIAS] = "alias",	   [BREAK_USER] = "user",
	[BREAK_REFERENCES] = "references", [BREAK_QUOTA] = "quota",
};

static void command_break(struct reply *reply, const struct arguments *arguments)
{
	for (u32 i = 0; i < ARRAY_COUNT(broken); i++) {
		if (strcmp(broken[i], arguments->word[0]) != 0)
			continue;
		fault_do(reply, TEST_BREAK, i);
		return;
	}
	reply_error(reply, "name what `help fault break` names");
}

COMMAND(fault_break, .name = "fault break", .right = MAY_HOST, .arguments = "INVARIANT",
	.summary = "an invariant of memory does not hold any more",
	.detail = "owner two-guests process guest ring3 executable alias user references quota",
	.example = "fault break owner", .run = command_break, .minimum = 1, .maximum = 1,
	.changes = true);

static void command_page(struct reply *reply, const struct arguments *arguments)
{
	u64 which;
	u64 hpa = 0;

	if (!parse_u64(text_of(arguments->word[0]), &which)) {
		reply_error(reply, "give a number from 0 to 3");
		return;
	}
	answer(reply, fault_test(TEST_GUEST_PAGE, which, &hpa));
	if (!reply->json) {
		reply_line(reply, "%#llx", (unsigned long long)hpa);
		return;
	}
	reply_object_begin(reply);
	json_u64(&reply->object, "page", hpa);
	reply_object_end(reply);
}

COMMAND(fault_page, .name = "fault page", .right = MAY_HOST, .arguments = "VM",
	.summary = "where a page of a VM's RAM is: of two, the smaller first; 2, 3: a monitor's",
	.example = "fault page 0", .keys = "page", .run = command_page, .minimum = 1, .maximum = 1);

static void command_mend(struct reply *reply, const struct arguments *arguments)
{
	(void)arguments;
	fault_do(reply, TEST_MEND, 0);
}

COMMAND(fault_mend, .name = "fault mend", .right = MAY_HOST, .arguments = "",
	.summary = "what was broken holds again",
	.example = "fault mend", .run = command_mend, .changes = true);
