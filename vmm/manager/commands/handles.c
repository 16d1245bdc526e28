/* SPDX-License-Identifier: MIT */
/*
 * The command `handles`: shows the rights of every process, as a list of all its handles. Run by
 * command.c; the kernel lists the handles through sys_audit.
 */
#include "kernel/abi/audit.h"
#include "kernel/abi/object.h"
#include "vmm/manager/command/command.h"
#include "vmm/rt/format.h"
#include "vmm/rt/memory.h"
#include "vmm/rt/start.h"
#include "vmm/rt/syscall.h"

/*
 * room for the lines of one page of the kernel's list of handles: a line is shorter than 256 bytes
 */
#define PAGE_ROOM (AUDIT_RECORDS * 256u)

static const char type_names[OBJECT_TYPE_COUNT][8] = {
	[OBJECT_ROOT] = "root",	  [OBJECT_GROUP] = "group",	[OBJECT_MEMORY] = "memory",
	[OBJECT_SPACE] = "space", [OBJECT_PROCESS] = "process", [OBJECT_THREAD] = "thread",
	[OBJECT_QUEUE] = "queue", [OBJECT_EVENT] = "event",	[OBJECT_IRQ] = "irq",
	[OBJECT_VM] = "vm",	  [OBJECT_VCPU] = "vcpu",
};

static const char right_names[][8] = {"read",	"write",   "execute", "map",  "bind",
				      "create", "control", "destroy", "grant"};

/*
 * A listing in progress, with two pages of memory for the kernel's lists: while the handles in one
 * page are shown, the other page gets lists in which the objects behind these handles are found.
 */
struct listing {
	struct reply *reply;
	handle_t memory[2];
	u64 at[2];
};

/*
 * Has the kernel write one page of a list of its objects; returns that page, or NULL if the kernel
 * refuses.
 */
static const struct audit_page *command_handles_list(const struct listing *listing, u32 level,
						     u64 what, u64 where, u64 at, u64 *next)
{
	if (sys_audit(start_handle(START_ROOT), listing->memory[level], what, where, at, next) !=
	    STATUS_OK)
		return NULL;
	return (const struct audit_page *)listing->at[level];
}

/*
 * Returns the type of the object with that id, which is its address: the kernel's list of a page
 * frame begins with the objects that lie in the frame.
 */
static u32 command_handles_type_of(const struct listing *listing, u64 id)
{
	const struct audit_page *page;
	u64 next;

	if (id == 0)
		return OBJECT_ROOT;
	page = command_handles_list(listing, 1, AUDIT_FRAMES, id / PAGE_SIZE, 0, &next);
	for (u64 i = 0; page != NULL && i < MIN(page->count, AUDIT_RECORDS); i++) {
		const struct audit_record *record = &page->record[i];

		if (record->kind == AUDIT_OBJECT && record->id == id)
			return record->info & 0xff;
	}
	return OBJECT_NONE;
}

/*
 * Returns the id of the next process, in the order of the kernel objects' addresses, or 0 if there
 * is none after `id`.
 */
static u64 command_handles_next_process(const struct listing *listing, u64 id)
{
	for (u64 next = id / PAGE_SIZE; next != AUDIT_END;) {
		const struct audit_page *page =
			command_handles_list(listing, 0, AUDIT_FRAMES, next, 0, &next);

		if (page == NULL)
			return 0;
		for (u64 i = 0; i < MIN(page->count, AUDIT_RECORDS); i++) {
			const struct audit_record *record = &page->record[i];

			if (record->kind == AUDIT_OBJECT && record->id > id &&
			    (record->info & 0xff) == OBJECT_PROCESS)
				return record->id;
		}
	}
	return 0;
}

/* Returns whether the process has a handle to the root: then it is the manager. */
static bool command_handles_has_root(const struct listing *listing, u64 process)
{
	for (u64 at = 0; at != AUDIT_END;) {
		const struct audit_page *page =
			command_handles_list(listing, 1, AUDIT_HANDLES, process, at, &at);

		if (page == NULL)
			return false;
		for (u64 i = 0; i < MIN(page->count, AUDIT_RECORDS); i++) {
			if (page->record[i].other == 0)
				return true;
		}
	}
	return false;
}

/*
 * Returns whether the process has a handle to a VM. Looking up a type overwrites the page that
 * holds the ids, so these are copied first.
 */
static bool command_handles_has_vm(const struct listing *listing, u64 process)
{
	static u64 ids[AUDIT_RECORDS];

	for (u64 at = 0; at != AUDIT_END;) {
		const struct audit_page *page =
			command_handles_list(listing, 1, AUDIT_HANDLES, process, at, &at);
		u64 count = page != NULL ? MIN(page->count, AUDIT_RECORDS) : 0;

		if (page == NULL)
			return false;
		for (u64 i = 0; i < count; i++)
			ids[i] = page->record[i].other;
		for (u64 i = 0; i < count; i++) {
			if (command_handles_type_of(listing, ids[i]) == OBJECT_VM)
				return true;
		}
	}
	return false;
}

static const char *command_handles_name_of(const struct listing *listing, u64 process)
{
	if (command_handles_has_root(listing, process))
		return "manager";
	return command_handles_has_vm(listing, process) ? "monitor" : "driver";
}

static void command_handles_tell(struct reply *reply, const char *who, u64 process, u32 type,
				 u32 rights)
{
	char text[80] = "";
	size_t length = 0;

	for (u32 bit = 0; bit < sizeof(right_names) / sizeof(right_names[0]); bit++) {
		if ((rights >> bit & 1) != 0)
			length += format(text + length, sizeof(text) - length, "%s%s",
					 length > 0 ? " " : "", right_names[bit]);
	}
	if (!reply->json) {
		reply_line(reply, "%-8s %#12lx  %-8s %s", who, (unsigned long)process,
			   type < OBJECT_TYPE_COUNT ? type_names[type] : "?", text);
		return;
	}
	reply_object_begin(reply);
	json_string(&reply->object, "process", who);
	json_u64(&reply->object, "id", process);
	json_string(&reply->object, "type", type < OBJECT_TYPE_COUNT ? type_names[type] : "?");
	json_string(&reply->object, "rights", text);
	reply_object_end(reply);
}

/* Shows one page of a process's handles; returns the index of the first handle of the next page. */
static u64 command_handles_tell_page(const struct listing *listing, u64 process, u64 at)
{
	const char *who = command_handles_name_of(listing, process);
	u64 next;
	const struct audit_page *page =
		command_handles_list(listing, 0, AUDIT_HANDLES, process, at, &next);

	if (page == NULL)
		return AUDIT_END;
	for (u64 i = 0; i < MIN(page->count, AUDIT_RECORDS); i++)
		command_handles_tell(listing->reply, who, process,
				     command_handles_type_of(listing, page->record[i].other),
				     page->record[i].info);
	return next;
}

/*
 * Shows as many pages of handles as there is room for in the asker's output. reply->shown is the
 * process and reply->left its next handle.
 */
static bool command_handles_tell_some(struct listing *listing)
{
	struct reply *reply = listing->reply;

	while (reply_room(reply) > PAGE_ROOM) {
		if (reply->left == AUDIT_END) {
			reply->shown = command_handles_next_process(listing, reply->shown);
			reply->left = 0;
			if (reply->shown == 0)
				return true;
		}
		reply->left = command_handles_tell_page(listing, reply->shown, reply->left);
	}
	/* no deadline: when the asker's output has more room, an event resumes the command */
	reply->deadline_tsc = 0;
	return false;
}

static bool command_handles_resume(struct reply *reply)
{
	struct listing listing = {.reply = reply};
	bool done = true;
	u32 taken = 0;

	while (taken < 2 && memory_take(PAGE_SIZE, MEMORY_PINNED, &listing.memory[taken],
					&listing.at[taken]) == STATUS_OK)
		taken++;
	if (taken == 2)
		done = command_handles_tell_some(&listing);
	else
		reply_error(reply, "too little memory is free to list handles: it takes 8 KiB");
	while (taken-- > 0)
		memory_give_back(listing.memory[taken], listing.at[taken], PAGE_SIZE);
	return done;
}

static void command_handles_run(struct reply *reply, const struct arguments *arguments)
{
	(void)arguments;
	if (!reply->json)
		reply_line(reply, "%-8s %12s  %-8s %s", "PROCESS", "ID", "TYPE", "RIGHTS");
	reply->shown = 0;
	reply->left = AUDIT_END;
	if (!command_handles_resume(reply))
		reply->resume = command_handles_resume;
}

COMMAND(handles, .name = "handles",
	.right = MAY_VIEW,
	.arguments = "",
	.summary = "every handle of the manager, of each monitor and of each driver",
	.detail = "A process can reach what it has a handle to, and do what the rights say.",
	.example = "handles", .keys = "process id type rights", .run = command_handles_run);
