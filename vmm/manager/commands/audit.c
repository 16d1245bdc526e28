/* SPDX-License-Identifier: MIT */
/*
 * The command `audit`: walks every page's owner, table and reference and shows inconsistencies. Run
 * by command.c. Takes memory of its own while it runs; inspect/audit.c judges the kernel's lists,
 * which come from sys_audit.
 */
#include "vmm/manager/inspect/audit.h"
#include "lib/bits.h"
#include "vmm/manager/command/command.h"
#include "vmm/manager/host/machine.h"
#include "vmm/manager/log/log.h"
#include "vmm/manager/inspect/page_names.h"
#include "vmm/manager/vm/process/vm_window.h"
#include "vmm/rt/memory.h"
#include "vmm/rt/start.h"
#include "vmm/rt/syscall.h"

/* least number of page frames that the audit looks at in one pass over the kernel's lists */
#define WINDOW_MIN 4096u

struct room {
	handle_t memory;
	u64 bytes;
	u64 at;
};

/* Allocates memory that stays for as long as the audit runs. */
static bool command_audit_take(struct room *room, u64 bytes, u32 flags)
{
	room->bytes = align_up(bytes, PAGE_SIZE);
	if (memory_take(room->bytes, flags, &room->memory, &room->at) == STATUS_OK)
		return true;
	room->memory = HANDLE_NONE;
	return false;
}

static void command_audit_give_back(struct room *room)
{
	if (room->memory != HANDLE_NONE)
		memory_give_back(room->memory, room->at, room->bytes);
}

#define MANAGER_ACCOUNT 1u /* the number of the first group that the kernel makes */

struct run {
	struct reply *reply;
	struct room page[2];
	struct room balances;
	struct room frames;
};

static bool command_audit_list(void *context, u32 level, u64 what, u64 where, u64 at, u64 *next)
{
	const struct run *run = context;

	return sys_audit(start_handle(START_ROOT), run->page[level].memory, what, where, at,
			 next) == STATUS_OK;
}

static void command_audit_report(void *context, const char *text)
{
	struct reply *reply = ((struct run *)context)->reply;

	log_message(LOG_ERROR, LOG_AUDIT, "", "audit: %s", text);
	if (!reply->json) {
		reply_line(reply, "FOUND: %s", text);
		return;
	}
	reply_object_begin(reply);
	json_string(&reply->object, "found", text);
	reply_object_end(reply);
}

/*
 * Allocates all memory of the audit, with as large a window of frames as possible: a larger one
 * needs fewer passes over the kernel's lists.
 */
static bool command_audit_take_all(struct run *run, u64 *frames)
{
	if (!command_audit_take(&run->page[0], PAGE_SIZE, MEMORY_PINNED) ||
	    !command_audit_take(&run->page[1], PAGE_SIZE, MEMORY_PINNED) ||
	    !command_audit_take(&run->balances, AUDIT_BALANCES * sizeof(struct audit_balance), 0))
		return false;
	for (*frames = MIB; *frames >= WINDOW_MIN; *frames /= 2) {
		if (*frames < 4 * machine_page()->page_count &&
		    command_audit_take(&run->frames, *frames * sizeof(struct audit_frame), 0))
			return true;
	}
	return false;
}

static void command_audit_tell(struct reply *reply, const struct audit *audit)
{
	if (!reply->json) {
		reply_line(reply,
			   "%llu of %llu pages mapped by guests are in pieces of 2 MiB or more, "
			   "%llu of 1 GiB",
			   (unsigned long long)audit->guest_large,
			   (unsigned long long)audit->guest_pages,
			   (unsigned long long)audit->guest_huge);
		if (audit->device_pages > 0)
			reply_line(reply,
				   "%llu pages are reached by devices, through IOMMUs, %llu of "
				   "them guests' RAM",
				   (unsigned long long)audit->device_pages,
				   (unsigned long long)audit->device_guest_pages);
		reply_line(reply, "%llu pages in use, %llu objects, %llu mapped pieces: %llu found",
			   (unsigned long long)audit->pages, (unsigned long long)audit->objects,
			   (unsigned long long)audit->leaves, (unsigned long long)audit->findings);
		return;
	}
	reply_object_begin(reply);
	json_u64(&reply->object, "pages", audit->pages);
	json_u64(&reply->object, "objects", audit->objects);
	json_u64(&reply->object, "leaves", audit->leaves);
	json_u64(&reply->object, "device_pages", audit->device_pages);
	json_u64(&reply->object, "device_guest_pages", audit->device_guest_pages);
	json_u64(&reply->object, "guest_pages", audit->guest_pages);
	json_u64(&reply->object, "guest_large_pages", audit->guest_large);
	json_u64(&reply->object, "guest_huge_pages", audit->guest_huge);
	json_u64(&reply->object, "findings", audit->findings);
	reply_object_end(reply);
}

static void command_audit_run_now(struct reply *reply, const struct arguments *arguments)
{
	struct run run = {.reply = reply};
	struct audit audit = {
		.list = command_audit_list,
		.report = command_audit_report,
		.context = &run,
		.window_account = vm_window_pages() != 0 ? MANAGER_ACCOUNT : 0,
	};

	(void)arguments;
	if (!command_audit_take_all(&run, &audit.frame_count)) {
		reply_fail(reply, CODE_NO_MEMORY,
			   "too little memory is free to audit: it takes 512 KiB");
	} else {
		audit.page[0] = (const struct audit_page *)run.page[0].at;
		audit.page[1] = (const struct audit_page *)run.page[1].at;
		audit.balance = (struct audit_balance *)run.balances.at;
		audit.frame = (struct audit_frame *)run.frames.at;
		if (audit_run(&audit))
			command_audit_tell(reply, &audit);
		else
			reply_fail(reply, CODE_NO_MEMORY,
				   "there are too many objects to audit, `vm destroy` some first");
	}
	command_audit_give_back(&run.frames);
	command_audit_give_back(&run.balances);
	command_audit_give_back(&run.page[1]);
	command_audit_give_back(&run.page[0]);
}

COMMAND(audit, .name = "audit",
	.right = MAY_VIEW,
	.arguments = "",
	.summary = "walks every page's owner, table and reference",
	.detail =
		"Each page has one owner; no page is writable by two VMs, or by a VM and a\n"
		"process of another; nobody reaches the kernel's; nothing is writable and\n"
		"executable in the kernel; references equal what holds them, charges equal\n"
		"pages. What is found is shown, and logged. At the end: how much of what guests\n"
		"have mapped is in pieces of 2 MiB or more, and of 1 GiB, and what devices\n"
		"behind IOMMUs reach.",
	.example = "audit",
	.keys = "found; pages objects leaves device_pages device_guest_pages "
		"guest_pages guest_large_pages guest_huge_pages findings",
	.run = command_audit_run_now);
