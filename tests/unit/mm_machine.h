/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * A machine for mm/: RAM is a block of the test's heap; its first byte is physical address 0 and
 * the start of the direct map. All of mm/ but the kernel's own space is included here, so that a
 * test can inspect and reset everything static.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include <cmocka.h>

#include "arch/x86_64/cpu/panic.h"
#include "boot/init/page.c"
#ifndef MACHINE_HAS_BUDDY
#include "mm/buddy.c"
#endif
#include "mm/cache.c"
#ifndef MACHINE_HAS_DISCARD
#include "mm/discard.c"
#endif
#include "mm/format.c"
#include "mm/layer.c"
#include "mm/memory.c"
#ifndef MACHINE_HAS_QUOTA
#include "mm/quota.c"
#endif
#include "mm/space.c"
#include "mm/table.c"
#include "mm/tlb.c"
#include "tests/random.h"

#define MACHINE_WIDTH 40 /* the CPU's MAXPHYADDR */

static u8 *machine_ram;
static u64 machine_ram_bytes;
static u64 machine_random = RANDOM_SEED;

static jmp_buf panic_target;
static bool panic_expected;

NORETURN void panic(const char *text, ...)
{
	va_list arguments;

	if (panic_expected)
		longjmp(panic_target, 1);
	va_start(arguments, text);
	vfprintf(stderr, text, arguments);
	va_end(arguments);
	abort();
}

struct cpu_features features = {.physical_bits = MACHINE_WIDTH, .meltdown = true};

static u64 machine_counts[PAGE_OWNER_COUNT];
u64 *const page_counts = machine_counts;
static struct node_counters machine_nodes[NODE_MAX];
struct node_counters *const page_nodes = machine_nodes;

static u8 machine_node; /* the node of the current CPU */

u8 cpus_node(void)
{
	return machine_node;
}

static u32 machine_cpu_id; /* the current CPU */

u32 tlb_arch_cpu(void)
{
	return machine_cpu_id;
}

static bool machine_kicked[CPU_MAX]; /* the CPUs that tlb_arch_kick has kicked, if a test cares */

bool tlb_arch_kicked(u32 cpu)
{
	return cpu != machine_cpu_id && machine_kicked[cpu];
}

static u64 machine_clock_ms;
static void (*machine_clock_read)(void); /* does what another CPU does in between; NULL: nothing */

u64 tlb_arch_clock_ms(void)
{
	if (machine_clock_read != NULL)
		machine_clock_read();
	return machine_clock_ms;
}

#define assert_panics(statement)                                                                   \
	do {                                                                                       \
		panic_expected = true;                                                             \
		if (setjmp(panic_target) == 0) {                                                   \
			statement;                                                                 \
			fail_msg("no panic: %s", #statement);                                      \
		}                                                                                  \
		panic_expected = false;                                                            \
		/* The panic left them held. */                                                    \
		buddy_lock = tlb_lock = kernel_slabs.lock = (struct lock){0};                      \
	} while (0)

u64 random_u64(void)
{
	return random_step(&machine_random);
}

u64 random_below(u64 limit)
{
	return random_u64() % limit;
}

#ifndef MACHINE_HAS_KERNEL_SPACE
struct table kernel_table;

void kernel_space_share(struct table *table)
{
	(void)table;
}
#endif

#ifndef MACHINE_HAS_TEARDOWN
/* Destroys an object at once, in as many steps as it takes. */
static void machine_release(struct object *object)
{
	enum status status;

	do {
		if (object->type == OBJECT_MEMORY)
			status = memory_destroy(CONTAINER_OF(object, struct memory, object));
		else
			status = space_destroy(CONTAINER_OF(object, struct space, object));
	} while (status == STATUS_AGAIN);
	assert_int_equal(status, STATUS_OK);
}

void (*const object_release[OBJECT_TYPE_COUNT])(struct object *object) = {
	[OBJECT_MEMORY] = machine_release,
	[OBJECT_SPACE] = machine_release,
};
#endif

static UNUSED void machine_ram_replace(u64 ram_bytes)
{
	free(machine_ram);
	machine_ram = aligned_alloc(2 * MIB, ram_bytes);
	machine_ram_bytes = ram_bytes;
	/* a fault for each 4 KiB takes longer than all else that a large machine does */
	(void)madvise(machine_ram, ram_bytes, MADV_HUGEPAGE);
	memset(machine_ram, 0xa5, ram_bytes);
}

/* Resets all state of an earlier test; RAM is not zero. Some tests do so thousands of times. */
static UNUSED void machine_reset(u64 ram_bytes)
{
	if (ram_bytes != machine_ram_bytes)
		machine_ram_replace(ram_bytes);
	direct_map_base = (u64)machine_ram;

	page_frames = NULL;
	page_frame_count = 0;
	page_total = 0;
	reserved_count = 0;
	bad_count = 0;
	memset(free_first, 0, sizeof(free_first));
	memset(free_orders, 0, sizeof(free_orders));
	memset(machine_nodes, 0, sizeof(machine_nodes));
	machine_node = 0;
	memset(machine_counts, 0, sizeof(machine_counts));

	memset(cpus, 0, sizeof(cpus));
	cpu_count = 0;
	epoch = 1;
	waiting_first = 0;
	waiting_last = 0;
	tlb_waiting = 0;
	epoch_ms = 0;
	memset(machine_kicked, 0, sizeof(machine_kicked));
}

/* Gives one of a few accounts, in turn. */
static UNUSED void machine_quota(struct quota *quota, u64 limit)
{
	static struct group_page accounts[4];
	static u32 next;
	struct group_page *account = &accounts[next++ % ARRAY_COUNT(accounts)];

	*account = (struct group_page){0};
	quota_init(quota, account, limit);
}

/* RAM from 0 on, of which one range is in use. */
static UNUSED bool machine_pages(u64 ram_bytes, hpa_t used, u64 used_bytes)
{
	static struct boot_info boot;

	boot.direct_map_base = HVA(direct_map_base);
	boot.region_count = boot.used_count = 1;
	boot.region[0] = (struct boot_region){0, ram_bytes, BOOT_REGION_RAM};
	boot.used[0] = (struct boot_used){used, used_bytes, PAGE_IMAGE};
	return page_init(&boot);
}

static UNUSED void machine_start(u64 ram_bytes)
{
	machine_reset(ram_bytes);
	assert_true(machine_pages(ram_bytes, HPA(0), 0));
	cache_init();
	tlb_cpu_online(0);
}

/* Lets the CPU pass its loop, an epoch's least length after the last pass of any CPU. */
static UNUSED void machine_pass(u32 cpu)
{
	machine_clock_ms += TLB_EPOCH_MS;
	tlb_cpu_passed(cpu, true);
}

/* Lets CPU 0 pass its loop until no page waits to be freed. */
static UNUSED void machine_settle(void)
{
	for (unsigned int n = 0; n < 100000 && tlb_pages_waiting() != 0; n++)
		machine_pass(0);
	assert_int_equal(tlb_pages_waiting(), 0);
}

static UNUSED u64 machine_free_pages(void)
{
	return page_counts[PAGE_FREE];
}

/* As many pages are free as `before`, nothing is reserved, and the account is empty. */
static UNUSED void machine_assert_clean(u64 before, const struct quota *quota)
{
	machine_settle();
	assert_int_equal(machine_free_pages(), before);
	assert_int_equal(reserved_count, 0);
	if (quota == NULL)
		return;
	assert_int_equal(quota->account->used_pages, 0);
	for (unsigned int owner = 0; owner < PAGE_OWNER_COUNT; owner++)
		assert_int_equal(quota->account->pages[owner], 0);
}
