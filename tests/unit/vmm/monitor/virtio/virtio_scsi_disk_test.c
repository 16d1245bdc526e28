/* SPDX-License-Identifier: MIT */
/* What a disk at a SCSI host answers to each command, and to commands that are none. */
#include "tests/unit/virtio_scsi_disk_fixture.h"

#define ILLEGAL(response, code) expect_sense(response, SCSI_KEY_ILLEGAL_REQUEST, code)

static u64 number_at(u32 at, u32 bytes)
{
	return scsi_get(ram + DATA_AT + at, bytes);
}

static void identifies_itself(void **state)
{
	(void)state;
	expect_good(DO(96, SCSI_INQUIRY, 0, 0, 0, 96), SCSI_INQUIRY_BYTES, 96);
	assert_int_equal(ram[DATA_AT], SCSI_TYPE_DISK);
	assert_int_equal(ram[DATA_AT + 1], 0);
	assert_memory_equal(ram + DATA_AT + 8, "SKERRY  DISK            ", 24);
	expect_good(DO(96, SCSI_INQUIRY, 0, 0, 0, 5), 5, 96);
	expect_good(DO(4, SCSI_INQUIRY, 0, 0, 0, 96), 4, 4);
	ILLEGAL(DO(96, SCSI_INQUIRY, 0, 1, 0, 96), SCSI_CODE_NO_FIELD);
	expect_good(DO(64, SCSI_REPORT_LUNS, 0, 0, 0, 0, 0, 0, 0, 0, 64), 16, 64);
	assert_int_equal(number_at(0, 4), 8);
	assert_int_equal(number_at(8, 8), 0);
	expect_good(DO(18, SCSI_REQUEST_SENSE, 0, 0, 0, 18), 18, 18);
	expect_good(DO(0, SCSI_TEST_UNIT_READY), 0, 0);
	expect_good(DO(0, SCSI_START_STOP_UNIT, 0, 0, 0, 1), 0, 0);
}

static void describes_itself_in_pages(void **state)
{
	(void)state;
	expect_good(DO(96, SCSI_INQUIRY, 1, 0, 0, 96), 10, 96);
	assert_int_equal(number_at(2, 2), 6);
	expect_good(DO(96, SCSI_INQUIRY, 1, SCSI_PAGE_SERIAL, 0, 96), 24, 96);
	assert_memory_equal(ram + DATA_AT + 4, blk.name, VIRTIO_BLK_NAME_BYTES);
	expect_good(DO(96, SCSI_INQUIRY, 1, SCSI_PAGE_IDENTITY, 0, 96), 36, 96);
	assert_int_equal(number_at(0, 4), 0x00830020);
	assert_int_equal(number_at(4, 4), 0x0201001c);
	assert_memory_equal(ram + DATA_AT + 8, "SKERRY  a-disk-called-data-2", 28);
	expect_good(DO(96, SCSI_INQUIRY, 1, SCSI_PAGE_LIMITS, 0, 96), 64, 96);
	assert_int_equal(number_at(20, 4), BLOCK_RANGE_SECTORS);
	assert_int_equal(number_at(24, 4), 1);
	assert_int_equal(number_at(36, 8), BLOCK_RANGE_SECTORS);
	expect_good(DO(96, SCSI_INQUIRY, 1, SCSI_PAGE_MEDIUM, 0, 96), 64, 96);
	assert_int_equal(number_at(4, 2), 1);
	expect_good(DO(96, SCSI_INQUIRY, 1, SCSI_PAGE_PROVISIONING, 0, 96), 8, 96);
	assert_int_equal(number_at(5, 2), 0xe002);
	/* a name that is shorter than its place, and one of a disk without unmapping */
	memset(blk.name + 4, 0, VIRTIO_BLK_NAME_BYTES - 4);
	expect_good(DO(96, SCSI_INQUIRY, 1, SCSI_PAGE_SERIAL, 0, 96), 8, 96);
	blk.about.features = 0;
	expect_good(DO(96, SCSI_INQUIRY, 1, SCSI_PAGE_PROVISIONING, 0, 96), 8, 96);
	assert_int_equal(number_at(4, 4), 0);
	expect_good(DO(96, SCSI_INQUIRY, 1, SCSI_PAGE_LIMITS, 0, 96), 64, 96);
	assert_int_equal(number_at(20, 8), 0);
	ILLEGAL(DO(96, SCSI_INQUIRY, 1, 0xb9, 0, 96), SCSI_CODE_NO_FIELD);
}

static void tells_its_size(void **state)
{
	(void)state;
	expect_good(DO(8, SCSI_READ_CAPACITY_10), 8, 8);
	assert_int_equal(number_at(0, 4), DISK_SECTORS - 1);
	assert_int_equal(number_at(4, 4), 512);
	expect_good(DO(32, SCSI_SERVICE_ACTION_IN_16, 0x10, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 32),
		    32, 32);
	assert_int_equal(number_at(0, 8), DISK_SECTORS - 1);
	assert_int_equal(number_at(8, 4), 512);
	assert_int_equal(ram[DATA_AT + 14], 0x80);
	expect_good(DO(32, SCSI_SERVICE_ACTION_IN_16, 0x10, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 12),
		    12, 32);
	ILLEGAL(DO(32, SCSI_SERVICE_ACTION_IN_16, 0x12, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 32),
		SCSI_CODE_NO_FIELD);
	/* more than 32 bits count as all of them */
	blk.state.capacity = 1ull << 33;
	expect_good(DO(8, SCSI_READ_CAPACITY_10), 8, 8);
	assert_int_equal(number_at(0, 4), 0xffffffff);
	/* without blocks there is nothing to be ready */
	blk.state.capacity = 0;
	expect_sense(DO(8, SCSI_READ_CAPACITY_10), SCSI_KEY_NOT_READY, SCSI_CODE_NOT_READY);
}

static void tells_its_cache(void **state)
{
	(void)state;
	expect_good(DO(64, SCSI_MODE_SENSE_6, 8, 8, 0, 64), 24, 64);
	assert_int_equal(number_at(0, 4), 0x17001000);
	assert_int_equal(number_at(4, 3), 0x081204);
	expect_good(DO(64, SCSI_MODE_SENSE_10, 0, 0x3f, 0, 0, 0, 0, 0, 64), 28, 64);
	assert_int_equal(number_at(0, 4), 0x001a0010);
	assert_int_equal(number_at(8, 3), 0x081204);
	expect_good(DO(64, SCSI_MODE_SENSE_6, 8, 0x48, 0, 64), 24, 64);
	assert_int_equal(number_at(4, 3), 0x081200); /* nothing can be changed */
	ILLEGAL(DO(64, SCSI_MODE_SENSE_6, 8, 0x1c, 0, 64), SCSI_CODE_NO_FIELD);
	blk.about.features = 0;
	expect_good(DO(64, SCSI_MODE_SENSE_6, 8, 8, 0, 64), 24, 64);
	assert_int_equal(number_at(4, 3), 0x081200);
	expect_good(DO(0, SCSI_SYNCHRONIZE_CACHE_10), 0, 0);
	disk_expect_nothing();
}

/* Each of the reading commands, from a block to what goes to the driver in pieces. */
static void reads(void **state)
{
	u32 response = DO(2 * 512, SCSI_READ_6, 0, 0, 5, 2);

	(void)state;
	settle();
	expect_good(response, 2 * 512, 2 * 512);
	assert_memory_equal(ram + DATA_AT, disk_bytes + 5 * 512, 2 * 512);
	response = DO(256 * 512, SCSI_READ_6, 0xe0, 1, 0, 0); /* 0 are 256 */
	settle();
	expect_done_well(response, 256 * 512);
	assert_memory_equal(ram + DATA_AT, disk_bytes + 256 * 512, 256 * 512);
	response = DO(4096 + 100, SCSI_READ_10, 0, 0, 0, 0, 9, 0, 0, 8);
	settle();
	expect_good(response, 4096, 4096 + 100);
	assert_memory_equal(ram + DATA_AT, disk_bytes + 9 * 512, 4096);
	response = DO(512, SCSI_READ_12, 8, 0, 0, 0, 1, 0, 0, 0, 1);
	settle();
	expect_good(response, 512, 512);
	response = DO(512, SCSI_READ_16, 0, 0, 0, 0, 0, 0, 0, 0x0f, 0xff, 0, 0, 0, 1);
	settle();
	expect_good(response, 512, 512);
	assert_memory_equal(ram + DATA_AT, disk_bytes + (DISK_SECTORS - 1) * 512, 512);
	expect_good(DO(0, SCSI_READ_10), 0, 0); /* no block at all */
}

static void writes(void **state)
{
	struct block_request request;
	u32 response;

	(void)state;
	memset(ram + DATA_AT, 0x5a, 100 * 512);
	response = DO_WITH(100 * 512, SCSI_WRITE_10, 0, 0, 0, 0, 3, 0, 0, 100);
	settle();
	expect_done_well(response, 0);
	assert_memory_equal(disk_bytes + 3 * 512, ram + DATA_AT, 100 * 512);
	assert_int_not_equal(disk_bytes[103 * 512 + 1], 0x5a);
	response = DO_WITH(512, SCSI_WRITE_6, 0, 0, 1, 1);
	settle();
	expect_done_well(response, 0);
	assert_int_equal(disk_bytes[512], 0x5a);
	/* through the cache: a flush follows the write, and only then comes the answer */
	response = DO_WITH(512, SCSI_WRITE_16, 8, 0, 0, 0, 0, 0, 0, 0, 200, 0, 0, 0, 1);
	request = disk_take();
	assert_int_equal(request.operation, BLOCK_WRITE);
	disk_do(&request);
	virtio_blk_poll_link(&blk);
	assert_int_equal(used_new(SCSI_QUEUE_REQUESTS), 0);
	request = disk_take();
	assert_int_equal(request.operation, BLOCK_FLUSH);
	assert_int_equal(request.sectors, 0);
	disk_do(&request);
	virtio_blk_poll_link(&blk);
	expect_done_well(response, 0);
	response = DO(0, SCSI_SYNCHRONIZE_CACHE_16);
	assert_int_equal(disk_take().operation, BLOCK_FLUSH);
	assert_int_equal(used_new(SCSI_QUEUE_REQUESTS), 0);
}

/* A disk that is to stop writes its cache out before, unless the guest says that it need not. */
static void stops(void **state)
{
	u32 response = DO(0, SCSI_START_STOP_UNIT, 0, 0, 0, 0);
	struct block_request request = disk_take();

	(void)state;
	assert_int_equal(request.operation, BLOCK_FLUSH);
	assert_int_equal(used_new(SCSI_QUEUE_REQUESTS), 0);
	disk_do(&request);
	virtio_blk_poll_link(&blk);
	expect_done_well(response, 0);
	expect_good(DO(0, SCSI_START_STOP_UNIT, 0, 0, 0, SCSI_STOP_NO_FLUSH), 0, 0);
	expect_good(DO(0, SCSI_START_STOP_UNIT, 0, 0, 0, MMC_START), 0, 0);
	blk.about.features = 0;
	expect_good(DO(0, SCSI_START_STOP_UNIT, 0, 0, 0, 0), 0, 0);
	disk_expect_nothing();
}

static void what_cannot_be_read_or_written(void **state)
{
	(void)state;
	ILLEGAL(DO(512, SCSI_READ_10, 0, 0, 0, 0x10, 0, 0, 0, 1), SCSI_CODE_OUT_OF_RANGE);
	ILLEGAL(DO(1024, SCSI_READ_10, 0, 0, 0, 0x0f, 0xff, 0, 0, 2), SCSI_CODE_OUT_OF_RANGE);
	ILLEGAL(DO(512, SCSI_READ_12, 0, 0, 0, 0, 1, 0xff, 0xff, 0xff, 0xff),
		SCSI_CODE_OUT_OF_RANGE);
	ILLEGAL(DO(512, SCSI_READ_16, 0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0, 0, 0,
		   1),
		SCSI_CODE_OUT_OF_RANGE);
	ILLEGAL(DO(512, SCSI_READ_16, 0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0, 0, 0,
		   0),
		SCSI_CODE_OUT_OF_RANGE);
	ILLEGAL(DO(512, SCSI_READ_10, 0x20, 0, 0, 0, 0, 0, 0, 1), SCSI_CODE_NO_FIELD);
	expect_code(DO(511, SCSI_READ_10, 0, 0, 0, 0, 0, 0, 0, 1), VIO_SCSI_S_OVERRUN);
	expect_code(DO(0, SCSI_READ_10, 0, 0, 0, 0, 0, 0, 0, 1), VIO_SCSI_S_OVERRUN);
	expect_code(DO_WITH(511, SCSI_WRITE_10, 0, 0, 0, 0, 0, 0, 0, 1), VIO_SCSI_S_OVERRUN);
	expect_code(DO(512, SCSI_WRITE_10, 0, 0, 0, 0, 0, 0, 0, 1), VIO_SCSI_S_OVERRUN);
	expect_good(DO(0, SCSI_VERIFY_10, 0, 0, 0, 0, 0, 0, 0, 1), 0, 0);
	ILLEGAL(DO(0, SCSI_VERIFY_10, 0, 0, 0, 0x10, 0, 0, 0, 1), SCSI_CODE_OUT_OF_RANGE);
	ILLEGAL(DO(0, SCSI_VERIFY_10, 2, 0, 0, 0, 0, 0, 0, 1), SCSI_CODE_NO_FIELD);
	disk_expect_nothing();
}

static void put_list(u32 length, u32 ranges, u64 first, u32 blocks)
{
	memset(ram + DATA_AT, 0, 64);
	scsi_put(ram + DATA_AT, 2, length);
	scsi_put(ram + DATA_AT + 2, 2, ranges);
	scsi_put(ram + DATA_AT + 8, 8, first);
	scsi_put(ram + DATA_AT + 16, 4, blocks);
}

#define UNMAP(data, length) DO_WITH(data, SCSI_UNMAP, 0, 0, 0, 0, 0, 0, 0, length)

static void unmaps(void **state)
{
	struct block_request request;
	u32 response;

	(void)state;
	put_list(22, 16, 64, 128);
	response = UNMAP(24, 24);
	request = disk_take();
	assert_int_equal(request.operation, BLOCK_DISCARD);
	assert_int_equal(request.sector, 64);
	assert_int_equal(request.sectors, 128);
	disk_do(&request);
	virtio_blk_poll_link(&blk);
	expect_done_well(response, 0);
	/* nothing to unmap is no error */
	expect_done_well(UNMAP(24, 0), 0);
	put_list(6, 0, 0, 1);
	expect_done_well(UNMAP(8, 8), 0);
	put_list(22, 16, 64, 0);
	expect_done_well(UNMAP(24, 24), 0);
	/* lists that end too early, that have two ranges, or ranges that are not on the disk */
	ILLEGAL(UNMAP(7, 7), SCSI_CODE_LIST_LENGTH);
	put_list(22, 16, 64, 1);
	ILLEGAL(UNMAP(24, 16), SCSI_CODE_LIST_LENGTH);
	ILLEGAL(UNMAP(16, 24), SCSI_CODE_LIST_LENGTH);
	put_list(0xffff, 0xffff, 64, 1);
	ILLEGAL(UNMAP(24, 24), SCSI_CODE_LIST_LENGTH);
	put_list(38, 32, 64, 1);
	ILLEGAL(UNMAP(40, 40), SCSI_CODE_LIST_FIELD);
	put_list(22, 16, 0, BLOCK_RANGE_SECTORS + 1);
	ILLEGAL(UNMAP(24, 24), SCSI_CODE_LIST_FIELD);
	put_list(22, 16, DISK_SECTORS, 1);
	ILLEGAL(UNMAP(24, 24), SCSI_CODE_OUT_OF_RANGE);
	put_list(22, 16, ~0ull, 2);
	ILLEGAL(UNMAP(24, 24), SCSI_CODE_OUT_OF_RANGE);
	ILLEGAL(DO_WITH(24, SCSI_UNMAP, 1, 0, 0, 0, 0, 0, 0, 24), SCSI_CODE_NO_FIELD);
	blk.about.features &= ~(u32)DISK_DISCARD;
	ILLEGAL(UNMAP(24, 24), SCSI_CODE_NO_COMMAND);
	disk_expect_nothing();
}

static void fills_with_zeros(void **state)
{
	struct block_request request;
	u32 response;

	(void)state;
	memset(ram + DATA_AT, 0, 512);
	response = DO_WITH(512, SCSI_WRITE_SAME_10, 8, 0, 0, 0, 7, 0, 0, 9);
	request = disk_take();
	assert_int_equal(request.operation, BLOCK_WRITE_ZEROES);
	assert_int_equal(request.sector, 7);
	assert_int_equal(request.sectors, 9);
	disk_do(&request);
	virtio_blk_poll_link(&blk);
	expect_done_well(response, 0);
	response = DO(0, SCSI_WRITE_SAME_16, 1, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 2);
	settle();
	expect_done_well(response, 0);
	ram[DATA_AT + 511] = 1;
	ILLEGAL(DO_WITH(512, SCSI_WRITE_SAME_10, 8, 0, 0, 0, 7, 0, 0, 9), SCSI_CODE_NO_FIELD);
	ILLEGAL(DO_WITH(511, SCSI_WRITE_SAME_10, 8, 0, 0, 0, 7, 0, 0, 9), SCSI_CODE_NO_FIELD);
	ILLEGAL(DO_WITH(512, SCSI_WRITE_SAME_10, 0, 0, 0, 0, 0, 0, 0, 0), SCSI_CODE_NO_FIELD);
	ILLEGAL(DO_WITH(512, SCSI_WRITE_SAME_10, 1, 0, 0, 0, 0, 0, 0, 1), SCSI_CODE_NO_FIELD);
	ILLEGAL(DO(0, SCSI_WRITE_SAME_16, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x20, 1),
		SCSI_CODE_NO_FIELD); /* more blocks than at a time */
	ILLEGAL(DO(0, SCSI_WRITE_SAME_16, 1, 0, 0, 0, 0, 0, 0, 0x0f, 0xff, 0, 0, 0, 2),
		SCSI_CODE_OUT_OF_RANGE);
	blk.about.features &= ~(u32)DISK_WRITE_ZEROES;
	ILLEGAL(DO(0, SCSI_WRITE_SAME_16, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1),
		SCSI_CODE_NO_COMMAND);
	disk_expect_nothing();
}

/* Reservations, and whatever else is not there, are refused as unknown commands. */
static void refuses_reservations(void **state)
{
	static const u8 codes[] = {0x16, 0x17, 0x56, 0x57, 0x5e, 0x5f, 0x15, 0x55, 0x3b, 0xff};

	(void)state;
	for (u32 i = 0; i < sizeof(codes); i++)
		ILLEGAL(DO(64, codes[i], 0, 0, 0, 0, 0, 0, 0, 64), SCSI_CODE_NO_COMMAND);
	disk_expect_nothing();
}

static void is_write_protected(void **state)
{
	static const u8 codes[] = {SCSI_WRITE_6, SCSI_WRITE_10, SCSI_WRITE_12, SCSI_WRITE_16};

	(void)state;
	expect_good(DO(64, SCSI_MODE_SENSE_6, 8, 8, 0, 64), 24, 64);
	assert_int_equal(ram[DATA_AT + 2], 0x90);
	for (u32 i = 0; i < sizeof(codes); i++)
		expect_sense(DO_WITH(512, codes[i], 0, 0, 0, 1), SCSI_KEY_DATA_PROTECT,
			     SCSI_CODE_PROTECTED);
	put_list(22, 16, 64, 1);
	expect_sense(UNMAP(24, 24), SCSI_KEY_DATA_PROTECT, SCSI_CODE_PROTECTED);
	expect_sense(DO(0, SCSI_WRITE_SAME_16, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1),
		     SCSI_KEY_DATA_PROTECT, SCSI_CODE_PROTECTED);
	disk_expect_nothing();
}

/* Blocks of 4 KiB, as the disk has them: numbers in commands count these. */
static void has_large_blocks(void **state)
{
	u32 response;

	(void)state;
	blk.about.block_bytes = 4096;
	expect_good(DO(8, SCSI_READ_CAPACITY_10), 8, 8);
	assert_int_equal(number_at(0, 4), DISK_SECTORS / 8 - 1);
	assert_int_equal(number_at(4, 4), 4096);
	response = DO(4096, SCSI_READ_10, 0, 0, 0, 0, 3, 0, 0, 1);
	settle();
	expect_good(response, 4096, 4096);
	assert_memory_equal(ram + DATA_AT, disk_bytes + 3 * 4096, 4096);
	expect_code(DO(4095, SCSI_READ_10, 0, 0, 0, 0, 3, 0, 0, 1), VIO_SCSI_S_OVERRUN);
	ILLEGAL(DO(4096, SCSI_READ_10, 0, 0, 0, 2, 0, 0, 0, 1), SCSI_CODE_OUT_OF_RANGE);
	/* a driver may say any number: no disk has blocks of these sizes */
	blk.about.block_bytes = 0;
	expect_good(DO(8, SCSI_READ_CAPACITY_10), 8, 8);
	assert_int_equal(number_at(4, 4), 512);
	blk.about.block_bytes = ~0u;
	expect_good(DO(8, SCSI_READ_CAPACITY_10), 8, 8);
	assert_int_equal(number_at(4, 4), 4096);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		DISK_TEST(identifies_itself),
		DISK_TEST(describes_itself_in_pages),
		DISK_TEST(tells_its_size),
		DISK_TEST(tells_its_cache),
		DISK_TEST(reads),
		DISK_TEST(writes),
		DISK_TEST(stops),
		DISK_TEST(what_cannot_be_read_or_written),
		DISK_TEST(unmaps),
		DISK_TEST(fills_with_zeros),
		DISK_TEST(refuses_reservations),
		READ_ONLY_TEST(is_write_protected),
		DISK_TEST(has_large_blocks),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
