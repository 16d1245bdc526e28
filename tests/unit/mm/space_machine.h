/* SPDX-License-Identifier: MIT */
#pragma once

/* Address spaces of guests and processes, accessed through a tagged TLB. */
#include "tests/unit/mm_machine.h"

#define ALL (PT_READ | PT_WRITE | PT_EXECUTE)

/*
 * A processor with a tagged TLB: translations stay until they are flushed. A tag belongs to a
 * guest's vCPU, or to a CPU for the tables in CR3. Accesses use the TLB first.
 */
#define TAG_MAX 8

struct translation {
	u64 at;
	struct pt_leaf leaf;
};

static struct tag {
	struct translation entry[64];
	size_t count;
	hpa_t root;
	u64 seen;
} tags[TAG_MAX];

static u32 current_cpu;
static unsigned int kicks[CPU_MAX];

void tlb_arch_load_root(hpa_t root)
{
	tags[current_cpu].root = root;
	tags[current_cpu].count = 0;
}

void tlb_arch_kick(u32 cpu)
{
	kicks[cpu]++;
}

/* Makes one access through a tag; returns false on a fault. */
static bool tag_access(struct tag *tag, const struct table *table, u64 at, u32 rights, hpa_t *hpa)
{
	struct pt_leaf leaf;

	for (size_t i = 0; i < tag->count; i++) {
		if (tag->entry[i].at == align_down(at, PAGE_SIZE)) {
			leaf = tag->entry[i].leaf;
			goto found;
		}
	}
	if (!table_lookup(table, at, &leaf))
		return false;
	assert_true(tag->count < ARRAY_COUNT(tag->entry));
	tag->entry[tag->count++] = (struct translation){align_down(at, PAGE_SIZE), leaf};
found:
	if (rights & ~leaf.rights)
		return false;
	*hpa = HPA(leaf.hpa.value + (at - leaf.at));
	/* A page that can be reached is never free. */
	assert_int_not_equal(page_owner(*hpa), PAGE_FREE);
	return true;
}

/* A process's access on the current CPU. */
static UNUSED bool process_access(struct space *space, u64 at, u32 rights, hpa_t *hpa)
{
	tlb_process_enter(space, current_cpu);
	assert_int_equal(tags[current_cpu].root.value, space->table.root.kernel.value);
	return tag_access(&tags[current_cpu], &space->table, at, rights, hpa);
}

/* A vCPU's access on the current CPU, with faults settled as the kernel does. */
static UNUSED bool guest_access(struct space *space, struct tag *vcpu, u64 at, u32 rights,
				hpa_t *hpa)
{
	for (unsigned int n = 0; n < 100; n++) {
		bool done;
		enum status status;

		tlb_space_enter(space, current_cpu);
		if (tlb_must_flush(space, &vcpu->seen))
			vcpu->count = 0;
		done = tag_access(vcpu, &space->table, at, rights, hpa);
		tlb_space_leave(space, current_cpu);
		if (done)
			return true;
		status = space_fault(space, at, rights);
		if (status != STATUS_OK && status != STATUS_AGAIN)
			return false;
	}
	fail_msg("faults for ever");
	return false;
}

static void start(u64 bytes)
{
	memset(tags, 0, sizeof(tags));
	memset(kicks, 0, sizeof(kicks));
	current_cpu = 0;
	kernel_table.root.kernel = HPA(0x1000);
	machine_start(bytes);
}

static UNUSED struct memory *ram_create(u64 page_count)
{
	struct memory *memory;

	assert_int_equal(memory_create(NULL, PAGE_GUEST, page_count, 0, &memory), STATUS_OK);
	return memory;
}

static struct space *guest_create(struct quota *quota)
{
	struct space *space;

	assert_int_equal(space_create_guest(quota, &format_ept, &space), STATUS_OK);
	return space;
}

static UNUSED struct space *process_create(struct quota *quota)
{
	struct space *space;

	assert_int_equal(space_create_process(quota, &space), STATUS_OK);
	return space;
}

static void fault_settle(struct space *space, u64 at, u32 access)
{
	enum status status;

	do
		status = space_fault(space, at, access);
	while (status == STATUS_AGAIN);
	assert_int_equal(status, STATUS_OK);
}

static UNUSED void unmap_all(struct space *space, u64 at, u64 bytes)
{
	enum status status;

	do
		status = space_unmap(space, at, bytes);
	while (status == STATUS_AGAIN);
	assert_int_equal(status, STATUS_OK);
}

#define MAP(space, where, offset, count, rights)                                                   \
	space_map(space, where, memory, offset, count, rights, &at)
