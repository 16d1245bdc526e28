/* SPDX-License-Identifier: MIT */
/* virtio-blk: a guest's reads and writes, and what it gets for requests that are none. */
#include "tests/unit/virtio_blk_fixture.h"

static void reads(void **state)
{
	u32 header = send(BLK_T_IN, 5, 1024);

	(void)state;
	expect_not_done(header);
	settle();
	expect_done(header, BLK_S_OK, 1024 + 1);
	assert_memory_equal(ram + DATA_AT, disk_bytes + 5 * 512, 1024);
	assert_int_equal(ram[DATA_AT + 1024], 0);
}

static void writes(void **state)
{
	u32 header;

	(void)state;
	memset(ram + DATA_AT, 0x5a, 1024);
	header = send(BLK_T_OUT, DISK_SECTORS - 2, 1024);
	settle();
	expect_done(header, BLK_S_OK, 1);
	assert_int_equal(disk_bytes[(DISK_SECTORS - 2) * 512 - 1] == 0x5a, 0);
	assert_memory_equal(ram + DATA_AT, disk_bytes + (DISK_SECTORS - 2) * 512, 1024);
}

/*
 * A request is larger than a request to the driver may be: its pieces go one after the other, with
 * one answer to the guest.
 */
static void large_requests(void **state)
{
	struct block_request request;
	u32 header = send(BLK_T_IN, 100, 300 * 512);

	(void)state;
	for (u32 i = 0; i < 3; i++) {
		request = disk_take();
		assert_int_equal(request.sector, 100 + i * 128);
		assert_int_equal(request.sectors, i < 2 ? 128 : 300 - 256);
		disk_expect_nothing();
		expect_not_done(header);
		disk_do(&request);
		virtio_blk_poll_link(&blk);
	}
	expect_done(header, BLK_S_OK, 300 * 512 + 1);
	assert_memory_equal(ram + DATA_AT, disk_bytes + 100 * 512, 300 * 512);
	for (u32 i = 0; i < 300 * 512; i++)
		ram[DATA_AT + i] = (u8)(i >> 9 ^ i);
	header = send(BLK_T_OUT, 7, 300 * 512);
	settle();
	expect_done(header, BLK_S_OK, 1);
	assert_memory_equal(ram + DATA_AT, disk_bytes + 7 * 512, 300 * 512);
}

/* The second of three pieces fails: the guest is told of what came before it. */
static void a_piece_fails(void **state)
{
	u32 header = send(BLK_T_IN, 0, 300 * 512);
	struct block_request request = disk_take();

	(void)state;
	disk_do(&request);
	virtio_blk_poll_link(&blk);
	disk_answer(disk_take().id, BLOCK_ERROR);
	virtio_blk_poll_link(&blk);
	expect_done(header, BLK_S_IOERR, 128 * 512 + 1);
	disk_expect_nothing();
}

static void statuses(void **state)
{
	static const struct {
		u32 from;
		u8 to;
	} cases[] = {
		{BLOCK_OK, BLK_S_OK},
		{BLOCK_ERROR, BLK_S_IOERR},
		{BLOCK_UNSUPPORTED, BLK_S_UNSUPP},
		{BLOCK_REFUSED, BLK_S_IOERR},
		{77, BLK_S_IOERR},
	};

	(void)state;
	for (u32 i = 0; i < ARRAY_COUNT(cases); i++) {
		u32 header = send(BLK_T_FLUSH, ~0ull, 0);

		disk_answer(disk_take().id, cases[i].from);
		virtio_blk_poll_link(&blk);
		expect_done(header, cases[i].to, 1);
	}
}

static void send_range(u32 type, u64 sector, u32 sectors, u32 flags)
{
	poke(DATA_AT, sector, 8);
	poke(DATA_AT + 8, sectors, 4);
	poke(DATA_AT + 12, flags, 4);
	(void)send(type, 0, 16);
}

/* Returns the last answer, which came at once or by way of the driver. */
static u8 outcome(void)
{
	settle();
	assert_int_equal(used_new(0), 1);
	(void)hear(0);
	return status_of(HEADER_AT + (next_header - 1) % 2048 * 64);
}

static void ranges(void **state)
{
	static const struct {
		u32 type;
		u64 sector;
		u32 sectors;
		u32 flags;
		u8 status;
	} cases[] = {
		{BLK_T_DISCARD, 8, 16, 0, BLK_S_OK},
		{BLK_T_WRITE_ZEROES, 8, 16, 0, BLK_S_OK},
		{BLK_T_WRITE_ZEROES, 8, 16, 1, BLK_S_OK}, /* the device may unmap, but need not */
		{BLK_T_DISCARD, DISK_SECTORS - 1, 1, 0, BLK_S_OK},
		{BLK_T_DISCARD, DISK_SECTORS, 1, 0, BLK_S_IOERR},
		{BLK_T_DISCARD, DISK_SECTORS - 1, 2, 0, BLK_S_IOERR},
		{BLK_T_DISCARD, ~0ull, 2, 0, BLK_S_IOERR},
		{BLK_T_DISCARD, 0, 0, 0, BLK_S_IOERR},
		{BLK_T_DISCARD, 0, ~0u, 0, BLK_S_IOERR},
		/* 5.2.6.2: what must not be set, or is not known, is not supported */
		{BLK_T_DISCARD, 8, 16, 1, BLK_S_UNSUPP},
		{BLK_T_DISCARD, 8, 16, 2, BLK_S_UNSUPP},
		{BLK_T_WRITE_ZEROES, 8, 16, 2, BLK_S_UNSUPP},
		{BLK_T_WRITE_ZEROES, 8, 16, 0x80000001, BLK_S_UNSUPP},
	};

	(void)state;
	for (u32 i = 0; i < ARRAY_COUNT(cases); i++) {
		send_range(cases[i].type, cases[i].sector, cases[i].sectors, cases[i].flags);
		if (outcome() != cases[i].status)
			fail_msg("case %u", i);
	}
	assert_int_equal(disk_bytes[8 * 512], 0);
	assert_int_equal(disk_bytes[24 * 512], (u8)(24 * 7));
	(void)send(BLK_T_DISCARD, 0, 32); /* a request with two ranges */
	assert_int_equal(outcome(), BLK_S_IOERR);
	(void)send(BLK_T_DISCARD, 0, 15);
	assert_int_equal(outcome(), BLK_S_IOERR);
	(void)send(BLK_T_WRITE_ZEROES, 0, 0);
	assert_int_equal(outcome(), BLK_S_IOERR);
}

/* 8192 sectors at most, as the configuration says: on a disk that has more. */
static void long_ranges(void **state)
{
	(void)state;
	disk_about()->sectors = 100000;
	virtio_blk_poll_link(&blk);
	send_range(BLK_T_WRITE_ZEROES, 0, BLOCK_RANGE_SECTORS + 1, 0);
	assert_int_equal(outcome(), BLK_S_IOERR);
	send_range(BLK_T_WRITE_ZEROES, 9, BLOCK_RANGE_SECTORS, 0);
	assert_int_equal(disk_take().sectors, BLOCK_RANGE_SECTORS);
}

static void places_and_lengths(void **state)
{
	static const struct {
		u64 sector;
		u32 bytes;
		u8 status;
	} cases[] = {
		{DISK_SECTORS - 1, 512, BLK_S_OK},
		{DISK_SECTORS, 512, BLK_S_IOERR},
		{DISK_SECTORS - 1, 1024, BLK_S_IOERR},
		{~0ull, 512, BLK_S_IOERR},
		{~0ull, 1024, BLK_S_IOERR},
		{0, 511, BLK_S_IOERR},
		{0, 513, BLK_S_IOERR},
		{0, 0, BLK_S_IOERR},
	};

	(void)state;
	for (u32 i = 0; i < 2 * ARRAY_COUNT(cases); i++) {
		(void)send(i % 2 == 0 ? BLK_T_IN : BLK_T_OUT, cases[i / 2].sector,
			   cases[i / 2].bytes);
		if (outcome() != cases[i / 2].status)
			fail_msg("case %u, %s", i / 2, i % 2 == 0 ? "read" : "write");
	}
}

static void unknown_types(void **state)
{
	static const u32 types[] = {2, 3, 5, 6, 7, 9, 10, 12, 14, 16, 0x80000000, ~0u};

	(void)state;
	for (u32 i = 0; i < ARRAY_COUNT(types); i++) {
		(void)send(types[i], 0, 512);
		assert_int_equal(outcome(), BLK_S_UNSUPP);
	}
	assert_false(needs_reset());
}

static void name_as_serial_number(void **state)
{
	u32 header = send(BLK_T_GET_ID, 0, VIRTIO_BLK_NAME_BYTES);

	(void)state;
	expect_done(header, BLK_S_OK, VIRTIO_BLK_NAME_BYTES + 1);
	assert_memory_equal(ram + DATA_AT, "a-disk-called-data-2", VIRTIO_BLK_NAME_BYTES);
	assert_int_equal(ram[DATA_AT + VIRTIO_BLK_NAME_BYTES], 0);
	header = send(BLK_T_GET_ID, 0, VIRTIO_BLK_NAME_BYTES - 1);
	expect_done(header, BLK_S_IOERR, 1);
}

/* Without a whole header, or a byte for the status, the device cannot go on. */
static void no_requests_at_all(void **state)
{
	u32 header;

	for (u32 i = 0; i < 3; i++) {
		setup(state);
		header = make_header(BLK_T_IN, 0);
		const struct virtio_segment segment[] = {SEGMENT(header, i == 0 ? 15 : 16),
							 SEGMENT(header + 32, 1)};

		if (i == 0)
			add_chain(0, segment, 2, 1);
		else if (i == 1)
			add_chain(0, segment, 1, 1); /* the request has no status */
		else
			add_chain(0, segment + 1, 1, 0); /* the request has no header */
		notify(0);
		assert_true(needs_reset());
		assert_int_equal(used_new(0), 0);
		(void)send(BLK_T_FLUSH, 0, 0); /* no request is taken any more */
		disk_expect_nothing();
		start_device();
		header = send(BLK_T_FLUSH, 0, 0);
		settle();
		expect_done(header, BLK_S_OK, 1);
	}
}

/* Sends a request with this many segments of 512 bytes for its data. */
static u32 send_segments(u32 type, u32 count)
{
	struct virtio_segment segment[64];
	u32 header = make_header(type, 3);

	segment[0] = SEGMENT(header, 16);
	for (u32 i = 0; i < count; i++)
		segment[1 + i] = SEGMENT(DATA_AT + (count - i) * 0x1000, 512);
	segment[1 + count] = SEGMENT(header + 32, 1);
	add_chain(0, segment, count + 2, type == BLK_T_IN ? 1 : 1 + count);
	notify(0);
	return header;
}

static void as_many_segments_as_offered(void **state)
{
	u32 header = send_segments(BLK_T_IN, VIRTIO_BLK_DATA_MAX);

	(void)state;
	settle();
	expect_done(header, BLK_S_OK, VIRTIO_BLK_DATA_MAX * 512 + 1);
	for (u32 i = 0; i < VIRTIO_BLK_DATA_MAX; i++)
		assert_memory_equal(ram + DATA_AT + (VIRTIO_BLK_DATA_MAX - i) * 0x1000,
				    disk_bytes + (3 + i) * 512, 512);
	header = send_segments(BLK_T_IN, VIRTIO_BLK_DATA_MAX + 1);
	expect_done(header, BLK_S_IOERR, 1);
	header = send_segments(BLK_T_OUT, VIRTIO_BLK_DATA_MAX + 1);
	expect_done(header, BLK_S_IOERR, 1);
	assert_false(needs_reset());
}

/* 2.7.4: how a request is cut into descriptors means nothing. */
static void odd_segments(void **state)
{
	u32 header = make_header(BLK_T_IN, 9);
	const struct virtio_segment segment[] = {
		SEGMENT(header, 3), SEGMENT(header + 3, 13), SEGMENT(DATA_AT, 100),
		/* the last segment has the status as its last byte */
		SEGMENT(DATA_AT + 0x1000, 413)};

	(void)state;
	add_chain(0, segment, 4, 2);
	notify(0);
	settle();
	assert_int_equal(used_new(0), 1);
	assert_int_equal(hear(0), 513);
	assert_memory_equal(ram + DATA_AT, disk_bytes + 9 * 512, 100);
	assert_memory_equal(ram + DATA_AT + 0x1000, disk_bytes + 9 * 512 + 100, 412);
	assert_int_equal(ram[DATA_AT + 0x1000 + 412], BLK_S_OK);
	assert_int_equal(ram[DATA_AT + 0x1000 + 413], 0);
}

/* Header and descriptors are read once, when the request is taken. */
static void a_guest_that_changes_its_request(void **state)
{
	u32 header = send(BLK_T_IN, 5, 512);

	(void)state;
	poke(header, BLK_T_OUT, 4);
	poke(header + 8, ~0ull, 8);
	memset(ram + RINGS_AT, 0xff, VIRTIO_BLK_QUEUE_SIZE * 16); /* all descriptors change */
	settle();
	expect_done(header, BLK_S_OK, 513);
	assert_memory_equal(ram + DATA_AT, disk_bytes + 5 * 512, 512);
}

static void read_only_disks(void **state)
{
	(void)state;
	setup_with(DISK_READ_ONLY | DISK_DISCARD | DISK_WRITE_ZEROES);
	(void)send(BLK_T_OUT, 0, 512);
	assert_int_equal(outcome(), BLK_S_IOERR);
	send_range(BLK_T_DISCARD, 0, 8, 0);
	assert_int_equal(outcome(), BLK_S_IOERR);
	send_range(BLK_T_WRITE_ZEROES, 0, 8, 0);
	assert_int_equal(outcome(), BLK_S_IOERR);
	(void)send(BLK_T_IN, 0, 512);
	assert_int_equal(outcome(), BLK_S_OK);
}

static void answer_and_sleep(void)
{
	do
		(void)disk_do_all();
	while (!link_may_wait(&disk_server));
}

/* A driver that has answered by the time it is woken signals nothing; a later answer it signals. */
static void answers_in_the_same_exit(void **state)
{
	u32 header;

	(void)state;
	for (u32 i = 0; i < 3; i++) {
		assert_true(link_may_wait(&disk_server));
		disk_woken = answer_and_sleep;
		header = send(BLK_T_IN, 5, 1024);
		expect_done(header, BLK_S_OK, 1024 + 1);
		assert_memory_equal(ram + DATA_AT, disk_bytes + 5 * 512, 1024);
		assert_int_equal(disk_signals, i);
		disk_woken = NULL;
		header = send(BLK_T_IN, 7, 512);
		expect_not_done(header);
		answer_and_sleep();
		assert_int_equal(disk_signals, i + 1);
		virtio_blk_poll_link(&blk);
		expect_done(header, BLK_S_OK, 512 + 1);
	}
}

/* Of a request with more pieces than the device looks for at once, one is signalled. */
static void answers_of_many_pieces(void **state)
{
	u32 rings = disk_rings;
	u32 header;

	(void)state;
	assert_true(link_may_wait(&disk_server));
	disk_woken = answer_and_sleep;
	header = send(BLK_T_IN, 0, 128 * 512 * (LOOKS + 3));
	expect_not_done(header);
	assert_int_equal(disk_signals, 1);
	virtio_blk_poll_link(&blk);
	expect_done(header, BLK_S_OK, 128 * 512 * (LOOKS + 3) + 1);
	assert_int_equal(disk_signals, 1);
	assert_int_equal(disk_rings, rings + LOOKS + 3);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(reads),
		TEST(writes),
		TEST(large_requests),
		TEST(a_piece_fails),
		TEST(statuses),
		TEST(answers_in_the_same_exit),
		TEST(answers_of_many_pieces),
		TEST(ranges),
		TEST(long_ranges),
		TEST(places_and_lengths),
		TEST(unknown_types),
		TEST(name_as_serial_number),
		TEST(no_requests_at_all),
		TEST(as_many_segments_as_offered),
		TEST(odd_segments),
		TEST(a_guest_that_changes_its_request),
		TEST(read_only_disks),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
