/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * What the core of a disk driver expects of every device's part and of every service, whatever is
 * behind it: included once by a driver's test, which lets its model of the device work, and adds
 * CONFORMANCE_TESTS, or of a disk that is never written CONFORMANCE_READS, to its own. Everything
 * goes through `driver_ops`.
 */
#include "tests/random.h"
#include "vmm/driver/disk/core/device.h"

#define CONFORMANCE_ROUNDS 1000u /* a request ends before the device has had this many rounds */

/* What the test gives: */
static struct {
	u8 *data;	    /* 17 pages of a client's pool */
	const u64 *address; /* the device's address of each page, or NULL */
	u8 *disk;	    /* the bytes on the medium */
	u64 bytes;
} conformance;
/* Makes a device that works, and sets `conformance`. */
static void conformance_make(void);
/* Lets the device do what it was asked for. */
static void conformance_work(void);

static struct driver_disk conformance_disk;
static struct driver_request conformance_requests[DRIVER_DEPTH + 1];
static u8 conformance_wanted[1u << 20];
static u64 conformance_seed = RANDOM_SEED;

/* Is the test's request_finish for requests of this suite. */
static bool conformance_finish(struct driver_request *request, enum block_status status)
{
	if (request < conformance_requests || request > conformance_requests + DRIVER_DEPTH)
		return false;
	assert_true(request->busy); /* a request ends once */
	assert_true(status < BLOCK_STATUS_COUNT);
	request->busy = false;
	request->status = status;
	return true;
}

static UNUSED void conformance_start(void)
{
	char problem[DISK_TEXT_BYTES] = "";

	memset(conformance_requests, 0, sizeof(conformance_requests));
	conformance_make();
	conformance_disk = (struct driver_disk){.block_bytes = BLOCK_SECTOR_BYTES};
	if (!driver_ops.start(&conformance_disk, problem, sizeof(problem)))
		fail_msg("%s", problem);
	assert_true(conformance.bytes <= sizeof(conformance_wanted));
	memcpy(conformance_wanted, conformance.disk, conformance.bytes);
}

/* Returns the most sectors of one request whose data lie in a client's RAM. */
static UNUSED u32 conformance_sectors_max(void)
{
	return MAX(conformance_disk.direct_pages, BLOCK_REQUEST_PAGES) *
	       (u32)(PAGE_SIZE / BLOCK_SECTOR_BYTES);
}

static UNUSED struct driver_request *conformance_ask(u32 number, enum block_operation operation,
						     u64 sector, u32 sectors)
{
	struct driver_request *request = &conformance_requests[number];
	bool has_data = operation == BLOCK_READ || operation == BLOCK_WRITE;

	assert_false(request->busy);
	*request = (struct driver_request){
		.operation = operation,
		.sector = sector,
		.sectors = sectors,
		.data = has_data ? conformance.data : NULL,
		.address = has_data ? conformance.address : NULL,
		.busy = true,
	};
	return request;
}

static UNUSED u32 conformance_busy(void)
{
	u32 count = 0;

	for (u32 i = 0; i <= DRIVER_DEPTH; i++)
		count += conformance_requests[i].busy;
	return count;
}

/* Until all that was asked has ended. */
static UNUSED void conformance_wait(void)
{
	u32 rounds = 0;

	do {
		assert_true(rounds++ < CONFORMANCE_ROUNDS);
		conformance_work();
		driver_ops.poll();
	} while (conformance_busy() != 0);
}

static UNUSED enum block_status conformance_run(enum block_operation operation, u64 sector,
						u32 sectors)
{
	struct driver_request *request = conformance_ask(0, operation, sector, sectors);

	assert_true(driver_ops.submit(request));
	conformance_wait();
	return request->status;
}

static UNUSED void conformance_says_what_it_is(void **state)
{
	const u32 known = DISK_FLUSH | DISK_DISCARD | DISK_WRITE_ZEROES | DISK_READ_ONLY;

	(void)state;
	conformance_start();
	assert_int_equal(conformance_disk.sectors * BLOCK_SECTOR_BYTES, conformance.bytes);
	assert_true(conformance_disk.block_bytes == 512 || conformance_disk.block_bytes == 4096);
	assert_int_equal(conformance_disk.features & ~known, 0);
	assert_in_range(strlen(conformance_disk.model), 1, sizeof(conformance_disk.model) - 1);
	assert_in_range(strlen(conformance_disk.serial), 0, sizeof(conformance_disk.serial) - 1);
}

/* A read of any length brings just that, from there, and changes nothing. */
static UNUSED void conformance_reads(void **state)
{
	(void)state;
	conformance_start();
	for (u32 sectors = 1; sectors <= conformance_sectors_max(); sectors++) {
		u64 at = 3ull * sectors * BLOCK_SECTOR_BYTES;
		u64 bytes = (u64)sectors * BLOCK_SECTOR_BYTES;

		memset(conformance.data, 0x5a, bytes + BLOCK_SECTOR_BYTES);
		assert_int_equal(conformance_run(BLOCK_READ, 3ull * sectors, sectors), BLOCK_OK);
		assert_memory_equal(conformance.data, conformance.disk + at, bytes);
		assert_int_equal(conformance.data[bytes], 0x5a);
	}
	assert_memory_equal(conformance.disk, conformance_wanted, conformance.bytes);
}

/* A write of any length changes just that. */
static UNUSED void conformance_writes(void **state)
{
	(void)state;
	conformance_start();
	for (u32 sectors = 1; sectors <= conformance_sectors_max(); sectors++) {
		u64 at = 5ull * sectors * BLOCK_SECTOR_BYTES;
		u64 bytes = (u64)sectors * BLOCK_SECTOR_BYTES;

		for (u64 i = 0; i < bytes; i++)
			conformance.data[i] = (u8)random_step(&conformance_seed);
		memcpy(conformance_wanted + at, conformance.data, bytes);
		assert_int_equal(conformance_run(BLOCK_WRITE, 5ull * sectors, sectors), BLOCK_OK);
		assert_memory_equal(conformance.disk, conformance_wanted, conformance.bytes);
		assert_memory_equal(conformance.data, conformance_wanted + at, bytes);
	}
}

/* A disk can do what it says that it can, and touches nothing beside it. */
static UNUSED void conformance_does_the_rest(void **state)
{
	const u64 sector = 40, end = 56;

	(void)state;
	conformance_start();
	assert_int_equal(conformance_run(BLOCK_FLUSH, 0, 0), BLOCK_OK);
	if ((conformance_disk.features & DISK_WRITE_ZEROES) != 0) {
		assert_int_equal(conformance_run(BLOCK_WRITE_ZEROES, sector, (u32)(end - sector)),
				 BLOCK_OK);
		memset(conformance_wanted + sector * BLOCK_SECTOR_BYTES, 0,
		       (end - sector) * BLOCK_SECTOR_BYTES);
		assert_memory_equal(conformance.disk, conformance_wanted, conformance.bytes);
	}
	if ((conformance_disk.features & DISK_DISCARD) != 0) {
		assert_int_equal(conformance_run(BLOCK_DISCARD, sector, (u32)(end - sector)),
				 BLOCK_OK);
		assert_memory_equal(conformance.disk, conformance_wanted,
				    sector * BLOCK_SECTOR_BYTES);
		assert_memory_equal(conformance.disk + end * BLOCK_SECTOR_BYTES,
				    conformance_wanted + end * BLOCK_SECTOR_BYTES,
				    conformance.bytes - end * BLOCK_SECTOR_BYTES);
	}
}

/* A device takes as many requests as it says, refuses more, and ends each once, again and again. */
static UNUSED void conformance_takes_many(void **state)
{
	(void)state;
	conformance_start();
	for (u32 round = 0; round < 5; round++) {
		u32 depth = conformance_disk.depth != 0 ? conformance_disk.depth : DRIVER_DEPTH;
		u32 count = 0;

		while (count < DRIVER_DEPTH &&
		       driver_ops.submit(conformance_ask(count, BLOCK_READ, 8ull * count, 1)))
			count++;
		if (count < DRIVER_DEPTH)
			conformance_requests[count].busy = false;
		assert_in_range(count, MIN(depth, DRIVER_DEPTH), DRIVER_DEPTH);
		conformance_wait();
		for (u32 i = 0; i < count; i++)
			assert_int_equal(conformance_requests[i].status, BLOCK_OK);
	}
}

#define CONFORMANCE_READS(setup)                                                                   \
	cmocka_unit_test_setup(conformance_says_what_it_is, setup),                                \
		cmocka_unit_test_setup(conformance_reads, setup),                                  \
		cmocka_unit_test_setup(conformance_takes_many, setup)
#define CONFORMANCE_TESTS(setup)                                                                   \
	CONFORMANCE_READS(setup), cmocka_unit_test_setup(conformance_writes, setup),               \
		cmocka_unit_test_setup(conformance_does_the_rest, setup)
