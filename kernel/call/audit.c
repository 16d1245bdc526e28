/* SPDX-License-Identifier: MIT */
/*
 * SYS_AUDIT: lists which objects, pages, mappings and handles exist (kernel/abi/audit.h), a page of
 * records at a time, so that ring 3 can check the kernel's bookkeeping. kernel/call/syscall.c calls
 * it with the object lock held alone. It only reads objects, walks their tables and slots under
 * their locks, and writes to the page that the caller provides.
 */
#include "kernel/abi/audit.h"
#include "kernel/group/group.h"
#include "kernel/object/handle.h"
#include "arch/x86_64/cpu/panic.h"
#include "kernel/group/process.h"
#include "kernel/call/syscall.h"
#include "kernel/sched/thread.h"
#include "kernel/guest/vcpu.h"
#include "kernel/guest/vm.h"
#include "mm/address.h"
#include "mm/cache.h"
#include "mm/kernel_space.h"
#include "mm/memory.h"
#include "mm/page.h"
#include "mm/space.h"

#define STEP_FRAMES 1024u
#define STEP_SLOTS  1024u
#define STEP_LEAVES 128u
#define KERNEL_HALF 0xffff800000000000ull

/*
 * A page of audit records being filled. `count` is a private copy of the page's count, because the
 * caller may write to the page at any time.
 */
struct listing {
	struct audit_page *page;
	u64 count;
};

static bool audit_full(const struct listing *listing)
{
	return listing->count == AUDIT_RECORDS;
}

/*
 * Appends a record to the listing's page. The records of one slab fit in a page; CHECK panics if
 * they do not.
 */
static void audit_put(struct listing *listing, enum audit_kind kind, u64 info, u64 id, u64 other,
		      u64 value)
{
	CHECK(!audit_full(listing));
	listing->page->record[listing->count++] =
		(struct audit_record){kind, (u32)info, id, other, value};
}

static u64 audit_identity(const void *object)
{
	return object != NULL ? pointer_to_hpa(object).value : 0;
}

static u32 audit_account(const struct quota *quota)
{
	return quota != NULL ? quota->number : 0;
}

static void audit_put_reference(struct listing *listing, const void *holder, const void *target)
{
	if (target != NULL)
		audit_put(listing, AUDIT_REFERENCE, 0, audit_identity(holder),
			  audit_identity(target), 0);
}

static void audit_put_group(struct listing *listing, const struct group *group)
{
	/*
	 * the group has a reference to itself until it is destroyed, after that a CPU may still
	 * have to put its last reference (object_drop)
	 */
	if (!group->object.dead || !list_empty(&group->object.node))
		audit_put_reference(listing, group, group);
	audit_put_reference(listing, group, group->page_memory);
	for (u32 owner = 0; owner < PAGE_OWNER_COUNT; owner++) {
		if (group->page->pages[owner] != 0)
			audit_put(listing, AUDIT_CHARGE, owner, group->quota.number, 0,
				  group->page->pages[owner]);
	}
}

static void audit_put_process(struct listing *listing, const struct process *process)
{
	audit_put_reference(listing, process, process->space);
	if (process->running)
		audit_put_reference(listing, process, process);
}

static void audit_put_thread(struct listing *listing, const struct thread *thread)
{
	if (thread->sibling.next != &thread->sibling)
		audit_put_reference(listing, thread->process, thread);
	audit_put_reference(listing, thread, thread->ran);
	audit_put_reference(listing, thread, thread->served);
}

static void audit_put_vcpu(struct listing *listing, const struct vcpu *vcpu)
{
	audit_put_reference(listing, vcpu, vcpu->vm);
	audit_put_reference(listing, vcpu, vcpu->queue);
	audit_put_reference(listing, vcpu, vcpu->memory);
}

static u32 audit_detail(const struct object *object)
{
	const struct memory *memory = CONTAINER_OF(object, const struct memory, object);
	const struct space *space = CONTAINER_OF(object, const struct space, object);

	if (object->type == OBJECT_SPACE && space->devices != NULL)
		return AUDIT_DETAIL_DEVICE;
	if (object->type == OBJECT_SPACE)
		return space->second_stage ? AUDIT_DETAIL_SECOND : 0;
	if (object->type != OBJECT_MEMORY)
		return 0;
	if (memory->kind == MEMORY_FIXED)
		return AUDIT_DETAIL_FIXED;
	return memory->owner | (memory->frozen ? AUDIT_DETAIL_FROZEN : 0);
}

/*
 * Lists a memory object's charge of pages and the object below it. Only RAM has a charge: its pages
 * are promised in full when the object is created or frozen.
 */
static void audit_put_memory(struct listing *listing, const struct memory *memory)
{
	if (memory->kind == MEMORY_RAM)
		audit_put(listing, AUDIT_PROMISE, memory->owner, audit_account(memory->quota), 0,
			  memory->promised);
	audit_put_reference(listing, memory, memory->below);
}

static void audit_put_object(struct listing *listing, struct object *object, u32 payer)
{
	const struct signal *signal = syscall_signal_of(object);

	audit_put(listing, AUDIT_OBJECT,
		  object->type | (u32)object->dead << 8 | audit_detail(object) << 16,
		  audit_identity(object), payer, object->references);
	if (signal != NULL)
		audit_put_reference(listing, object, signal->queue);
	switch (object->type) {
	case OBJECT_GROUP:
		audit_put_group(listing, CONTAINER_OF(object, const struct group, object));
		break;
	case OBJECT_MEMORY:
		audit_put_memory(listing, CONTAINER_OF(object, const struct memory, object));
		break;
	case OBJECT_PROCESS:
		audit_put_process(listing, CONTAINER_OF(object, const struct process, object));
		break;
	case OBJECT_THREAD:
		audit_put_thread(listing, CONTAINER_OF(object, const struct thread, object));
		break;
	case OBJECT_VM:
		audit_put_reference(listing, object,
				    CONTAINER_OF(object, const struct vm, object)->space);
		break;
	case OBJECT_VCPU:
		audit_put_vcpu(listing, CONTAINER_OF(object, const struct vcpu, object));
		break;
	}
}

static void audit_put_slab(struct listing *listing, hpa_t slab)
{
	struct cache_cursor cursor = {0};

	for (void *object; (object = cache_walk(slab, &cursor)) != NULL;) {
		if (cursor.kind == CACHE_MAPPING)
			audit_put_reference(listing, object,
					    ((const struct mapping *)object)->memory);
		else if (cursor.kind < OBJECT_TYPE_COUNT)
			audit_put_object(listing, object, audit_account(cursor.quota));
	}
}

/*
 * Lists the page allocator's blocks in use and the objects in slabs from frame `first` on; returns
 * the frame to continue with. Each slab starts a new page of records.
 */
static u64 audit_list_frames(struct listing *listing, u64 first)
{
	const struct page *head;

	if (first == 0)
		audit_put_reference(listing, NULL, signal_root.queue);
	for (u32 n = 0; n < STEP_FRAMES; n++) {
		u64 count = page_block_at(first, &head);

		if (count == 0)
			return AUDIT_END;
		if (head != NULL) {
			if (audit_full(listing) ||
			    ((head->flags & PAGE_FLAG_SLAB) && listing->count != 0))
				return first;
			audit_put(listing, AUDIT_BLOCK, head->owner | (u32)head->order << 8,
				  page_hpa(head).value, head->previous, 0);
			audit_put_slab(listing, page_hpa(head));
		}
		first += count;
	}
	return first;
}

/* Lists those page tables on a walk that begin at address `at`, from the deepest one up. */
static void audit_put_tables(struct listing *listing, const struct pt_walk *walk, u64 id, u64 at)
{
	u32 level = walk->level;

	for (; level < PT_LEVEL_COUNT && is_aligned(at, table_level_bytes(level + 1)); level++)
		audit_put(listing, AUDIT_TABLE, level, id, at, walk->node[level].value);
}

/*
 * Lists a space's leaves and page tables from address `at` on; returns the address to continue
 * with. Each turn of the loop continues behind the entry that it has found, so each table is listed
 * once.
 */
static u64 audit_list_leaves(struct listing *listing, const struct table *table, u64 id, u64 at,
			     u64 end)
{
	u64 began = at;
	struct pt_walk walk;
	struct pt_leaf leaf;

	/* The end of the last page wraps to 0, which ends the loop. */
	for (u32 n = 0; n < STEP_LEAVES && at >= began && at < end; n++) {
		if (listing->count + PT_LEVEL_COUNT >= AUDIT_RECORDS)
			return at;
		if (table_walk(table, at, &walk)) {
			table_walk_leaf(table, at, &walk, &leaf);
			audit_put(listing, AUDIT_LEAF, leaf.rights | (u32)leaf.level << 8, id,
				  leaf.at, leaf.hpa.value);
		}
		audit_put_tables(listing, &walk, id, at);
		at = (at | (table_level_bytes(walk.level) - 1)) + 1;
	}
	return at >= began && at < end ? at : AUDIT_END;
}

static u64 audit_list_slots(struct listing *listing, struct memory *memory, u64 index)
{
	hpa_t hpa;

	for (u64 n = 0, at, count; n < STEP_SLOTS && !audit_full(listing);
	     n += index - at < MEMORY_CHUNK_PAGES ? index - at : 1) {
		at = index;
		if (index >= memory->page_count)
			return AUDIT_END;
		count = memory_walk(memory, &index, &hpa);
		if (count != 0)
			audit_put(listing, AUDIT_SLOT, count, audit_identity(memory), at,
				  hpa.value);
	}
	return index;
}

static u64 audit_list_handles(struct listing *listing, const struct process *process, u64 index)
{
	for (; index < process->handles->end && !audit_full(listing); index++) {
		const struct handle_entry *entry = &process->handles->entry[index];

		if (entry->object != NULL)
			audit_put(listing, AUDIT_REFERENCE, entry->rights, audit_identity(process),
				  entry->object->type == OBJECT_ROOT
					  ? 0
					  : audit_identity(entry->object),
				  0);
	}
	return index < process->handles->end ? index : AUDIT_END;
}

/*
 * Returns the object with an identity that an earlier SYS_AUDIT has listed; NULL if it no longer
 * exists.
 */
static struct object *audit_object_find(u64 id, enum object_type type)
{
	struct cache_cursor cursor = {0};

	for (void *object; (object = cache_walk(HPA(id & ~PAGE_MASK), &cursor)) != NULL;) {
		if (audit_identity(object) == id && cursor.kind == type)
			return object;
	}
	return NULL;
}

static u64 audit_list_space(struct listing *listing, struct space *space, u64 at)
{
	u64 next;

	lock_acquire(&space->lock, LOCK_SPACE);
	if (at == 0 && space->table.root.user.value != space->table.root.kernel.value)
		audit_put(listing, AUDIT_TABLE, PT_LEVEL_512G, audit_identity(space), at,
			  space->table.root.user.value);
	next = audit_list_leaves(listing, &space->table, audit_identity(space), at, space->high);
	lock_release(&space->lock, LOCK_SPACE);
	return next;
}

static u64 audit_list_object(struct listing *listing, u64 what, u64 where, u64 at)
{
	static const u8 types[] = {
		[AUDIT_SPACE] = OBJECT_SPACE,
		[AUDIT_MEMORY] = OBJECT_MEMORY,
		[AUDIT_HANDLES] = OBJECT_PROCESS,
	};
	struct object *object = audit_object_find(where, types[what]);

	if (object == NULL)
		return AUDIT_END;
	if (what == AUDIT_SPACE)
		return audit_list_space(listing, CONTAINER_OF(object, struct space, object), at);
	if (what == AUDIT_MEMORY)
		return audit_list_slots(listing, CONTAINER_OF(object, struct memory, object), at);
	return audit_list_handles(listing, CONTAINER_OF(object, struct process, object), at);
}

static u64 audit_list(struct listing *listing, u64 what, u64 where, u64 at)
{
	if (what == AUDIT_FRAMES)
		return audit_list_frames(listing, where);
	if (what == AUDIT_SPACE && where == 0)
		return audit_list_leaves(listing, &kernel_table, 0, MAX(at, KERNEL_HALF),
					 AUDIT_END);
	return audit_list_object(listing, what, where, at);
}

enum status sys_audit(struct system_call *call)
{
	struct listing listing = {0};
	struct memory *memory = SYSCALL_OBJECT(call, 1, memory);

	if (call->argument[2] > AUDIT_HANDLES)
		return STATUS_BAD_ARGUMENT;
	listing.page = memory->flags & MEMORY_PINNED ? memory_pointer(memory, 0) : NULL;
	if (listing.page == NULL)
		return STATUS_BAD_ADDRESS;
	call->value = audit_list(&listing, call->argument[2], call->argument[3], call->argument[4]);
	listing.page->count = listing.count;
	return STATUS_OK;
}
