/* SPDX-License-Identifier: MIT */
/* Breaks invariants of memory, one at a time, for an audit to find; and mends them again. */
#include "arch/x86_64/cpu/instructions.h"
#include "arch/x86_64/cpu/percpu.h"
#include "kernel/group/group.h"
#include "kernel/machine/machine.h"
#include "mm/address.h"
#include "mm/cache.h"
#include "mm/kernel_space.h"
#include "mm/memory.h"
#include "mm/page.h"
#include "mm/space.h"
#include "mm/tlb.h"
#include "tests/faults/kernel/kernel.h"

#define GUEST_AT   0x800000000ull    /* far above all RAM of a guest of the tests */
#define PROCESS_AT 0x5a5a00000000ull /* hardly ever chosen at random */

extern const char trap_stubs[];

/* The memory and spaces of two VMs, in the order in which they are found. */
static struct {
	struct space *second_stage;
	struct space *process;
	struct memory *ram;
} vm[2];

/* The change that has to be undone. */
static struct {
	bool is;
	u64 what;
	struct table *table;
	struct space *space;
	u64 at;
	u64 word;
} broken;

static void look_at(struct object *object)
{
	struct memory *memory = CONTAINER_OF(object, struct memory, object);
	struct space *space = CONTAINER_OF(object, struct space, object);

	for (u32 i = 0; i < ARRAY_COUNT(vm); i++) {
		if (object->type == OBJECT_MEMORY && memory->owner == PAGE_GUEST &&
		    memory->kind == MEMORY_RAM && memory->chunks != NULL &&
		    memory->chunks[0] != 0 && vm[i].ram == NULL) {
			vm[i].ram = memory;
			return;
		}
		/* the second stage of the same group */
		if (vm[i].ram == NULL || object->type != OBJECT_SPACE ||
		    space->quota != vm[i].ram->quota)
			continue;
		if (space->second_stage)
			vm[i].second_stage = space;
		else
			vm[i].process = space;
	}
}

static void look_at_all(void)
{
	struct cache_cursor cursor = {0};

	for (void *object; (object = cache_walk_all(&cursor)) != NULL;) {
		if (cursor.kind < OBJECT_TYPE_COUNT)
			look_at(object);
	}
}

/* Finds two VMs in two passes: memory objects first, then the spaces of their groups. */
static bool find_two(void)
{
	vm[0].ram = vm[1].ram = NULL;
	look_at_all();
	look_at_all();
	return vm[1].second_stage != NULL && vm[1].process != NULL && vm[0].process != NULL &&
	       vm[0].second_stage != NULL && vm[1].ram != NULL;
}

static hpa_t page_of_guest(struct memory *memory)
{
	u64 index = 0;
	hpa_t hpa;

	while (memory_walk(memory, &index, &hpa) == 0)
		;
	return hpa;
}

/* A page of what a monitor has to itself: its data, stacks and the like. */
static enum status page_of_monitor(const struct space *space, u64 *found)
{
	LIST_FOR_EACH(node, &space->mappings) {
		struct memory *memory = LIST_ENTRY(node, struct mapping, space_node)->memory;
		u64 index = 0;
		hpa_t hpa;

		while (memory->owner == PAGE_PROCESS && memory->quota == space->quota &&
		       index < memory->page_count) {
			if (memory_walk(memory, &index, &hpa) == 0)
				continue;
			*found = hpa.value;
			return STATUS_OK;
		}
	}
	return STATUS_NOT_FOUND;
}

enum status fault_guest_page(u64 which, u64 *hpa)
{
	u64 i;

	if (which >= 2 * ARRAY_COUNT(vm) || !find_two())
		return STATUS_NOT_FOUND;
	/* VM 0 is the one with less RAM */
	i = (which ^ (vm[0].ram->page_count > vm[1].ram->page_count)) % ARRAY_COUNT(vm);
	if (which >= ARRAY_COUNT(vm))
		return page_of_monitor(vm[i].process, hpa);
	*hpa = page_of_guest(vm[i].ram).value;
	return STATUS_OK;
}

static enum status map(struct table *table, struct space *space, u64 at, hpa_t hpa, u32 rights)
{
	const struct pt_leaf leaf = {
		.at = at, .hpa = hpa, .level = PT_LEVEL_4K, .rights = rights, .type = PT_TYPE_WB};

	broken.table = table;
	broken.space = space;
	broken.at = at;
	return table_map(table, &leaf);
}

static enum status map_space(struct space *space, hpa_t hpa, u32 rights)
{
	return map(&space->table, space, space->second_stage ? GUEST_AT : PROCESS_AT, hpa,
		   rights | (space->second_stage ? 0 : PT_USER));
}

/* Maps the kernel's first text page at the next unmapped address after this CPU's own data. */
static enum status map_kernel(u32 rights)
{
	u64 at = align_down((u64)this_cpu(), PAGE_SIZE);
	hpa_t text = machine_image_hpa((const void *)align_down((u64)trap_stubs, PAGE_SIZE));
	struct pt_leaf leaf;

	while (table_lookup(&kernel_table, at, &leaf))
		at += PAGE_SIZE;
	return map(&kernel_table, NULL, at, text, rights);
}

static struct quota *quota_of_guest(void)
{
	return vm[0].ram->quota;
}

enum status fault_break(u64 what)
{
	if (broken.is)
		return STATUS_IN_USE;
	if (!find_two())
		return STATUS_NOT_FOUND;
	broken.is = true;
	broken.what = what;
	switch (what) {
	case BREAK_OWNER:
		broken.word = vm[1].ram->chunks[0];
		vm[1].ram->chunks[0] = vm[0].ram->chunks[0];
		return STATUS_OK;
	case BREAK_TWO_GUESTS:
		return map_space(vm[1].second_stage, page_of_guest(vm[0].ram), PT_READ | PT_WRITE);
	case BREAK_PROCESS:
		return map_space(vm[1].process, page_of_guest(vm[0].ram), PT_READ | PT_WRITE);
	case BREAK_GUEST:
		return map_space(vm[0].second_stage, pointer_to_hpa(vm[0].ram), PT_READ);
	case BREAK_RING3:
		return map_space(vm[0].process, vm[0].second_stage->table.root.kernel,
				 PT_READ | PT_WRITE);
	case BREAK_EXECUTABLE:
		return map_kernel(PT_READ | PT_WRITE | PT_EXECUTE);
	case BREAK_ALIAS:
		return map_kernel(PT_READ | PT_WRITE);
	case BREAK_USER:
		return map_kernel(PT_READ | PT_USER);
	case BREAK_REFERENCES:
		object_get(&vm[0].ram->object);
		return STATUS_OK;
	case BREAK_QUOTA:
		quota_of_guest()->account->pages[PAGE_GUEST]++;
		return STATUS_OK;
	default:
		broken.is = false;
		return STATUS_BAD_ARGUMENT;
	}
}

/* The kernel's own mappings are never removed: there the text page stays, read-only. */
static void unmap(void)
{
	if (broken.space == NULL) {
		table_protect(broken.table, broken.at, broken.at + PAGE_SIZE, PT_READ);
		/* The root that is loaded is the caller's; the kernel's half is the same in all. */
		write_cr3(read_cr3());
		return;
	}
	(void)!table_unmap(broken.table, &broken.at, broken.at + PAGE_SIZE);
	tlb_flush_space(broken.space);
}

enum status fault_mend(void)
{
	if (!broken.is)
		return STATUS_NOT_FOUND;
	broken.is = false;
	switch (broken.what) {
	case BREAK_OWNER:
		vm[1].ram->chunks[0] = broken.word;
		return STATUS_OK;
	case BREAK_REFERENCES:
		object_put(&vm[0].ram->object);
		return STATUS_OK;
	case BREAK_QUOTA:
		quota_of_guest()->account->pages[PAGE_GUEST]--;
		return STATUS_OK;
	default:
		unmap();
		return STATUS_OK;
	}
}
