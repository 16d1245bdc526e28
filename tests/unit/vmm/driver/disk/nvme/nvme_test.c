/* SPDX-License-Identifier: MIT */
/* The NVMe driver's core against a controller that works, and against those that do not. */
#include "tests/unit/vmm/driver/disk/nvme/nvme_fake.h"

#include "tests/unit/disk_conformance.h"

#define DATA_PAGE 20u /* the first page of RAM that requests read and write */

static struct driver_disk disk;
static char problem[128];
static struct driver_request request[NVME_DEPTH];
static u32 finished;
static enum block_status last_status;
static u32 again; /* requests that follow at once, and are done at once */

void request_finish(struct driver_request *done, enum block_status status)
{
	if (conformance_finish(done, status))
		return;
	assert_true(done->busy); /* a request ends once */
	done->busy = false;
	last_status = status;
	finished++;
	if (again > 0) {
		again--;
		done->busy = true;
		assert_true(nvme_submit(&nvme, done));
		fake_step();
	}
}

static bool begin(void)
{
	memset(&nvme, 0, sizeof(nvme));
	memset(&disk, 0, sizeof(disk));
	finished = 0;
	nvme.registers = fake.registers;
	nvme.register_bytes = sizeof(fake.registers);
	nvme.memory = (struct driver_dma){fake.ram, addresses, 16};
	return nvme_start(&nvme, &disk, problem, sizeof(problem));
}

static void conformance_make(void)
{
	fake_init();
	memset(&nvme, 0, sizeof(nvme));
	for (u32 i = 0; i < DISK_BYTES; i++)
		fake.disk[i] = (u8)random_step(&conformance_seed);
	process_given.registers[0].at = fake.registers;
	process_given.registers[0].bytes = sizeof(fake.registers);
	process_given.memory = (struct driver_dma){fake.ram, addresses, 16};
	conformance.data = fake.ram + DATA_PAGE * PAGE_SIZE;
	conformance.address = addresses + DATA_PAGE;
	conformance.disk = fake.disk;
	conformance.bytes = DISK_BYTES;
}

static void conformance_work(void)
{
	process_pause();
}

static int set_up(void **state)
{
	(void)state;
	fake_init();
	return 0;
}

static struct driver_request *ask(u32 number, enum block_operation operation, u64 sector,
				  u32 sectors)
{
	request[number] = (struct driver_request){.operation = operation,
						  .sector = sector,
						  .sectors = sectors,
						  .busy = true,
						  .data = fake.ram + DATA_PAGE * PAGE_SIZE,
						  .address = addresses + DATA_PAGE};
	return &request[number];
}

static enum block_status run(enum block_operation operation, u64 sector, u32 sectors)
{
	u32 before = finished;

	assert_true(nvme_submit(&nvme, ask(0, operation, sector, sectors)));
	for (u32 i = 0; i < 10 && finished == before; i++) {
		process_pause();
		nvme_poll(&nvme);
	}
	assert_int_equal(finished, before + 1);
	return last_status;
}

static void test_start(void **state)
{
	(void)state;
	assert_true(begin());
	assert_int_equal(fake.resets, 1); /* the reset ends what the controller did before */
	assert_string_equal(disk.model, "Fake? controller");
	assert_string_equal(disk.serial, "SN 1");
	assert_int_equal(disk.sectors, DISK_BYTES / 512);
	assert_int_equal(disk.block_bytes, 512);
	assert_int_equal(disk.features, DISK_FLUSH | DISK_DISCARD | DISK_WRITE_ZEROES);
	assert_int_equal(fake.cache, 1);
	assert_int_equal(fake.interrupt, NVME_QUEUE_CONTIGUOUS);
	assert_int_equal(fake.sq_size[1], 64);
	nvme.interrupts = true;
	assert_true(nvme_start(&nvme, &disk, problem, sizeof(problem)));
	assert_int_equal(fake.interrupt, NVME_QUEUE_CONTIGUOUS | NVME_QUEUE_INTERRUPT);
}

static void test_features(void **state)
{
	(void)state;
	fake.controller[NVME_CTRL_ONCS] = 0;
	fake.controller[NVME_CTRL_VWC] = 0;
	fake.namespace[NVME_NS_ATTRIBUTES] = 1;
	fake.namespace[NVME_NS_FORMATS] = 1;
	fake.namespace[NVME_NS_FORMAT] = 1;
	fake.namespace[NVME_NS_LBAF + 4 + 2] = 12;
	put32(NVME_CAP, 2 << 24 | 7);
	assert_true(begin());
	assert_int_equal(disk.features, DISK_READ_ONLY);
	assert_int_equal(fake.cache, 0);
	assert_int_equal(disk.block_bytes, 4096);
	assert_int_equal(disk.sectors, DISK_BYTES / 512 * 8);
	assert_int_equal(fake.sq_size[1], 8);
}

static void test_large_blocks(void **state)
{
	u8 *data = fake.ram + DATA_PAGE * PAGE_SIZE;

	(void)state;
	fake.namespace[NVME_NS_LBAF + 2] = 12;
	assert_true(begin());
	memset(data, 0x5a, 8192);
	assert_int_equal(run(BLOCK_WRITE, 16, 16), BLOCK_OK);
	for (u32 i = 0; i < 8192; i++)
		assert_int_equal(fake.disk[8192 + i], 0x5a);
	assert_int_equal(fake.disk[8191], 0);
	assert_int_equal(fake.disk[16384], 0);
}

static void test_others(void **state)
{
	(void)state;
	assert_true(begin());
	memset(fake.disk, 0x11, sizeof(fake.disk));
	assert_int_equal(run(BLOCK_FLUSH, 0, 0), BLOCK_OK);
	assert_int_equal(fake.flushes, 1);
	assert_int_equal(run(BLOCK_WRITE_ZEROES, 8, 1024), BLOCK_OK);
	assert_int_equal(fake.disk[4095], 0x11);
	assert_int_equal(fake.disk[4096], 0);
	assert_int_equal(fake.disk[4096 + 1024 * 512 - 1], 0);
	assert_int_equal(fake.disk[4096 + 1024 * 512], 0x11);
	assert_int_equal(run(BLOCK_DISCARD, 2, 3), BLOCK_OK);
	assert_int_equal(fake.disk[1023], 0x11);
	assert_int_equal(fake.disk[1024], 0xdd);
	assert_int_equal(fake.disk[2559], 0xdd);
	assert_int_equal(fake.disk[2560], 0x11);
}

static void test_errors(void **state)
{
	(void)state;
	assert_true(begin());
	fake.status = 0x281; /* unrecovered read error */
	assert_int_equal(run(BLOCK_READ, 0, 8), BLOCK_ERROR);
	fake.status = 1;
	assert_int_equal(run(BLOCK_WRITE_ZEROES, 0, 8), BLOCK_UNSUPPORTED);
	fake.status = 0;
	assert_int_equal(run(BLOCK_READ, 0, 8), BLOCK_OK);
}

/*
 * The controller takes one request less than the queue holds; then there is room as commands end,
 * round after round.
 */
static void test_depth(void **state)
{
	u32 count = 0;

	(void)state;
	assert_true(begin());
	for (u32 round = 0; round < 20; round++) {
		fake.silent = true;
		for (count = 0; nvme_submit(&nvme, ask(count, BLOCK_READ, count, 1)); count++)
			assert_true(count < 63);
		assert_int_equal(count, 63);
		fake.silent = false;
		finished = 0;
		process_pause();
		nvme_poll(&nvme);
		assert_int_equal(finished, 63);
		assert_int_equal(get32(NVME_DOORBELLS + 12), fake.cq_tail[1]);
	}
	assert_int_equal(nvme.bad, 0);
}

/* A completion of no request, of an ended request or of another queue ends no request. */
static void test_impossible(void **state)
{
	bool *const ways[] = {&fake.twice, &fake.unknown, &fake.other_queue};

	(void)state;
	for (u32 way = 0; way < ARRAY_COUNT(ways); way++) {
		fake_init();
		assert_true(begin());
		*ways[way] = true;
		for (u32 i = 0; i < 3; i++)
			assert_int_equal(run(BLOCK_READ, 0, 8), BLOCK_OK);
		nvme_poll(&nvme);
		assert_int_equal(nvme.bad, 3);
		assert_null(nvme_failure(&nvme));
		for (u32 i = 0; i < NVME_BAD_MAX; i++)
			assert_int_equal(run(BLOCK_READ, 0, 8), BLOCK_OK);
		assert_non_null(nvme_failure(&nvme));
		assert_int_equal(nvme.busy, 0);
	}
}

/* A completion of an earlier use of the slot is not that of the present one. */
static void test_stale(void **state)
{
	u16 old;

	(void)state;
	assert_true(begin());
	assert_int_equal(run(BLOCK_READ, 0, 8), BLOCK_OK);
	old = fake.last_id;
	fake.silent = true;
	assert_true(nvme_submit(&nvme, ask(0, BLOCK_READ, 0, 8)));
	post(1, old, 0, 1);
	nvme_poll(&nvme);
	assert_int_equal(finished, 1);
	assert_int_equal(nvme.bad, 1);
	fake.silent = false;
	process_pause();
	nvme_poll(&nvme);
	assert_int_equal(finished, 2);
}

/* Entries of the other phase are old ones; a full queue of new ones is one poll's work. */
static void test_phase(void **state)
{
	(void)state;
	assert_true(begin());
	fake.phase[1] = 0;
	for (u32 i = 0; i < 10; i++)
		post(1, 0, 0, 1);
	nvme_poll(&nvme);
	assert_int_equal(nvme.bad, 0);
	fake.cq_tail[1] = 0;
	fake.phase[1] = 1;
	for (u32 i = 0; i < 200; i++)
		post(1, (u16)i, 0, 1);
	nvme_poll(&nvme);
	assert_true(nvme.bad <= 64);
}

/* A controller that is faster than the driver does not keep it from its clients. */
static void test_bounded(void **state)
{
	(void)state;
	assert_true(begin());
	again = 1000;
	assert_true(nvme_submit(&nvme, ask(0, BLOCK_READ, 0, 8)));
	process_pause();
	nvme_poll(&nvme);
	assert_int_equal(finished, 64);
	while (again > 0)
		nvme_poll(&nvme);
	assert_int_equal(nvme.bad, 0);
}

/* Of the completions of admin commands, too, only the answer to the present command counts. */
static void test_admin_impossible(void **state)
{
	(void)state;
	fake.unknown = true;
	fake.fail_admin = NVME_ADMIN_CREATE_CQ;
	assert_false(begin());
	fake_init();
	fake.twice = true;
	fake.fail_admin = NVME_ADMIN_CREATE_SQ;
	assert_false(begin());
	assert_string_equal(problem, "the controller gives no queue for requests");
	fake_init();
	fake.unknown = true;
	assert_true(begin());
	assert_true(nvme.bad > 0);
}

/* Each gives a sentence, in bounded time. */
static void test_refused(void **state)
{
	static const struct {
		u8 *byte;
		u8 value;
		const char *says;
	} bytes[] = {
		{&fake.namespace[NVME_NS_LBAF + 2], 11, "blocks"},
		{&fake.namespace[NVME_NS_LBAF], 8, "metadata"},
		{&fake.namespace[NVME_NS_FORMAT], 1, "blocks"},
		{&fake.namespace[7], 0xff, "size"},
		{&fake.controller[NVME_CTRL_MDTS], 3, "64 KiB"},
		{&fake.registers[6], 1, "pages"}, /* the field MPSMIN */
		{&fake.registers[4], 0, "NVM"},
		{&fake.registers[4], 0x2a, "doorbells"}, /* 4 KiB apart */
		{&fake.registers[0], 0, ""},		 /* MQES is too low */
	};

	(void)state;
	for (u32 i = 0; i < ARRAY_COUNT(bytes); i++) {
		fake_init();
		if (i == ARRAY_COUNT(bytes) - 1)
			fake.registers[1] = 0;
		*bytes[i].byte = bytes[i].value;
		assert_false(begin());
		assert_non_null(strstr(problem, bytes[i].says));
		assert_int_not_equal(problem[0], 0);
	}
	fake_init();
	memset(fake.namespace, 0, 8);
	assert_false(begin());
	fake_init();
	memset(fake.registers, 0xff, PAGE_SIZE);
	assert_false(begin());
	assert_string_equal(problem, "the controller does not answer");
}

/* A client's request has as many pages of its RAM as the controller takes, and a list has. */
static void test_pages(void **state)
{
	static const u8 limits[][2] = {{0, 32}, {4, 16}, {5, 32}, {6, 32}, {255, 32}};

	(void)state;
	for (u32 i = 0; i < ARRAY_COUNT(limits); i++) {
		fake_init();
		fake.controller[NVME_CTRL_MDTS] = limits[i][0];
		assert_true(begin());
		assert_int_equal(disk.direct_pages, limits[i][1]);
	}
}

static void test_stuck(void **state)
{
	static const u8 admin[] = {NVME_ADMIN_IDENTIFY, NVME_ADMIN_CREATE_CQ, NVME_ADMIN_CREATE_SQ};
	bool *const ways[] = {&fake.never_ready, &fake.never_stops, &fake.fatal, &fake.deaf};

	(void)state;
	for (u32 i = 0; i < ARRAY_COUNT(ways); i++) {
		fake_init();
		*ways[i] = true;
		now_tsc = 0;
		assert_false(begin());
		assert_int_not_equal(problem[0], 0);
		assert_true(now_tsc < 12 * NS_PER_S);
	}
	for (u32 i = 0; i < ARRAY_COUNT(admin); i++) {
		fake_init();
		fake.fail_admin = admin[i];
		assert_false(begin());
	}
	fake_init();
	fake.fail_admin = NVME_ADMIN_SET_FEATURES;
	assert_true(begin());
}

/* A failed controller says why there is nothing more to hope for. */
static void test_failure(void **state)
{
	(void)state;
	assert_true(begin());
	assert_null(nvme_failure(&nvme));
	put32(NVME_CSTS, (u32)(NVME_CSTS_READY | NVME_CSTS_FATAL));
	assert_non_null(nvme_failure(&nvme));
	put32(NVME_CSTS, 0);
	assert_non_null(nvme_failure(&nvme));
	put32(NVME_CSTS, ~0u);
	assert_string_equal(nvme_failure(&nvme), "the controller does not answer any more");
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup(name, set_up)
	const struct CMUnitTest tests[] = {
		TEST(test_start),	 TEST(test_features),	CONFORMANCE_TESTS(NULL),
		TEST(test_large_blocks), TEST(test_others),	TEST(test_errors),
		TEST(test_depth),	 TEST(test_impossible), TEST(test_stale),
		TEST(test_phase),	 TEST(test_refused),	TEST(test_stuck),
		TEST(test_failure),	 TEST(test_bounded),	TEST(test_admin_impossible),
		TEST(test_pages),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
