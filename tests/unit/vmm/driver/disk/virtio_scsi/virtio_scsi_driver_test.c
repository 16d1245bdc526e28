/* SPDX-License-Identifier: MIT */
/* The driver of virtio SCSI controllers against one that works, and against those that do not. */
#include "tests/unit/virtio_host_fake.h"
#include "tests/unit/vmm/driver/disk/virtio_scsi/scsi_fake.h"
#include "vmm/driver/disk/scsi.c"
#include "vmm/driver/disk/scsi_command.c"
#include "vmm/driver/disk/virtio_scsi/scsi_start.c"
#include "vmm/driver/disk/virtio_scsi/scsi_task.c"

#include "tests/unit/disk_conformance.h"

#define DATA_PAGE 100u
#define TARGETS	  0x80000104u /* the targets 2, 8 and 31, of which the last is not there */

static struct driver_disk disk;
static struct driver_request request[2 * DRIVER_DEPTH];
static char problem[128];
static u32 finished;
static enum block_status last_status;

void request_finish(struct driver_request *done, enum block_status status)
{
	if (conformance_finish(done, status))
		return;
	assert_true(done->busy); /* a request ends once */
	done->busy = false;
	last_status = status;
	finished++;
}

static void put_config(u32 offset, u64 value, u32 bytes)
{
	memcpy(fake.device + offset, &value, bytes);
}

static int set_up(void **state)
{
	(void)state;
	memset(&vscsi, 0, sizeof(vscsi));
	memset(request, 0, sizeof(request));
	fake_init(&vscsi.host, VIO_F_EVENT_IDX);
	put_config(VIO_SCSI_SEG_MAX, 126, 4);
	put_config(VIO_SCSI_MAX_SECTORS, 0xffff, 4);
	put_config(VIO_SCSI_PER_UNIT, 128, 4);
	memset(&how, 0, sizeof(how));
	how.cache = SCSI_CACHE_WRITES;
	how.block_bytes = 512;
	how.last_block = DISK_SECTORS - 1;
	how.unmap_max = 8192;
	how.unmap_ranges = 1;
	how.unmap_bit = SCSI_PROVISIONING_UNMAP;
	how.same_max = 8191; /* too few sectors */
	how.sense_format = 0x70;
	for (u32 i = 0; i < sizeof(medium[0]); i++)
		medium[0][i] = medium[1][i] = (u8)(i * 3 + i / 512);
	finished = flushes = unmaps = zeroes = commands = 0;
	return 0;
}

static void conformance_make(void)
{
	(void)set_up(NULL);
	fake_give();
	process_given.info.parameter[DRIVER_UNITS] = TARGETS;
	conformance.data = fake.ram + DATA_PAGE * PAGE_SIZE;
	conformance.address = addresses + DATA_PAGE;
	conformance.disk = medium[0];
	conformance.bytes = sizeof(medium[0]);
}

static void conformance_work(void)
{
	fake_step();
	now_tsc += NS_PER_MS;
}

static bool begin_disk(u32 unit)
{
	disk = (struct driver_disk){.block_bytes = 512, .unit = unit};
	return (unit != 0 || vscsi_start(&vscsi, TARGETS, problem, sizeof(problem))) &&
	       vscsi_start_disk(&vscsi, &disk, problem, sizeof(problem));
}

static struct driver_request *ask(u32 index, u32 unit, enum block_operation operation, u64 sector,
				  u32 sectors)
{
	request[index] = (struct driver_request){.operation = operation,
						 .unit = unit,
						 .sector = sector,
						 .sectors = sectors,
						 .busy = true,
						 .address = addresses + DATA_PAGE};
	return &request[index];
}

static enum block_status run(enum block_operation operation, u64 sector, u32 sectors)
{
	u32 before = finished;

	assert_true(vscsi_submit(&vscsi, ask(0, 0, operation, sector, sectors)));
	for (u32 i = 0; i < 4000 && finished == before; i++) {
		fake_step();
		vscsi_poll(&vscsi);
		now_tsc += NS_PER_MS;
	}
	assert_int_equal(finished, before + 1);
	assert_int_equal(vscsi.busy, 0);
	assert_int_equal(vscsi.waiting, 0);
	return last_status;
}

static void test_start(void **state)
{
	(void)state;
	assert_true(begin_disk(0));
	assert_int_equal(disk.sectors, DISK_SECTORS);
	assert_int_equal(disk.block_bytes, 512);
	assert_int_equal(disk.features, DISK_FLUSH | DISK_DISCARD);
	assert_string_equal(disk.model, "VENDOR a model?");
	assert_string_equal(disk.serial, "s?x");
	assert_int_equal(disk.depth, DRIVER_DEPTH / 3);
	assert_int_equal(fake.status, 0xf);
	how.mode_device = SCSI_MODE_PROTECTED;
	how.same_max = 0;
	how.unmap_max = 8191;
	assert_true(begin_disk(1));
	assert_int_equal(disk.features, DISK_FLUSH | DISK_WRITE_ZEROES | DISK_READ_ONLY);
	assert_false(begin_disk(2));
	assert_string_equal(problem, "the controller has no such disk");
	put_config(VIO_SCSI_PER_UNIT, 5, 4);
	how.no_page = SCSI_PAGE_LIMITS;
	how.block_bytes = 4096;
	how.last_block = 255;
	assert_true(begin_disk(1));
	assert_int_equal(disk.depth, 5);
	assert_int_equal(disk.sectors, DISK_SECTORS);
	assert_int_equal(disk.features, DISK_FLUSH | DISK_WRITE_ZEROES | DISK_READ_ONLY);
}

static void expect_problem(const char *text)
{
	assert_false(begin_disk(0));
	assert_string_equal(problem, text);
	(void)set_up(NULL);
}

static void test_refused(void **state)
{
	(void)state;
	how.type = 5;
	expect_problem("it is no disk, but another kind of device");
	how.type = 0x7f;
	expect_problem("there is no disk");
	how.block_bytes = 520;
	expect_problem("its blocks have neither 512 nor 4096 bytes");
	how.last_block = ~0ull;
	expect_problem("its size cannot be true");
	how.transfer_max = 127;
	expect_problem("the disk moves less than 64 KiB at once");
	how.no_flush = 1;
	expect_problem("its write cache cannot be emptied");
	how.bad = 1000;
	how.status = SCSI_BUSY;
	expect_problem("the disk does not say what it is");
	put_config(VIO_SCSI_SEG_MAX, 15, 4);
	expect_problem("the controller moves less than 64 KiB at once");
	put_config(VIO_SCSI_MAX_SECTORS, 127, 4);
	expect_problem("the controller moves less than 64 KiB at once");
	fake.queue[QUEUE].size = 32;
	expect_problem("its queue is too short for its disks");
	vscsi.host.memory.pages = VSCSI_PAGES - 1;
	expect_problem("no memory that the controller could use");
	fake.silent = true;
	expect_problem("the disk does not say what it is");
}

/* A cache that is off need not be emptied. */
static void test_no_cache(void **state)
{
	(void)state;
	how.no_flush = 1;
	how.cache = 0;
	assert_true(begin_disk(0));
	assert_int_equal(disk.features & DISK_FLUSH, 0);
	commands = 0;
	assert_int_equal(run(BLOCK_FLUSH, 0, 0), BLOCK_OK);
	assert_int_equal(commands, 0);
}

/* Both disks of the controller have a sector of that number. */
static void test_other_disk(void **state)
{
	(void)state;
	assert_true(begin_disk(0) && begin_disk(1));
	memset(at(addresses[DATA_PAGE], 4096), 0xaa, 4096);
	assert_int_equal(run(BLOCK_WRITE, 100, 8), BLOCK_OK);
	assert_int_equal(medium[0][100 * 512], 0xaa);
	assert_int_equal(medium[1][100 * 512], (u8)(100 * 512 * 3 + 100));
}

static void test_others(void **state)
{
	(void)state;
	how.block_bytes = 4096;
	how.last_block = 255;
	assert_true(begin_disk(0));
	assert_int_equal(flushes, 1); /* one flush tells whether the disk can flush */
	assert_int_equal(run(BLOCK_FLUSH, 0, 0), BLOCK_OK);
	assert_int_equal(flushes, 2);
	assert_int_equal(run(BLOCK_DISCARD, 8, 16), BLOCK_OK);
	assert_int_equal(unmaps, 1);
	assert_int_equal(medium[0][8 * 512], 0xdd);
	assert_int_equal(medium[0][24 * 512 - 1], 0xdd);
	assert_int_equal(medium[0][24 * 512], (u8)(24 * 512 * 3 + 24));
	assert_int_equal(run(BLOCK_WRITE_ZEROES, 40, 8), BLOCK_OK);
	assert_int_equal(zeroes, 1);
	assert_int_equal(medium[0][40 * 512 + 9], 0);
	assert_int_equal(medium[0][48 * 512], (u8)(48 * 512 * 3 + 48));
}

static enum block_status answered(u8 response, u8 status, u8 key, u8 code, u32 times)
{
	how.response = response;
	how.status = status;
	how.key = key;
	how.code = code;
	how.bad = times;
	commands = 0;
	return run(BLOCK_READ, 0, 1);
}

static void test_errors(void **state)
{
	static const struct {
		u8 response, status, key, code;
		enum block_status result;
		u32 commands;
	} cases[] = {
		{9, 0, 0, 0, BLOCK_ERROR, 1},
		{0xff, 0, 0, 0, BLOCK_ERROR, 1}, /* the disk wrote no answer */
		{0, 0x18, 0, 0, BLOCK_ERROR, 1}, /* the status RESERVATION CONFLICT */
		{0, 2, 1, 0, BLOCK_OK, 1},
		{0, 2, 3, 0x11, BLOCK_ERROR, 1},
		{0, 2, 5, 0x20, BLOCK_UNSUPPORTED, 1},
		{0, 2, 5, 0x21, BLOCK_ERROR, 1},
		{0, 2, 7, 0, BLOCK_ERROR, 1},
		{0, 2, 6, 0x29, BLOCK_OK, 2}, /* the disk refuses once, then does it */
		{0, 2, 2, 4, BLOCK_OK, 2},
		{0, 8, 0, 0, BLOCK_OK, 2},
		{0, 0x28, 0, 0, BLOCK_OK, 2},
		{4, 0, 0, 0, BLOCK_OK, 2},
		{5, 0, 0, 0, BLOCK_OK, 2},
	};

	(void)state;
	assert_true(begin_disk(0));
	for (u32 format_of = 0x70; format_of <= 0x72; format_of += 2) {
		how.sense_format = (u8)format_of;
		for (u32 i = 0; i < ARRAY_COUNT(cases); i++) {
			assert_int_equal(answered(cases[i].response, cases[i].status, cases[i].key,
						  cases[i].code, 1),
					 cases[i].result);
			assert_int_equal(commands, cases[i].commands);
		}
	}
	how.sense_format = 0x71; /* a sense format that speaks of an earlier command */
	assert_int_equal(answered(0, 2, 6, 0, 1), BLOCK_ERROR);
	assert_int_equal(answered(5, 0, 0, 0, VSCSI_ATTEMPTS - 1), BLOCK_OK);
	assert_int_equal(answered(5, 0, 0, 0, VSCSI_ATTEMPTS), BLOCK_ERROR);
	assert_int_equal(commands, VSCSI_ATTEMPTS);
	how.residual = 1;
	assert_int_equal(answered(0, 0, 0, 0, 1), BLOCK_ERROR);
}

/* A request that is to be sent again waits for a while, and lets others go before. */
static void test_busy(void **state)
{
	(void)state;
	assert_true(begin_disk(0));
	how.status = SCSI_BUSY;
	how.bad = 1;
	assert_true(vscsi_submit(&vscsi, ask(0, 0, BLOCK_READ, 0, 1)));
	fake_step();
	vscsi_poll(&vscsi);
	assert_int_equal(vscsi.waiting, 1);
	assert_true(vscsi_submit(&vscsi, ask(1, 0, BLOCK_READ, 0, 1)));
	fake_step();
	vscsi_poll(&vscsi);
	assert_int_equal(finished, 1);
	assert_true(request[0].busy && !request[1].busy);
	now_tsc += VSCSI_AGAIN_NS;
	vscsi_poll(&vscsi);
	fake_step();
	vscsi_poll(&vscsi);
	assert_int_equal(finished, 2);
}

/* A disk has as many requests as its share has room for, however many the other disks have. */
static void test_depth(void **state)
{
	(void)state;
	assert_true(begin_disk(0) && begin_disk(1));
	fake.silent = true;
	for (u32 sectors = 1; sectors <= 128; sectors += 127) {
		u32 count[2] = {0};
		u32 expected = sectors == 1 ? vscsi.ring.size / 9 : vscsi.ring.size / 3 / 18;

		for (u32 i = 0; i < 2 * DRIVER_DEPTH; i++) {
			u32 unit = i / DRIVER_DEPTH;
			bool taken = vscsi_submit(&vscsi, ask(i, unit, BLOCK_READ, 1, sectors));

			request[i].busy = taken;
			count[unit] += taken;
		}
		assert_int_equal(count[0], expected);
		assert_int_equal(count[1], expected);
		vscsi_poll(&vscsi);
		assert_int_equal(finished, 0);
		fake.silent = false;
		fake_step();
		vscsi_poll(&vscsi);
		assert_int_equal(finished, 2 * expected);
		assert_int_equal(vscsi.busy, 0);
		fake.silent = true;
		finished = 0;
	}
}

/* Answers twice, or to nobody: each request ends once. */
static void test_impossible(void **state)
{
	(void)state;
	assert_true(begin_disk(0));
	assert_true(vscsi_submit(&vscsi, ask(0, 0, BLOCK_READ, 0, 1)));
	fake_step();
	for (u32 i = 0; i < VIRTIO_HOST_BAD_MAX; i++)
		put_used(QUEUE, i, 1);
	vscsi_poll(&vscsi);
	assert_int_equal(finished, 1);
	assert_string_equal(vscsi_failure(&vscsi),
			    "the controller ends commands that it was not given");
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup(name, set_up)
	const struct CMUnitTest tests[] = {
		TEST(test_start),	 TEST(test_refused),	TEST(test_no_cache),
		CONFORMANCE_TESTS(NULL), TEST(test_other_disk), TEST(test_others),
		TEST(test_errors),	 TEST(test_busy),	TEST(test_depth),
		TEST(test_impossible),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
