/* SPDX-License-Identifier: MIT */
#pragma once

/* What holds of the tables of spaces whenever no call is under way. */
#include "tests/model/invariants.h"

/* Coverage of the functions below tells nothing of mm/. */
#pragma clang attribute push(__attribute__((no_sanitize("coverage"))), apply_to = function)

/* The page that a mapping may show, its block's level, and whether it may be written to. */
struct shown {
	u64 hpa;
	bool writable;
	bool below; /* the page is a frozen object's */
	bool block; /* the block has 2 MiB and is shown as a whole */
};

static struct shown leaf_shown(const struct memory *memory, u64 index)
{
	const struct memory *at = memory;
	bool block = true;
	u64 hpa;

	for (;; at = at->below) {
		if (at == NULL)
			return (struct shown){0};
		block = block && slot_is_block(at, index);
		hpa = slot_shows(at, index);
		if (hpa != 0)
			break;
	}
	/*
	 * While a freeze is under way, pages that have moved below may still be mapped as they
	 * were.
	 */
	return (struct shown){hpa, at == memory || (at == memory->below && !at->frozen),
			      at != memory, block};
}

static void check_page_of_leaf(const struct mapping *mapping, const struct pt_leaf *leaf, u64 at)
{
	const struct memory *memory = mapping->memory;
	u64 index = mapping->offset + ((at - mapping->at) >> PAGE_SHIFT);
	struct shown shown = leaf_shown(memory, index);

	CHECK_THAT(shown.hpa == leaf->hpa.value + (at - leaf->at));
	CHECK_THAT(leaf->level == PT_LEVEL_4K || shown.block);
	CHECK_THAT(!(leaf->rights & PT_WRITE) || shown.writable);
	if (memory->below != NULL && shown.below)
		CHECK_THAT((mapping->shown & layer_shown_bit(index)) || !memory->below->frozen);
	if (memory->below != NULL)
		CHECK_THAT(memory->breaking != index + 1 || !shown.below);
}

static struct mapping *leaf_mapping(const struct space *space, const struct pt_leaf *leaf)
{
	LIST_FOR_EACH(node, &space->mappings) {
		struct mapping *mapping = LIST_ENTRY(node, struct mapping, space_node);

		if (leaf->at >= mapping->at &&
		    leaf->at + table_level_bytes(leaf->level) <=
			    mapping->at + (mapping->page_count << PAGE_SHIFT))
			return mapping;
	}
	return NULL;
}

/* A leaf shows what its mapping's object has there, whole, with rights that the mapping grants. */
static void check_leaf(const struct space *space, const struct pt_leaf *leaf)
{
	const struct mapping *mapping = leaf_mapping(space, leaf);
	u64 step = MIN(table_level_bytes(leaf->level), 2 * MIB);

	CHECK_THAT(mapping != NULL && leaf->at >= mapping->cursor);
	CHECK_THAT((leaf->rights & ~mapping->rights) == 0 && leaf->level <= space->largest);
	CHECK_THAT(leaf->level == PT_LEVEL_4K || !space->second_stage ||
		   !(features.speculation.done & HOST_SMALL_CODE) || !(leaf->rights & PT_EXECUTE));
	for (u64 at = leaf->at; at < leaf->at + table_level_bytes(leaf->level); at += step)
		check_page_of_leaf(mapping, leaf, at);
}

/* A table has one parent, and counts its entries. */
static void check_node(const struct space *space, hpa_t node, enum pt_level level, u64 first)
{
	const struct pt_format *format = space->table.format;
	const u64 *entry = hpa_to_pointer(node);
	u32 count = 0;

	use_claim(node, USE_TABLE, NULL, 0, PAGE_TABLE);
	for (u32 i = 0; i < PT_ENTRY_COUNT; i++) {
		u64 at = first + i * table_level_bytes(level);

		if (!(entry[i] & format->present))
			continue;
		count++;
		if (level == PT_LEVEL_4K ||
		    (level != PT_LEVEL_512G && (entry[i] & format->large))) {
			const struct pt_walk walk = {.level = level, .entry = entry[i]};
			struct pt_leaf leaf;

			table_walk_leaf(&space->table, at, &walk, &leaf);
			check_leaf(space, &leaf);
		} else {
			check_node(space, HPA(entry[i] & PTE_ADDRESS), level - 1, at);
		}
	}
	CHECK_THAT(page_frames[node.value >> PAGE_SHIFT].references == count);
}

static void check_space(const struct space *space)
{
	const struct pt_root *root = &space->table.root;

	check_node(space, root->kernel, PT_LEVEL_512G, 0);
	if (root->user.value == root->kernel.value)
		return;
	use_claim(root->user, USE_TABLE, NULL, 0, PAGE_TABLE);
	CHECK_THAT(memcmp(hpa_to_pointer(root->user), hpa_to_pointer(root->kernel),
			  PAGE_SIZE / 2) == 0);
}

/* --- what CPUs still know --- */

/* A page that a CPU may still use is the VM's or on its way back; what is frozen is not written. */
static void check_use(const struct vm *vm, const struct pt_leaf *leaf, u64 at)
{
	u64 frame = (leaf->hpa.value + (at - leaf->at)) >> PAGE_SHIFT;
	const struct page *head = buddy_block_of(frame);
	const struct memory *memory;

	CHECK_THAT(head != NULL && use_of((u64)(head - page_frames)) != USE_NONE);
	memory = uses[head - page_frames].memory;
	if (memory == NULL)
		return;
	CHECK_THAT(memory->object.dead || world_lies_on(vm->ram, memory));
	CHECK_THAT(!(leaf->rights & PT_WRITE) || !memory->frozen);
}

/*
 * Checks that a CPU that has compared generations translates as the tables do, and knows the way as
 * it is.
 */
static void check_current(const struct tag *tag, const struct space *space)
{
	struct pt_walk walk;
	struct pt_leaf leaf;

	for (u32 i = 0; i < tag->count; i++) {
		const struct pt_leaf *old = &tag->entry[i].leaf;

		CHECK_THAT(table_lookup(&space->table, tag->entry[i].at, &leaf));
		CHECK_THAT(leaf.hpa.value - leaf.at == old->hpa.value - old->at);
		CHECK_THAT((old->rights & ~leaf.rights) == 0);
	}
	for (u32 i = 0; i < tag->table_count; i++) {
		(void)table_walk(&space->table, tag->table[i].at, &walk);
		CHECK_THAT(walk.level == PT_LEVEL_4K &&
			   walk.node[PT_LEVEL_4K].value == tag->table[i].node.value);
	}
}

static void check_tag(const struct vm *vm, enum space_of where, u32 cpu)
{
	const struct tag *tag = world_tag(vm, where, cpu);
	const struct space *space = vm->space[where];
	u64 seen = where == GUEST ? vm->tag[cpu].seen : cpus[cpu].seen;

	for (u32 i = 0; tag != NULL && i < tag->count; i++)
		check_use(vm, &tag->entry[i].leaf, tag->entry[i].at);
	if (tag != NULL && seen == space->generation &&
	    (where == GUEST || cpus[cpu].space == space))
		check_current(tag, space);
}

static void check_tags(void)
{
	for (u32 cpu = 0; cpu < PROCESSORS; cpu++) {
		for (u32 i = 0; i < VMS; i++) {
			check_tag(&vms[i], GUEST, cpu);
			check_tag(&vms[i], MONITOR, cpu);
		}
	}
}

static void check_spaces(void)
{
	for (u32 i = 0; i < VMS; i++)
		for (u32 where = 0; where < SPACES; where++)
			if (vms[i].space[where] != NULL)
				check_space(vms[i].space[where]);
	LIST_FOR_EACH(node, &machine_dying) {
		struct object *object = LIST_ENTRY(node, struct object, node);

		if (object->type == OBJECT_SPACE)
			check_space(CONTAINER_OF(object, struct space, object));
	}
}

/* --- frames and accounts --- */

/* Checks that a table, or a page of the kernel's, names the account that pays for it. */
static void check_payer(const struct page *head, u64 count)
{
	for (u32 i = 0; i < VMS; i++) {
		if (head->previous != vms[i].quota.number || vms[i].quota.number == 0)
			continue;
		sums_of[i].tables += head->owner == PAGE_TABLE ? count : 0;
		sums_of[i].kernel += head->owner == PAGE_KERNEL ? count : 0;
	}
}

/* Checks that each block in use is used by something: nothing is lost. */
static void check_blocks(void)
{
	u64 counts[PAGE_OWNER_COUNT] = {0};
	const struct page *head;
	u64 count;

	for (u64 frame = 0; (count = page_block_at(frame, &head)) != 0; frame += count) {
		if (head == NULL) {
			counts[PAGE_FREE] +=
				page_frames[frame].owner == PAGE_FREE &&
						(page_frames[frame].flags & PAGE_FLAG_HEAD)
					? count
					: 0;
			continue;
		}
		counts[head->owner] += count;
		check_payer(head, count);
		if (head->owner == PAGE_GUEST || head->owner == PAGE_PROCESS ||
		    head->owner == PAGE_TABLE ||
		    (head->owner == PAGE_KERNEL && !(head->flags & PAGE_FLAG_SLAB))) {
			CHECK_THAT(use_of(frame) != USE_NONE);
		}
	}
	for (u32 owner = 0; owner < PAGE_OWNER_COUNT; owner++)
		CHECK_THAT(counts[owner] == page_counts[owner]);
}

static void check_account(const struct vm *vm, const struct sums *sums)
{
	const u64 *pages = vm->account.pages;
	u64 used = 0;

	for (u32 owner = 0; owner < PAGE_OWNER_COUNT; owner++)
		used += pages[owner];
	CHECK_THAT(used == vm->account.used_pages && used <= vm->account.quota_pages);
	CHECK_THAT(pages[PAGE_GUEST] == sums->promised[PAGE_GUEST]);
	CHECK_THAT(pages[PAGE_PROCESS] == sums->promised[PAGE_PROCESS]);
	CHECK_THAT(pages[PAGE_TABLE] == sums->tables);
	CHECK_THAT(pages[PAGE_KERNEL] == sums->kernel);
	CHECK_THAT(vm->account.absent_pages == sums->absent);
}

static void invariants_check(void)
{
	CHECK_THAT(!processors_busy());
	if (uses == NULL)
		uses = calloc(MACHINE_RAM_MAX >> PAGE_SHIFT, sizeof(*uses));
	uses_round++;
	memset(sums_of, 0, sizeof(sums_of));
	sums_absent = 0;
	uses_claim_waiting();
	check_memories();
	for (u32 i = 0; i < FROZEN_MAX; i++)
		check_frozen(&frozen[i]);
	check_spaces();
	check_tags();
	check_blocks();
	for (u32 i = 0; i < VMS; i++)
		check_account(&vms[i], &sums_of[i]);
	CHECK_THAT(reserved_count == sums_absent);
}

#pragma clang attribute pop
