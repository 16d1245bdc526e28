/* SPDX-License-Identifier: MIT */
/* The example of a service does what the core of a disk driver expects of it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include "lib/string.h"
#include "tests/driver_process_fake.h"
#include "vmm/rt/format.h"
#include "vmm/service/numbers/numbers.c"
#include "vmm/service/numbers/numbers_start.c"

#include "tests/unit/disk_conformance.h"

static _Alignas(u64) u8 memory[PAGE_SIZE];
static u8 data[17 * PAGE_SIZE];
static u8 shown[NUMBERS_SECTORS * BLOCK_SECTOR_BYTES];

void request_finish(struct driver_request *request, enum block_status status)
{
	assert_true(conformance_finish(request, status));
}

static void conformance_make(void)
{
	memset(memory, 0, sizeof(memory));
	process_given.memory = (struct driver_dma){memory, NULL, 1};
	process_given.info.parameter[DRIVER_DISK_BYTES] = PAGE_SIZE;
	for (u64 at = 0; at < sizeof(shown); at += sizeof(at))
		memcpy(shown + at, at != 0 ? &at : &(u64){1}, sizeof(at));
	conformance.data = data;
	conformance.disk = shown;
	conformance.bytes = sizeof(shown);
}

static void conformance_work(void)
{
}

static void counts_its_starts(void **state)
{
	char problem[64] = "";
	u64 word;

	(void)state;
	conformance_start();
	assert_true(driver_ops.start(&conformance_disk, problem, sizeof(problem)));
	assert_int_equal(conformance_run(BLOCK_READ, 0, 1), BLOCK_OK);
	memcpy(&word, data, sizeof(word));
	assert_int_equal(word, 2);
	memcpy(&word, data + sizeof(word), sizeof(word));
	assert_int_equal(word, sizeof(word));
}

static void takes_no_writes(void **state)
{
	(void)state;
	conformance_start();
	assert_int_equal(conformance_run(BLOCK_WRITE, 0, 1), BLOCK_ERROR);
	assert_int_equal(conformance_run(BLOCK_FLUSH, 0, 0), BLOCK_OK);
}

static void without_memory(void **state)
{
	char problem[64] = "";

	(void)state;
	conformance_make();
	process_given.info.parameter[DRIVER_DISK_BYTES] = 0;
	assert_false(driver_ops.start(&conformance_disk, problem, sizeof(problem)));
	assert_true(problem[0] != 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		CONFORMANCE_READS(NULL),
		cmocka_unit_test(counts_its_starts),
		cmocka_unit_test(takes_no_writes),
		cmocka_unit_test(without_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
