/* SPDX-License-Identifier: MIT */
/* Who may do what: every handle of every process, as SYS_AUDIT lists them. */
#include "kernel/abi/audit.h"
#include "kernel/abi/object.h"
#include "lib/format.h"
#include "vmm/manager/command.h"
#include "vmm/rt/memory.h"
#include "vmm/rt/start.h"
#include "vmm/rt/syscall.h"

#define PROCESSES_MAX 256u

static const char type_names[OBJECT_TYPE_COUNT][8] = {
	[OBJECT_ROOT] = "root",	  [OBJECT_GROUP] = "group",	[OBJECT_MEMORY] = "memory",
	[OBJECT_SPACE] = "space", [OBJECT_PROCESS] = "process", [OBJECT_THREAD] = "thread",
	[OBJECT_QUEUE] = "queue", [OBJECT_EVENT] = "event",	[OBJECT_IRQ] = "irq",
	[OBJECT_VM] = "vm",	  [OBJECT_VCPU] = "vcpu",
};

static const char right_names[][8] = {"read",	"write",   "execute", "map",  "bind",
				      "create", "control", "destroy", "grant"};

struct listing {
	struct reply *reply;
	handle_t memory;
	const struct audit_page *page;
	u64 processes[PROCESSES_MAX];
	u32 process_count;
};

static bool list(const struct listing *listing, u64 what, u64 where, u64 at, u64 *next)
{
	return sys_audit(start_handle(START_ROOT), listing->memory, what, where, at, next) ==
	       STATUS_OK;
}

/* The kernel's list of an object's own slab begins at its frame. */
static u32 type_of(const struct listing *listing, u64 id)
{
	u64 next;

	if (id == 0)
		return OBJECT_ROOT;
	if (!list(listing, AUDIT_FRAMES, id / PAGE_SIZE, 0, &next))
		return OBJECT_NONE;
	for (u64 i = 0; i < listing->page->count && i < AUDIT_RECORDS; i++) {
		const struct audit_record *record = &listing->page->record[i];

		if (record->kind == AUDIT_OBJECT && record->id == id)
			return record->info & 0xff;
	}
	return OBJECT_NONE;
}

static void find_processes(struct listing *listing)
{
	for (u64 next = 0; next != AUDIT_END;) {
		if (!list(listing, AUDIT_FRAMES, next, 0, &next))
			return;
		for (u64 i = 0; i < listing->page->count && i < AUDIT_RECORDS; i++) {
			const struct audit_record *record = &listing->page->record[i];

			if (record->kind == AUDIT_OBJECT &&
			    (record->info & 0xff) == OBJECT_PROCESS &&
			    listing->process_count < PROCESSES_MAX)
				listing->processes[listing->process_count++] = record->id;
		}
	}
}

static void tell(struct reply *reply, const char *who, u64 process, u32 type, u32 rights)
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

/* A handle at a time: looking up what it is for needs the page of records. */
static void tell_process(struct listing *listing, u64 process)
{
	struct {
		u64 id;
		u32 rights;
	} held[256];
	u32 count = 0;
	const char *who = "monitor";

	for (u64 at = 0, next; at != AUDIT_END; at = next) {
		if (!list(listing, AUDIT_HANDLES, process, at, &next))
			return;
		for (u64 i = 0; i < listing->page->count && i < AUDIT_RECORDS; i++) {
			const struct audit_record *record = &listing->page->record[i];

			if (count == sizeof(held) / sizeof(held[0]))
				break;
			held[count].id = record->other;
			held[count++].rights = record->info;
			if (record->other == 0) /* the root */
				who = "manager";
		}
	}
	for (u32 i = 0; i < count; i++)
		tell(listing->reply, who, process, type_of(listing, held[i].id), held[i].rights);
}

static void run_handles(struct reply *reply, const struct arguments *arguments)
{
	static struct listing listing;
	u64 at;

	(void)arguments;
	listing = (struct listing){.reply = reply};
	if (memory_take(PAGE_SIZE, MEMORY_PINNED, &listing.memory, &at) != STATUS_OK) {
		reply_error(reply, "no memory to look with, allowed: with a page free");
		return;
	}
	listing.page = (const struct audit_page *)at;
	if (!reply->json)
		reply_line(reply, "%-8s %12s  %-8s %s", "PROCESS", "ID", "TYPE", "RIGHTS");
	find_processes(&listing);
	for (u32 i = 0; i < listing.process_count; i++)
		tell_process(&listing, listing.processes[i]);
	memory_give_back(listing.memory, at, PAGE_SIZE);
}

COMMAND(handles, .name = "handles", .arguments = "",
	.summary = "every handle of the manager and of each monitor",
	.detail = "A process can reach what it has a handle to, and do what the rights say.",
	.example = "handles", .keys = "process id type rights", .run = run_handles);
