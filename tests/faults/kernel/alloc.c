/* SPDX-License-Identifier: MIT */
/*
 * Allocations that fail when they are told to. The linker's --wrap puts these in place of the
 * kernel's, wherever another file calls them: a site is the address that such a call returns to.
 */
#include "arch/x86_64/cpu/percpu.h"
#include "kernel/group/process.h"
#include "kernel/cpu/start.h"
#include "kernel/sched/thread.h"
#include "mm/cache.h"
#include "mm/page.h"
#include "mm/quota.h"
#include "mm/space.h"
#include "tests/faults/kernel/kernel.h"

#define SITES_MAX 256u

static struct {
	u64 address;
	u32 counted;
	u32 failed;
} sites[SITES_MAX];
static u32 site_count;
static bool counting;
static bool exempt; /* the allocations under way must not fail */
static u32 armed;   /* the number, plus 1, of the site that fails; 0: no site does */
static u32 calls_left;

extern const char __image_start[];

enum status fault_alloc(enum test_what what, u64 argument, u64 *value)
{
	u64 site = what == TEST_FAIL ? argument >> 32 : argument;

	if (what >= TEST_SITE_OFFSET && site >= site_count)
		return STATUS_NOT_FOUND;
	if (what == TEST_FAIL && (site >= site_count || (u32)argument == 0))
		return STATUS_NOT_FOUND;
	switch (what) {
	case TEST_COUNT:
		armed = 0;
		for (u32 i = 0; i < site_count; i++)
			sites[i].counted = 0;
		counting = true;
		break;
	case TEST_OFF:
		counting = false;
		break;
	case TEST_FAIL:
		calls_left = (u32)argument;
		armed = (u32)site + 1;
		counting = true;
		break;
	case TEST_SITES:
		*value = site_count;
		break;
	case TEST_SITE_OFFSET:
		*value = sites[site].address - (u64)__image_start;
		break;
	default:
		*value = (u64)sites[site].failed << 32 | sites[site].counted;
		break;
	}
	return STATUS_OK;
}

static u32 site_of(u64 address)
{
	u32 i = 0;

	while (i < site_count && sites[i].address != address)
		i++;
	if (i == site_count && i < SITES_MAX)
		sites[site_count++].address = address;
	return i;
}

static bool fails(const void *address)
{
	u32 site;

	if (!counting || exempt)
		return false;
	site = site_of((u64)address);
	if (site == SITES_MAX)
		return false;
	sites[site].counted++;
	if (armed != site + 1 || --calls_left != 0)
		return false;
	armed = 0;
	sites[site].failed++;
	return true;
}

#define WRAP(function, refusal, parameters, arguments)                                             \
	enum status __real_##function parameters;                                                  \
	enum status __wrap_##function parameters;                                                  \
	enum status __wrap_##function parameters                                                   \
	{                                                                                          \
		if (fails(__builtin_return_address(0)))                                            \
			return refusal;                                                            \
		return __real_##function arguments;                                                \
	}

WRAP(page_alloc, STATUS_NO_MEMORY,
     (unsigned int order, enum page_owner owner, struct quota *quota, hpa_t *hpa),
     (order, owner, quota, hpa))
WRAP(page_alloc_cleared, STATUS_NO_MEMORY,
     (unsigned int order, enum page_owner owner, struct quota *quota, void **pointer),
     (order, owner, quota, pointer))
WRAP(page_reserve, STATUS_NO_MEMORY, (u64 count), (count))
WRAP(cache_alloc, STATUS_NO_MEMORY,
     (struct quota * quota, unsigned int kind, size_t bytes, void **piece),
     (quota, kind, bytes, piece))
WRAP(cache_alloc_object, STATUS_NO_MEMORY,
     (struct quota * quota, enum object_type type, size_t bytes, void **object),
     (quota, type, bytes, object))
WRAP(quota_charge, STATUS_NO_QUOTA, (struct quota * quota, enum page_owner owner, u64 count),
     (quota, owner, count))

/* A single page is certain to be there when it was reserved: only larger blocks can fail. */
enum status __real_page_alloc_reserved(unsigned int order, enum page_owner owner, hpa_t *hpa);
enum status __wrap_page_alloc_reserved(unsigned int order, enum page_owner owner, hpa_t *hpa);
enum status __wrap_page_alloc_reserved(unsigned int order, enum page_owner owner, hpa_t *hpa)
{
	if (order != 0 && fails(__builtin_return_address(0)))
		return STATUS_NO_MEMORY;
	return __real_page_alloc_reserved(order, owner, hpa);
}

/*
 * Lets the manager's own first touches succeed: without the manager nobody could report the
 * failure. The kernel keeps a share of the memory for these touches.
 */
enum status __real_space_fault(struct space *space, u64 address, u32 access);
enum status __wrap_space_fault(struct space *space, u64 address, u32 access);
enum status __wrap_space_fault(struct space *space, u64 address, u32 access)
{
	const struct thread *thread = this_cpu()->thread;
	enum status status;

	exempt = thread != NULL && thread->process == process_manager &&
		 thread->process->space == space;
	status = __real_space_fault(space, address, access);
	exempt = false;
	return status;
}
