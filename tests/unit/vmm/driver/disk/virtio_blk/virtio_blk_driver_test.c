/* SPDX-License-Identifier: MIT */
/* The driver of virtio disks against one that works, and against those that do not. */
#include "tests/unit/virtio_host_fake.h"
#include "vmm/driver/disk/virtio_blk/blk_request.c"
#include "vmm/driver/disk/virtio_blk/blk_start.c"

#include "tests/unit/disk_conformance.h"

#define DISK_SECTORS 2048u
#define DATA_PAGE    100u

static struct driver_disk disk;
static struct driver_request request[DRIVER_DEPTH + 1];
static char problem[128];
static u8 medium[DISK_SECTORS * 512];
static u32 finished, flushes, discards, zeroes;
static enum block_status last_status;
static u8 answer; /* the answer of the disk */

void request_finish(struct driver_request *done, enum block_status status)
{
	if (conformance_finish(done, status))
		return;
	assert_true(done->busy); /* a request ends once */
	done->busy = false;
	last_status = status;
	finished++;
}

static u32 do_range(const struct fake_request *what, u32 *count)
{
	struct vio_blk_range range;

	assert_int_equal(what->count, 3);
	assert_int_equal(what->part[1].bytes, sizeof(range));
	memcpy(&range, what->part[1].data, sizeof(range));
	assert_true(range.sector + range.sectors <= DISK_SECTORS);
	assert_int_equal(range.flags, 0);
	memset(medium + range.sector * 512, count == &zeroes ? 0 : 0xdd, range.sectors * 512);
	++*count;
	return 1;
}

static u32 do_data(const struct fake_request *what, const struct vio_blk_header *header)
{
	u64 at_byte = header->sector * 512;
	u32 done = 0;

	for (u32 i = 1; i + 1 < what->count; i++) {
		u32 bytes = what->part[i].bytes;

		assert_true(at_byte + bytes <= sizeof(medium));
		assert_int_equal(what->part[i].write, header->type == VIO_BLK_IN);
		if (header->type == VIO_BLK_IN)
			memcpy(what->part[i].data, medium + at_byte, bytes);
		else
			memcpy(medium + at_byte, what->part[i].data, bytes);
		at_byte += bytes;
		done += bytes;
	}
	return header->type == VIO_BLK_IN ? done + 1 : 1;
}

static u32 fake_do(u32 queue, struct fake_request *what)
{
	struct vio_blk_header header;

	assert_int_equal(queue, 0);
	assert_int_equal(what->part[0].bytes, sizeof(header));
	assert_int_equal(what->part[what->count - 1].bytes, 1);
	assert_true(what->part[what->count - 1].write);
	memcpy(&header, what->part[0].data, sizeof(header));
	if (answer != 0xff)
		what->part[what->count - 1].data[0] = answer;
	if (answer != 0)
		return 1;
	switch (header.type) {
	case VIO_BLK_FLUSH:
		assert_int_equal(what->count, 2);
		flushes++;
		return 1;
	case VIO_BLK_DISCARD:
		return do_range(what, &discards);
	case VIO_BLK_WRITE_ZEROES:
		return do_range(what, &zeroes);
	default:
		return do_data(what, &header);
	}
}

static void put_config(u32 offset, u64 value, u32 bytes)
{
	memcpy(fake.device + offset, &value, bytes);
}

#define FEATURES                                                                                   \
	(VIO_BLK_F_SIZE_MAX | VIO_BLK_F_SEG_MAX | VIO_BLK_F_BLK_SIZE | VIO_BLK_F_FLUSH |           \
	 VIO_BLK_F_DISCARD | VIO_BLK_F_WRITE_ZEROES | VIO_F_EVENT_IDX)

static int set_up(void **state)
{
	(void)state;
	memset(&vblk, 0, sizeof(vblk));
	memset(request, 0, sizeof(request));
	fake_init(&vblk.host, FEATURES);
	put_config(VIO_BLK_CAPACITY, DISK_SECTORS, 8);
	put_config(VIO_BLK_SIZE_MAX, 4096, 4);
	put_config(VIO_BLK_SEG_MAX, 254, 4);
	put_config(VIO_BLK_BLOCK, 512, 4);
	put_config(VIO_BLK_DISCARD_SECTORS, 8192, 4);
	put_config(VIO_BLK_ZEROES_SECTORS, 8191, 4);
	for (u32 i = 0; i < sizeof(medium); i++)
		medium[i] = (u8)(i * 3 + i / 512);
	finished = flushes = discards = zeroes = answer = 0;
	return 0;
}

static void conformance_make(void)
{
	(void)set_up(NULL);
	fake_give();
	conformance.data = fake.ram + DATA_PAGE * PAGE_SIZE;
	conformance.address = addresses + DATA_PAGE;
	conformance.disk = medium;
	conformance.bytes = sizeof(medium);
}

static void conformance_work(void)
{
	fake_step();
	now_tsc += NS_PER_MS;
}

static bool begin(void)
{
	disk = (struct driver_disk){.block_bytes = 512};
	return vblk_start(&vblk, &disk, problem, sizeof(problem));
}

static struct driver_request *ask(u32 number, enum block_operation operation, u64 sector,
				  u32 sectors)
{
	request[number] = (struct driver_request){.operation = operation,
						  .sector = sector,
						  .sectors = sectors,
						  .busy = true,
						  .address = addresses + DATA_PAGE};
	return &request[number];
}

static enum block_status run(enum block_operation operation, u64 sector, u32 sectors)
{
	u32 before = finished;

	assert_true(vblk_submit(&vblk, ask(0, operation, sector, sectors)));
	fake_step();
	vblk_poll(&vblk);
	assert_int_equal(finished, before + 1);
	assert_int_equal(vblk.busy, 0);
	return last_status;
}

static void test_start(void **state)
{
	(void)state;
	assert_true(begin());
	assert_int_equal(disk.sectors, DISK_SECTORS);
	assert_int_equal(disk.block_bytes, 512);
	/* 8191 sectors at once are too few for zeroes */
	assert_int_equal(disk.features, DISK_FLUSH | DISK_DISCARD);
	assert_int_equal(fake.status, 0xf);
	fake.features |= VIO_BLK_F_RO;
	put_config(VIO_BLK_BLOCK, 4096, 4);
	put_config(VIO_BLK_CAPACITY, DISK_SECTORS + 5, 8);
	put_config(VIO_BLK_ZEROES_SECTORS, 8192, 4);
	assert_true(begin());
	assert_int_equal(disk.features,
			 DISK_FLUSH | DISK_DISCARD | DISK_WRITE_ZEROES | DISK_READ_ONLY);
	assert_int_equal(disk.sectors, DISK_SECTORS);
	assert_int_equal(disk.block_bytes, 4096);
}

static void expect_problem(u32 offset, u64 value, u32 bytes, const char *text)
{
	put_config(offset, value, bytes);
	assert_false(begin());
	assert_string_equal(problem, text);
	(void)set_up(NULL);
}

static void test_refused(void **state)
{
	(void)state;
	expect_problem(VIO_BLK_CAPACITY, 0, 8, "its size cannot be true");
	expect_problem(VIO_BLK_CAPACITY, ~0ull, 8, "its size cannot be true");
	expect_problem(VIO_BLK_BLOCK, 1024, 4, "its blocks have neither 512 nor 4096 bytes");
	expect_problem(VIO_BLK_BLOCK, 0, 4, "its blocks have neither 512 nor 4096 bytes");
	expect_problem(VIO_BLK_SEG_MAX, 15, 4, "the disk moves less than 64 KiB at once");
	expect_problem(VIO_BLK_SIZE_MAX, 4095, 4, "the disk moves less than 64 KiB at once");
	fake.queue[0].size = 16;
	expect_problem(0, DISK_SECTORS, 8, "its queue is too short");
	fake.restless = true;
	expect_problem(0, DISK_SECTORS, 8, "the disk does not say how large it is");
	vblk.host.memory.pages = VBLK_PAGES - 1;
	expect_problem(0, DISK_SECTORS, 8, "no memory that the disk could use");
}

static void test_others(void **state)
{
	(void)state;
	assert_true(begin());
	assert_int_equal(run(BLOCK_FLUSH, 0, 0), BLOCK_OK);
	assert_int_equal(flushes, 1);
	assert_int_equal(run(BLOCK_DISCARD, 8, 4), BLOCK_OK);
	assert_int_equal(discards, 1);
	assert_int_equal(medium[8 * 512], 0xdd);
	assert_int_equal(medium[12 * 512], (u8)(12 * 512 * 3 + 12));
	assert_int_equal(run(BLOCK_WRITE_ZEROES, 20, 2), BLOCK_OK);
	assert_int_equal(zeroes, 1);
	assert_int_equal(medium[20 * 512 + 9], 0);
}

static void test_errors(void **state)
{
	static const struct {
		u8 answer;
		enum block_status status;
	} cases[] = {
		{1, BLOCK_ERROR}, {2, BLOCK_UNSUPPORTED}, {3, BLOCK_ERROR}, {0xff, BLOCK_ERROR}};

	(void)state;
	assert_true(begin());
	for (u32 i = 0; i < ARRAY_COUNT(cases); i++) {
		answer = cases[i].answer; /* the disk's answer; in the last case it writes none */
		assert_int_equal(run(BLOCK_READ, 0, 1), cases[i].status);
	}
	answer = 0;
	assert_int_equal(run(BLOCK_READ, 0, 1), BLOCK_OK);
}

/* There are as many requests as there is room for, which is less for long ones; then again. */
static void test_depth(void **state)
{
	u32 count;

	(void)state;
	assert_true(begin());
	fake.silent = true;
	for (u32 sectors = 1; sectors <= 128; sectors += 127) {
		for (count = 0; count <= DRIVER_DEPTH; count++) {
			if (!vblk_submit(&vblk, ask(count, BLOCK_READ, count, sectors)))
				break;
		}
		request[count].busy = false;
		assert_int_equal(count, sectors == 1 ? DRIVER_DEPTH : 14);
		vblk_poll(&vblk);
		assert_int_equal(finished, 0);
		fake.silent = false;
		fake_step();
		vblk_poll(&vblk);
		assert_int_equal(finished, count);
		assert_int_equal(vblk.busy, 0);
		fake.silent = true;
		finished = 0;
	}
}

static bool interrupts_are_wanted(void)
{
	bool wanted = *virtio_ring_used_event(&vblk.ring) == vblk.ring.taken;

	assert_int_equal(vblk.ring.available->flags, wanted ? 0 : VIO_QUIET);
	return wanted;
}

/* The device interrupts only while the driver waits, which it does not do beside an answer. */
static void test_interrupts(void **state)
{
	(void)state;
	assert_true(begin());
	for (u32 i = 0; i < 3; i++) {
		assert_true(vblk_may_wait(&vblk));
		assert_true(interrupts_are_wanted());
		assert_true(vblk_submit(&vblk, ask(0, BLOCK_READ, 0, 1)));
		assert_false(interrupts_are_wanted());
		vblk_poll(&vblk);
		assert_int_equal(finished, i);
		fake_step();
		assert_false(vblk_may_wait(&vblk));
		vblk_poll(&vblk);
		assert_int_equal(finished, i + 1);
	}
}

/* Answers twice, or to nobody: each request ends once. */
static void test_impossible(void **state)
{
	(void)state;
	assert_true(begin());
	assert_true(vblk_submit(&vblk, ask(0, BLOCK_READ, 0, 1)));
	fake_step();
	for (u32 i = 0; i < VIRTIO_HOST_BAD_MAX; i++)
		put_used(0, i, 1);
	vblk_poll(&vblk);
	assert_int_equal(finished, 1);
	assert_string_equal(vblk_failure(&vblk), "the disk ends requests that it was not given");
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup(name, set_up)
	const struct CMUnitTest tests[] = {
		TEST(test_start),      TEST(test_refused),    CONFORMANCE_TESTS(NULL),
		TEST(test_others),     TEST(test_errors),     TEST(test_depth),
		TEST(test_impossible), TEST(test_interrupts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
