/* SPDX-License-Identifier: MIT */
/*
 * Checks the kernel's lists of pages, objects and references against each other. Called by the
 * command `audit`, which supplies lists and memory. Holds no state but the space whose leaves, and
 * the memory object whose pages, are being walked.
 */
#include "vmm/manager/inspect/audit.h"
#include "kernel/abi/object.h"
#include "kernel/abi/pages.h"
#include "lib/bits.h"
#include "lib/string.h"
#include "vmm/manager/inspect/page_names.h"
#include "vmm/rt/format.h"

#define PARTS_MAX      64u
#define BALANCES_FULL  (AUDIT_BALANCES * 3 / 4)
#define DIRECT_MAP_END 0xffffa00000000000ull
#define LARGE_USER     BIT(3) /* a leaf's right: ring 3 may use the page */
#define ACCOUNT_KEY    BIT(63)

enum frame_flag {
	FRAME_LENT = 1 << 0, /* the page frame is part of a memory object that does not own it */
	FRAME_GUEST_WRITES = 1 << 1,
	FRAME_EXECUTABLE = 1 << 2, /* the frame is executable in the kernel's tables */
	FRAME_CONSTANT = 1 << 3,
	FRAME_WRITABLE = 1 << 4,
	FRAME_FROZEN = 1 << 5, /* the frame is part of a frozen memory object */
	/* the frame is a page table that a memory group pays for, not one being freed */
	FRAME_PAID = 1 << 6,
	FRAME_TABLE = 1 << 7, /* an address space reaches the frame as a page table */
};

typedef void audit_visit(struct audit *audit, const struct audit_record *record);

/*
 * Notes a finding. As a change between two of the kernel's lists may have caused it, it counts only
 * if it is found in a second run.
 */
static void audit_found(struct audit *audit, const char *pattern, ...) PRINTF_LIKE(2, 3);
static void audit_found(struct audit *audit, const char *pattern, ...)
{
	u64 hash = 14695981039346656037ull ^ audit->stamp;
	char text[160];
	va_list arguments;

	va_start(arguments, pattern);
	format_va(text, sizeof(text), pattern, arguments);
	va_end(arguments);
	for (const char *c = text; *c != '\0'; c++)
		hash = (hash ^ (u8)*c) * 1099511628211ull;
	for (u32 i = 0; i < audit->seen_count; i++) {
		if (audit->seen[i] != hash)
			continue;
		if (audit->confirming) {
			audit->seen[i] = 0;
			audit->findings++;
			audit->report(audit->context, text);
		}
		return;
	}
	if (!audit->confirming && audit->seen_count < AUDIT_FINDINGS)
		audit->seen[audit->seen_count++] = hash;
}

static void audit_walk(struct audit *audit, u32 level, u64 what, u64 where, audit_visit *visit)
{
	u64 at = 0;
	u64 next = 0;

	while (next != AUDIT_END && !audit->failed) {
		bool frames = what == AUDIT_FRAMES;

		if (!audit->list(audit->context, level, what, frames ? at : where, frames ? 0 : at,
				 &next)) {
			audit->failed = true;
			return;
		}
		for (u64 i = 0; i < audit->page[level]->count && i < AUDIT_RECORDS; i++)
			visit(audit, &audit->page[level]->record[i]);
		at = next;
	}
}

/* --- sums that must be zero: references and charges --- */

static u64 audit_mix(u64 key)
{
	key *= 0x9e3779b97f4a7c15ull;
	return key ^ key >> 32;
}

static struct audit_balance *audit_add(struct audit *audit, u64 key, s64 value)
{
	u64 place = audit_mix(key);

	if (key == 0 || place / AUDIT_BALANCES % audit->parts != audit->part || audit->overflow)
		return NULL;
	for (u32 probes = 0; probes < BALANCES_FULL; probes++) {
		struct audit_balance *balance = &audit->balance[(place + probes) % AUDIT_BALANCES];

		if (balance->key == 0)
			balance->key = key;
		if (balance->key == key) {
			balance->value += value;
			return balance;
		}
	}
	audit->overflow = true;
	return NULL;
}

static struct audit_balance *audit_add_account(struct audit *audit, u64 account, u32 owner,
					       s64 pages)
{
	return account == 0 ? NULL : audit_add(audit, ACCOUNT_KEY | account << 4 | owner, pages);
}

static void audit_add_charge(struct audit *audit, u64 account, u32 owner, s64 pages)
{
	struct audit_balance *balance = audit_add_account(audit, account, owner, pages);

	if (balance != NULL)
		balance->charged += (u64)pages;
}

static void audit_balance_handle(struct audit *audit, const struct audit_record *record)
{
	audit_add(audit, record->other, -1);
}

static void audit_balance_record(struct audit *audit, const struct audit_record *record)
{
	u32 owner = record->info & 0xff;
	u64 pages = 1ull << (record->info >> 8 & 0x3f);

	switch (record->kind) {
	case AUDIT_BLOCK:
		audit_add_account(audit, record->other, owner, -(s64)pages);
		if (audit->part != 0)
			return;
		audit->pages += pages;
		audit->pages_by_owner[owner % 16] += pages;
		audit->last_frame = MAX(audit->last_frame, record->id / PAGE_SIZE + pages);
		return;
	case AUDIT_OBJECT:
		audit->objects += audit->part == 0;
		audit_add(audit, record->id, (s64)record->value);
		if ((record->info & 0xff) == OBJECT_PROCESS)
			audit_walk(audit, 1, AUDIT_HANDLES, record->id, audit_balance_handle);
		return;
	case AUDIT_REFERENCE:
		audit_add(audit, record->other, -1);
		return;
	case AUDIT_CHARGE:
		audit_add_charge(audit, record->id, record->info, (s64)record->value);
		return;
	case AUDIT_PROMISE:
		audit_add_account(audit, record->id, record->info, -(s64)record->value);
		return;
	}
}

static void audit_judge_balance(struct audit *audit, const struct audit_balance *balance)
{
	u64 account = (balance->key & ~ACCOUNT_KEY) >> 4;

	if (balance->value == 0)
		return;
	audit->stamp = balance->charged;
	if ((balance->key & ACCOUNT_KEY) != 0)
		audit_found(audit, "group %lu is charged %ld pages (%s) more than it has",
			    (unsigned long)account, (long)balance->value,
			    page_owner_name(balance->key & 15));
	else
		audit_found(audit, "object at %#lx counts %ld references more than there are",
			    (unsigned long)balance->key, (long)balance->value);
	audit->stamp = 0;
}

static void audit_judge_balances(struct audit *audit)
{
	for (audit->part = 0; audit->part < audit->parts && !audit->failed; audit->part++) {
		memset(audit->balance, 0, AUDIT_BALANCES * sizeof(*audit->balance));
		audit_walk(audit, 0, AUDIT_FRAMES, 0, audit_balance_record);
		if (audit->overflow)
			return;
		for (u32 i = 0; i < AUDIT_BALANCES; i++)
			audit_judge_balance(audit, &audit->balance[i]);
	}
}

/* --- the owner and the writers of each page, a window of frames at a time --- */

/*
 * Returns the entry of the first of the frames [first, first + *count) that lies in the window, and
 * in *count how many do; NULL if none does.
 */
static struct audit_frame *audit_in_window(struct audit *audit, u64 first, u64 *count, u64 *shown)
{
	u64 end = MIN(first + *count, audit->window + audit->frame_count);

	first = MAX(first, audit->window);
	if (first >= end)
		return NULL;
	*count = end - first;
	*shown = first;
	return &audit->frame[first - audit->window];
}

/* The memory object whose pages are being walked. */
static struct {
	bool shared;
} of_slots;

static void audit_claim_slots(struct audit *audit, const struct audit_record *record)
{
	u64 count = record->info & 0x7fffffff;
	u64 first;
	struct audit_frame *frame =
		audit_in_window(audit, record->value / PAGE_SIZE, &count, &first);

	for (u64 i = 0; frame != NULL && i < count; i++, frame++) {
		if (frame->memory != 0 && frame->memory != record->id)
			audit_found(audit,
				    "page %#lx belongs to two memory objects, at %#lx and %#lx",
				    (unsigned long)(first + i) * PAGE_SIZE,
				    (unsigned long)frame->memory, (unsigned long)record->id);
		frame->memory = record->id;
		frame->shared = of_slots.shared;
	}
}

static void audit_freeze_slots(struct audit *audit, const struct audit_record *record)
{
	u64 count = record->info & 0x7fffffff;
	u64 first;
	struct audit_frame *frame =
		audit_in_window(audit, record->value / PAGE_SIZE, &count, &first);

	audit_claim_slots(audit, record);
	for (u64 i = 0; frame != NULL && i < count; i++)
		frame[i].flags |= FRAME_FROZEN;
}

static void audit_lend_slots(struct audit *audit, const struct audit_record *record)
{
	u64 count = record->info & 0x7fffffff;
	u64 first;
	struct audit_frame *frame =
		audit_in_window(audit, record->value / PAGE_SIZE, &count, &first);

	for (u64 i = 0; frame != NULL && i < count; i++)
		frame[i].flags |= FRAME_LENT;
}

static void audit_own_block(struct audit *audit, const struct audit_record *record)
{
	u64 count = 1ull << (record->info >> 8 & 0x3f);
	u64 first;
	struct audit_frame *frame = audit_in_window(audit, record->id / PAGE_SIZE, &count, &first);

	for (u64 i = 0; frame != NULL && i < count; i++, frame++) {
		if (frame->owner != PAGE_FREE)
			audit_found(audit, "page %#lx lies in two blocks, %s and %s",
				    (unsigned long)(first + i) * PAGE_SIZE,
				    page_owner_name(frame->owner),
				    page_owner_name(record->info & 0xff));
		frame->owner = (u8)record->info;
		if (frame->owner == PAGE_TABLE && record->other != 0)
			frame->flags |= FRAME_PAID;
	}
}

static void audit_claim_record(struct audit *audit, const struct audit_record *record)
{
	u32 detail = record->info >> 16;
	audit_visit *take = audit_claim_slots;

	of_slots.shared = audit->window_account != 0 && record->other == audit->window_account;
	if ((detail & AUDIT_DETAIL_FIXED) != 0)
		take = audit_lend_slots;
	else if ((detail & AUDIT_DETAIL_FROZEN) != 0)
		take = audit_freeze_slots;
	if (record->kind == AUDIT_BLOCK)
		audit_own_block(audit, record);
	else if (record->kind == AUDIT_OBJECT && (record->info & 0xff) == OBJECT_MEMORY)
		audit_walk(audit, 1, AUDIT_MEMORY, record->id, take);
}

/* The address space whose leaves (page-table entries that map pages) are being walked. */
static struct {
	u32 account;
	bool second_stage;
	bool device;
} of_leaves;

/* Returns whether it is a page of a window, to which a VM's account may write, as others do. */
static bool audit_is_window(const struct audit *audit, const struct audit_frame *frame, u32 account)
{
	return frame->shared && frame->owner == PAGE_PROCESS && account != audit->window_account &&
	       frame->writer != audit->window_account;
}

static void audit_judge_write(struct audit *audit, struct audit_frame *frame, u64 page)
{
	u32 account = of_leaves.account;
	bool guest = of_leaves.second_stage || (frame->flags & FRAME_GUEST_WRITES) != 0 ||
		     frame->owner == PAGE_GUEST;

	if (frame->owner != PAGE_GUEST && frame->owner != PAGE_PROCESS && frame->owner != PAGE_FREE)
		audit_found(audit, "page %#lx (%s) is writable from ring 3 or a guest",
			    (unsigned long)page, page_owner_name(frame->owner));
	/*
	 * A VM gives a disk's device its RAM through a window. Otherwise only the VM itself may
	 * reach its RAM.
	 */
	if (of_leaves.device && frame->owner == PAGE_GUEST)
		return;
	if (frame->writer != 0 && frame->writer != account && guest &&
	    !audit_is_window(audit, frame, account))
		audit_found(audit,
			    "page %#lx is writable by a VM and by somebody else: groups %u and %u",
			    (unsigned long)page, frame->writer, account);
	if ((frame->flags & FRAME_FROZEN) != 0)
		audit_found(audit, "page %#lx is frozen and writable", (unsigned long)page);
	frame->writer = account;
	if (of_leaves.second_stage)
		frame->flags |= FRAME_GUEST_WRITES;
}

/* Checks a table of a tree: exactly one place may reach it. */
static void audit_judge_table(struct audit *audit, const struct audit_record *record)
{
	u64 count = 1;
	u64 first;
	struct audit_frame *frame =
		audit_in_window(audit, record->value / PAGE_SIZE, &count, &first);

	if (frame == NULL)
		return;
	if (frame->owner != PAGE_TABLE && frame->owner != PAGE_FREE)
		audit_found(audit, "page %#lx (%s) is used as a table at %#lx",
			    (unsigned long)record->value, page_owner_name(frame->owner),
			    (unsigned long)record->other);
	if ((frame->flags & FRAME_TABLE) != 0)
		audit_found(audit, "table %#lx is reached from two places",
			    (unsigned long)record->value);
	frame->flags |= FRAME_TABLE;
}

static void audit_judge_leaf(struct audit *audit, const struct audit_record *record)
{
	u32 level = record->info >> 8 & 3;
	u64 count = 1ull << 9 * level;
	u64 first;
	struct audit_frame *frame =
		audit_in_window(audit, record->value / PAGE_SIZE, &count, &first);

	if (record->kind == AUDIT_TABLE)
		return audit_judge_table(audit, record);
	audit->leaves += frame != NULL;
	if (frame != NULL && of_leaves.device)
		audit->device_pages += count;
	if (frame != NULL && of_leaves.second_stage) {
		audit->guest_pages += count;
		audit->guest_large += level >= 1 ? count : 0;
		audit->guest_huge += level >= 2 ? count : 0;
	}
	for (u64 i = 0; frame != NULL && i < count; i++, frame++) {
		u64 page = (first + i) * PAGE_SIZE;

		audit->device_guest_pages += of_leaves.device && frame->owner == PAGE_GUEST;
		if (frame->memory == 0 && (frame->flags & FRAME_LENT) == 0)
			audit_found(
				audit,
				"page %#lx (%s) is reached at %#lx, but no memory object has it",
				(unsigned long)page, page_owner_name(frame->owner),
				(unsigned long)record->other);
		else if (of_leaves.second_stage && frame->memory == 0 && frame->owner != PAGE_FREE)
			audit_found(audit, "page %#lx (%s) is reached by a guest",
				    (unsigned long)page, page_owner_name(frame->owner));
		if ((record->info & RIGHT_WRITE) != 0)
			audit_judge_write(audit, frame, page);
	}
}

static void audit_reach_record(struct audit *audit, const struct audit_record *record)
{
	if (record->kind != AUDIT_OBJECT || (record->info & 0xff) != OBJECT_SPACE)
		return;
	of_leaves.account = (u32)record->other;
	of_leaves.second_stage = (record->info >> 16 & AUDIT_DETAIL_SECOND) != 0;
	of_leaves.device = (record->info >> 16 & AUDIT_DETAIL_DEVICE) != 0;
	audit_walk(audit, 1, AUDIT_SPACE, record->id, audit_judge_leaf);
}

/*
 * Checks a leaf of the kernel's page tables: a page that is executable or constant at one address
 * must not be writable at another.
 */
static void audit_judge_kernel_leaf(struct audit *audit, const struct audit_record *record)
{
	u64 count = 1ull << 9 * (record->info >> 8 & 3);
	bool writable = (record->info & RIGHT_WRITE) != 0;
	bool executable = (record->info & RIGHT_EXECUTE) != 0;
	u64 first;
	struct audit_frame *frame =
		audit_in_window(audit, record->value / PAGE_SIZE, &count, &first);
	u8 flags;

	if (frame == NULL || record->kind != AUDIT_LEAF)
		return;
	if (writable && executable)
		audit_found(audit, "kernel address of page %#lx is writable and executable",
			    (unsigned long)record->value);
	if ((record->info & LARGE_USER) != 0)
		audit_found(audit, "kernel address of page %#lx is open to ring 3",
			    (unsigned long)record->value);
	flags = (u8)((writable ? FRAME_WRITABLE : 0) | (executable ? FRAME_EXECUTABLE : 0) |
		     (!writable && record->other >= DIRECT_MAP_END ? FRAME_CONSTANT : 0));
	for (u64 i = 0; i < count; i++, frame++) {
		frame->flags |= flags;
		if ((frame->flags & FRAME_WRITABLE) != 0 &&
		    (frame->flags & (FRAME_EXECUTABLE | FRAME_CONSTANT)) != 0)
			audit_found(audit, "page %#lx is %s at one address and writable at another",
				    (unsigned long)(first + i) * PAGE_SIZE,
				    frame->flags & FRAME_EXECUTABLE ? "executable" : "constant");
	}
}

/* Looks for page tables that no address space reaches any more: they would never be freed. */
static void audit_judge_lost_tables(struct audit *audit)
{
	for (u64 i = 0; i < audit->frame_count; i++)
		if ((audit->frame[i].flags & (FRAME_PAID | FRAME_TABLE)) == FRAME_PAID)
			audit_found(audit, "table %#lx is in no space's tree",
				    (unsigned long)(audit->window + i) * PAGE_SIZE);
}

static void audit_judge_frames(struct audit *audit)
{
	for (audit->window = 0; audit->window < audit->last_frame && !audit->failed;
	     audit->window += audit->frame_count) {
		memset(audit->frame, 0, audit->frame_count * sizeof(*audit->frame));
		audit_walk(audit, 0, AUDIT_FRAMES, 0, audit_claim_record);
		audit_walk(audit, 0, AUDIT_FRAMES, 0, audit_reach_record);
		audit_judge_lost_tables(audit);
		audit_walk(audit, 0, AUDIT_SPACE, 0, audit_judge_kernel_leaf);
	}
}

static bool audit_once(struct audit *audit)
{
	for (audit->parts = 1; audit->parts <= PARTS_MAX; audit->parts *= 2) {
		audit->overflow = false;
		audit->pages = 0;
		audit->objects = 0;
		audit->leaves = 0;
		audit->device_pages = 0;
		audit->device_guest_pages = 0;
		audit->guest_pages = 0;
		audit->guest_large = 0;
		audit->guest_huge = 0;
		memset(audit->pages_by_owner, 0, sizeof(audit->pages_by_owner));
		audit_judge_balances(audit);
		if (!audit->overflow)
			break;
	}
	if (audit->overflow || audit->failed)
		return false;
	audit_judge_frames(audit);
	return !audit->failed;
}

bool audit_run(struct audit *audit)
{
	audit->confirming = false;
	audit->seen_count = 0;
	audit->findings = 0;
	audit->failed = false;
	if (!audit_once(audit))
		return false;
	if (audit->seen_count == 0)
		return true;
	audit->confirming = true;
	return audit_once(audit);
}
