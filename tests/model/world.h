/* SPDX-License-Identifier: MIT */
#pragma once

/* VMs with their RAM, what is frozen of it, and whose account pays: as the manager knows them. */
#include "tests/model/machine.h"
#include "tests/model/reference.h"

#define VMS	   3u
#define FROZEN_MAX 24u
#define ANY_PLACE  REFERENCE_PLACES /* a page that holds only zeros for ever */
#define HUGE_PAGES (2 * GIB / PAGE_SIZE + 512)

enum space_of {
	GUEST,	 /* the guest's second stage */
	MONITOR, /* the monitor's space, in ring 3 */
	DEVICE,	 /* the space that a device behind an IOMMU reaches; not every VM has one */
	SPACES
};

/*
 * A TLB, or the part of one that has a tag, with the entries of 2 MiB that lead to tables of 4 KiB
 * and were passed on the way (SDM vol. 3, 4.10.3): another walk there begins in the table.
 */
#define TAG_ENTRIES 12u
struct tag {
	u32 count;
	u32 table_count;
	u64 seen;
	struct {
		u64 at;
		struct pt_leaf leaf;
	} entry[TAG_ENTRIES];
	struct {
		u64 at;
		hpa_t node;
	} table[TAG_ENTRIES];
};

struct vm {
	struct group_page account;
	struct quota quota;
	/* the VM's RAM; NULL: there is no such VM, but its group may still be paying */
	struct memory *ram;
	struct space *space[SPACES];
	/* for each CPU the tag of the VM's vCPU there; each CPU runs one */
	struct tag tag[PROCESSORS];
	u32 shape;
	struct frozen *freezing; /* the frozen object that a freeze which has begun makes */
	bool resetting;		 /* a reset has begun, and everything is open */
	struct reference reference;
};

static struct vm vms[VMS];

/* Each memory object that was frozen, until the object is gone. */
static struct frozen {
	struct memory *memory; /* the memory object; NULL: none */
	bool held;	       /* there is a handle, with a reference */
	u32 shape;
	struct reference reference;
} frozen[FROZEN_MAX];

static const struct shape {
	u64 pages;
	u32 places;
} shapes[] = {
	{8, 8},	   /* places with slots in the object itself */
	{600, 20}, /* a chunk of 2 MiB, and one that is not full */
	{1100, 28},
	{HUGE_PAGES, 540},
};
#define SHAPE_HUGE 3u

/* The page that a place is. */
static u64 world_index(u32 shape, u32 place)
{
	static const u16 few[] = {0,   1,   3,	 5,    63,   64,   65,	 100, 127, 128,
				  255, 300, 448, 511,  512,  513,  520,	 575, 576, 599,
				  700, 768, 900, 1000, 1023, 1024, 1030, 1099};

	if (shape == 0)
		return place;
	if (shape != SHAPE_HUGE)
		return few[place];
	if (place < 512) /* one place in each chunk of the second GiB */
		return (512ull + place) * MEMORY_CHUNK_PAGES + place % 7;
	return place < 530 ? (512ull + place * 17 % 512) * MEMORY_CHUNK_PAGES + 200 + place
			   : few[place - 530];
}

/* Returns the place of a page, or ANY_PLACE. */
static u32 world_place(u32 shape, u64 index)
{
	u64 chunk = index / MEMORY_CHUNK_PAGES;

	if (shape == SHAPE_HUGE && chunk >= 512 && index == world_index(shape, (u32)chunk - 512))
		return (u32)chunk - 512;
	for (u32 place = shape == SHAPE_HUGE ? 512 : 0; place < shapes[shape].places; place++)
		if (world_index(shape, place) == index)
			return place;
	return ANY_PLACE;
}

static struct frozen *world_frozen_of(const struct memory *memory)
{
	for (u32 i = 0; i < FROZEN_MAX; i++)
		if (frozen[i].memory == memory)
			return &frozen[i];
	return NULL;
}

static bool world_lies_on(const struct memory *memory, const struct memory *other)
{
	while (memory != NULL && memory != other)
		memory = memory->below;
	return memory != NULL;
}

/* Returns what the page holds, also if memory_trim has hidden it. */
static u64 world_word(struct memory *memory, u64 index)
{
	const u64 *slot = memory_slot_find(memory, index);
	const void *page = memory_frozen_page(memory, index);

	if (slot != NULL && (*slot & SLOT_ASIDE))
		page = hpa_to_pointer(HPA(*slot & PTE_ADDRESS));
	return page != NULL ? machine_words[machine_frame_of(page)] : 0;
}

/* --- CPUs, and what they have loaded --- */

static struct running {
	struct vm *guest;   /* the VM whose vCPU is loaded; the CPU is in tlb_space_enter's set */
	struct vm *process; /* the VM whose monitor's tables CR3 holds */
	bool idle;
	/* the CPU was in the guest since it last compared generations */
	bool inside;
	struct tag tag;		       /* the tag of CR3 */
	const struct space *tag_space; /* the space to which these translations belong */
} running[PROCESSORS];

static void world_flush(struct tag *tag)
{
	tag->count = tag->table_count = 0;
}

void tlb_arch_load_root(hpa_t root)
{
	(void)root;
	world_flush(&running[machine_cpu_id].tag);
}

/*
 * Returns what a CPU may use without another look at a generation: of a guest what it uses now, or
 * would use when it enters next; of a monitor all that CR3 has led to. NULL: nothing.
 */
static const struct tag *world_tag(const struct vm *vm, enum space_of where, u32 cpu)
{
	const struct running *self = &running[cpu];
	const struct space *space = vm->space[where];

	if (space == NULL)
		return NULL;
	if (where == MONITOR)
		return self->tag_space == space ? &self->tag : NULL;
	return (self->guest == vm && self->inside) || vm->tag[cpu].seen == space->generation
		       ? &vm->tag[cpu]
		       : NULL;
}

static void world_check_tag(const struct tag *tag, u64 frame, u64 count)
{
	for (u32 i = 0; i < tag->count; i++) {
		u64 hpa = tag->entry[i].leaf.hpa.value + (tag->entry[i].at - tag->entry[i].leaf.at);

		CHECK_THAT((hpa >> PAGE_SHIFT) - frame >= count);
	}
	for (u32 i = 0; i < tag->table_count; i++)
		CHECK_THAT((tag->table[i].node.value >> PAGE_SHIFT) - frame >= count);
}

static void world_check_unreached(u64 frame, u64 count)
{
	for (u32 cpu = 0; cpu < PROCESSORS; cpu++) {
		world_check_tag(&running[cpu].tag, frame, count);
		for (u32 i = 0; i < VMS; i++) {
			const struct tag *tag = world_tag(&vms[i], GUEST, cpu);

			if (tag != NULL)
				world_check_tag(tag, frame, count);
		}
	}
}

static void world_unload(u32 cpu)
{
	struct vm *vm = running[cpu].guest;

	running[cpu].guest = NULL;
	running[cpu].inside = false;
	if (vm != NULL)
		tlb_space_leave(vm->space[GUEST], cpu);
}

static void world_wake(u32 cpu)
{
	if (running[cpu].idle)
		tlb_cpu_idle(cpu, false);
	running[cpu].idle = false;
}

/* The CPU goes through its loop. */
static void world_pass(u32 cpu)
{
	struct running *self = &running[cpu];

	world_wake(cpu);
	machine_kicked[cpu] = false;
	self->inside = false;
	if (self->guest != NULL && processor_roll(4) == 0 &&
	    self->guest->space[GUEST]->generation != self->guest->tag[cpu].seen)
		world_unload(cpu);
	if (self->process != NULL && self->process->space[MONITOR] == NULL)
		self->process = NULL;
	tlb_cpu_passed(cpu, self->process != NULL && processor_roll(4) != 0);
	if (cpus[cpu].space == NULL)
		self->process = NULL;
}

/* A kick that came during a call is noticed before ring 3 or a guest goes on. */
static void world_leave(u32 cpu)
{
	if (machine_kicked[cpu])
		world_pass(cpu);
}

static void world_sleep(u32 cpu)
{
	world_pass(cpu);
	running[cpu].process = NULL;
	running[cpu].idle = true;
	tlb_cpu_idle(cpu, true);
}

/*
 * Lets all CPUs that can pass, some time after they last did. A kick ends sleep, or pages that
 * wait.
 */
static void world_round(void)
{
	u32 noise = processor_noise;

	processor_noise = 0;
	machine_clock_ms += 1 + processor_roll(2);
	for (u32 cpu = 0; cpu < PROCESSORS; cpu++)
		if (processors[cpu].call == NULL && (!running[cpu].idle || machine_kicked[cpu] ||
						     (tlb_waiting != 0 && processor_roll(2) == 0)))
			processor_run(cpu, world_pass);
	processor_noise = noise;
}

static bool world_kicked(void)
{
	bool any = false;

	for (u32 cpu = 0; cpu < PROCESSORS; cpu++)
		any |= machine_kicked[cpu];
	return any;
}

/* --- one access to a VM's RAM --- */

static struct access {
	struct vm *vm;
	enum space_of where;
	u64 at;
	u64 index; /* the index of the object's page */
	u32 which; /* the number of the mapping, as attempt_choose has it */
	u32 rights;
	bool zero;
	bool done;
	enum status status; /* the status of the last fault */
} accesses[PROCESSORS];

static void world_enter(u32 cpu, const struct access *access)
{
	struct running *self = &running[cpu];
	struct tag *tag = &access->vm->tag[cpu];

	world_wake(cpu);
	if (access->where == DEVICE)
		return;
	if (access->where == MONITOR) {
		self->inside = false;
		if (self->process == access->vm)
			/* the CPU goes back to ring 3 after a fault, where nobody compares */
			return;
		self->process = access->vm;
		self->tag_space = access->vm->space[MONITOR];
		tlb_process_enter(access->vm->space[MONITOR], cpu);
		return;
	}
	if (self->guest != access->vm) {
		world_unload(cpu);
		tlb_space_enter(access->vm->space[GUEST], cpu);
		self->guest = access->vm;
	}
	if (!self->inside && tlb_must_flush(access->vm->space[GUEST], &tag->seen))
		world_flush(tag);
	self->inside = true;
}

/* A walk through the tables, from where the CPU still knows the way. */
static bool world_walk(struct tag *tag, const struct table *table, u64 at, struct pt_leaf *leaf)
{
	struct pt_walk walk = {.level = PT_LEVEL_4K};
	u32 i = 0;

	while (i < tag->table_count && tag->table[i].at != align_down(at, 2 * MIB))
		i++;
	if (i < tag->table_count) {
		const u64 *entry = hpa_to_pointer(tag->table[i].node);

		CHECK_THAT(page_owner(tag->table[i].node) == PAGE_TABLE);
		walk.entry = entry[at / PAGE_SIZE % PT_ENTRY_COUNT];
	} else {
		(void)table_walk(table, at, &walk);
		if (walk.level == PT_LEVEL_4K) {
			i = tag->table_count < TAG_ENTRIES ? tag->table_count++
							   : processor_roll(TAG_ENTRIES);
			tag->table[i].at = align_down(at, 2 * MIB);
			tag->table[i].node = walk.node[PT_LEVEL_4K];
		}
	}
	if (!(walk.entry & table->format->present))
		return false;
	table_walk_leaf(table, at, &walk, leaf);
	return true;
}

/* Translates through the TLB; returns false on a fault. */
static bool world_translate(struct tag *tag, const struct table *table, u64 at, u32 rights,
			    hpa_t *hpa)
{
	u32 i = 0;

	while (i < tag->count && tag->entry[i].at != at)
		i++;
	if (i == tag->count) {
		struct pt_leaf leaf;

		if (!world_walk(tag, table, at, &leaf))
			return false;
		i = tag->count < TAG_ENTRIES ? tag->count++ : processor_roll(TAG_ENTRIES);
		tag->entry[i].at = at;
		tag->entry[i].leaf = leaf;
	}
	*hpa = HPA(tag->entry[i].leaf.hpa.value + (at - tag->entry[i].leaf.at));
	if ((rights & ~tag->entry[i].leaf.rights) == 0)
		return true;
	tag->entry[i] = tag->entry[--tag->count]; /* a fault drops the translation */
	return false;
}

/* Writes to a page. No page of an object that somebody has frozen is written to. */
static void world_write(struct vm *vm, u32 place, u64 frame, bool zero)
{
	u64 index = world_index(vm->shape, place);

	for (u32 i = 0; i < FROZEN_MAX; i++) {
		const void *page = NULL;

		if (frozen[i].held && frozen[i].shape == vm->shape)
			page = memory_frozen_page(frozen[i].memory, index);
		CHECK_THAT(page == NULL || machine_frame_of(page) != frame);
	}
	machine_words[frame] = reference_write(&vm->reference, place, zero);
}

/* The page that the access reaches is the VM's, and holds what the reference says. */
static void world_use(const struct access *access, hpa_t hpa)
{
	u64 word = machine_words[hpa.value >> PAGE_SHIFT];
	u32 place = world_place(access->vm->shape, access->index);

	CHECK_THAT(page_owner(hpa) == PAGE_GUEST);
	if (place == ANY_PLACE) {
		CHECK_THAT(word == 0);
		return;
	}
	CHECK_THAT(reference_may_be(&access->vm->reference, place, word));
	if (access->rights & PT_WRITE)
		world_write(access->vm, place, hpa.value >> PAGE_SHIFT, access->zero);
}

/* Makes one attempt: the access, or the fault that it makes. */
static void world_attempt(u32 cpu)
{
	struct access *access = &accesses[cpu];
	struct space *space = access->vm->space[access->where];
	struct tag *tag = access->where == GUEST ? &access->vm->tag[cpu] : &running[cpu].tag;
	struct tag none = {0}; /* no tag: the IOMMU is flushed before space_unmap returns */
	hpa_t hpa;

	if (machine_kicked[cpu] && processor_roll(2) == 0)
		world_pass(cpu);
	world_enter(cpu, access);
	access->done = world_translate(access->where == DEVICE ? &none : tag, &space->table,
				       access->at, access->rights, &hpa);
	if (access->done) {
		world_use(access, hpa);
		return;
	}
	running[cpu].inside = false;
	if (access->where == GUEST && space->layered && (access->rights & PT_WRITE))
		access->status = space_fault_layered(space, access->at, access->rights);
	else
		access->status = space_fault(space, access->at, access->rights);
}

/* The kernel writes to a byte of the guest's RAM, a moment after it looked for it: vcpu_mark. */
static void world_mark(u32 cpu)
{
	struct access *access = &accesses[cpu];
	u32 place = world_place(access->vm->shape, access->index);
	const u8 *byte;

	world_enter(cpu, access);
	running[cpu].inside = false;
	byte = space_guest_byte(access->vm->space[GUEST], access->at);
	if (byte != NULL && place != ANY_PLACE)
		world_write(access->vm, place, machine_frame_of(byte), false);
	access->done = true;
}
