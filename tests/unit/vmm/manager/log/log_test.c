/* SPDX-License-Identifier: MIT */
/* Collecting the kernel's log while the kernel keeps writing. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include "lib/string.h"
#include "tests/fake_clock.h"
#include "vmm/manager/log/log.c"
#include "vmm/manager/log/log_cost.h"
#include "vmm/manager/log/log_format.c"
#include "vmm/manager/log/log_chain.c"
#include "vmm/manager/log/log_names.h"
#include "vmm/manager/log/log_store.c"
#include "vmm/rt/crypto/sha256.h"
#include "vmm/rt/exit_names.h"
#include "vmm/rt/format.h"

#define ENDLESS (~0u)
#define HANG	1000000u /* more entries than a call may take */

static struct kernel_page page;
static u32 in_ring; /* the entries in an ENDLESS ring, which refills while it is read */
static u32 taken;

enum status log_kernel_init(void)
{
	return STATUS_OK;
}

bool log_kernel_take(struct log_entry *entry, u64 *lost)
{
	(void)lost;
	if (in_ring == 0)
		return false;
	if (in_ring != ENDLESS)
		in_ring--;
	assert_true(++taken < HANG);
	*entry = (struct log_entry){.level = LOG_INFO, .category = LOG_CPU};
	return true;
}

struct text log_kernel_format(const struct log_entry *entry)
{
	(void)entry;
	return TEXT("something");
}

bool perf_take(const struct log_entry *entry, struct text pattern)
{
	(void)entry;
	(void)pattern;
	return false;
}

const struct kernel_page *machine_page(void)
{
	return &page;
}

struct vm *vm_next(struct vm *vm)
{
	(void)vm;
	return NULL;
}

handle_t start_handle(enum start_kind kind)
{
	(void)kind;
	return 1;
}

enum status memory_map(u64 bytes, u64 *address)
{
	*address = (u64)malloc(bytes);
	return STATUS_OK;
}

enum status sys_space_unmap(handle_t space, u64 address, u64 bytes)
{
	(void)space;
	(void)bytes;
	free((void *)address);
	return STATUS_OK;
}

enum status sys_log_level(handle_t root, u32 category, u32 level)
{
	(void)root;
	(void)category;
	(void)level;
	return STATUS_OK;
}

enum status events_bind(handle_t handle, enum event_source source, u32 number)
{
	(void)handle;
	(void)source;
	(void)number;
	return STATUS_OK;
}

static void test_endless_ring(void **state)
{
	(void)state;
	assert_int_equal(log_init(), STATUS_OK);
	assert_int_equal(log_deadline(), ~0ull);
	in_ring = ENDLESS;
	log_take_kernel();
	assert_in_range(taken, 1000, 10000);
	assert_true(log_behind());
	assert_int_equal(log_deadline(), 0);
	in_ring = 5;
	log_take_kernel();
	assert_false(log_behind());
	assert_int_equal(log_deadline(), ~0ull);
	assert_int_equal(stats.kernel_entries, taken);
	free(store.bytes);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_endless_ring),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
