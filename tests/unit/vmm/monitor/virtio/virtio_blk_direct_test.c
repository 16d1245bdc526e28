/* SPDX-License-Identifier: MIT */
/* A disk whose device reaches the guest's RAM: which requests go without a copy, and resets. */
#include "tests/unit/virtio_blk_fixture.h"

#define WINDOW 9u

static int setup_window(void **state)
{
	int result = setup(state);

	guest.host = ram;
	disk_about()->window = WINDOW;
	return result;
}

static void answer_all(struct block_request *request)
{
	disk_answer(request->id, BLOCK_OK);
	virtio_blk_poll_link(&blk);
}

/* The pages of 100 KiB in one segment: two requests, nothing of it in the pool. */
static void one_segment(void **state)
{
	u32 header = send(BLK_T_IN, 8, 100 * 1024);
	struct block_request request = disk_take();

	(void)state;
	assert_int_equal(request.window, WINDOW);
	assert_int_equal(request.sectors, 128);
	for (u32 i = 0; i < 16; i++)
		assert_int_equal(request.page[i], DATA_AT / PAGE_SIZE + i);
	memset(ram + DATA_AT, 0x5a, 16 * PAGE_SIZE);
	answer_all(&request);
	request = disk_take();
	assert_int_equal(request.window, WINDOW);
	assert_int_equal(request.sectors, 72);
	assert_int_equal(request.page[0], DATA_AT / PAGE_SIZE + 16);
	assert_int_equal(request.page[8], DATA_AT / PAGE_SIZE + 24);
	expect_not_done(header);
	answer_all(&request);
	expect_done(header, BLK_S_OK, 100 * 1024 + 1);
	/* what the device has put there stays */
	assert_int_equal(ram[DATA_AT], 0x5a);
	assert_int_equal(ram[DATA_AT + 16 * PAGE_SIZE - 1], 0x5a);
}

static struct block_request send_segments(u32 type, const struct virtio_segment *data, u32 count)
{
	struct virtio_segment segment[VIRTIO_BLK_SEGMENTS];
	bool reads = type != BLK_T_IN;
	u32 header = make_header(type, 0);

	segment[0] = SEGMENT(header, 16);
	memcpy(segment + 1, data, count * sizeof(data[0]));
	segment[count + 1] = SEGMENT(header + 32, 1);
	add_chain(0, segment, count + 2, reads ? count + 1 : 1);
	notify(0);
	return disk_take();
}

/* The segments are whole pages anywhere; the last segment is shorter. */
static void several_segments(void **state)
{
	const struct virtio_segment data[] = {SEGMENT(0x200000, 8192), SEGMENT(0x180000, 4096),
					      SEGMENT(0x300000, 512)};
	struct block_request request = send_segments(BLK_T_OUT, data, 3);

	(void)state;
	assert_int_equal(request.operation, BLOCK_WRITE);
	assert_int_equal(request.window, WINDOW);
	assert_int_equal(request.sectors, 25);
	assert_int_equal(request.page[0], 0x200);
	assert_int_equal(request.page[1], 0x201);
	assert_int_equal(request.page[2], 0x180);
	assert_int_equal(request.page[3], 0x300);
	answer_all(&request);
	expect_done(HEADER_AT + (next_header - 1) % 2048 * 64, BLK_S_OK, 1);
}

/* To a disk that takes that many, 32 pages that do not touch are one request. */
static void many_segments(void **state)
{
	struct virtio_segment data[BLOCK_DIRECT_PAGES];
	struct block_request request;

	(void)state;
	for (u32 i = 0; i < BLOCK_DIRECT_PAGES; i++)
		data[i] = (struct virtio_segment)SEGMENT(0x300000 - i * 2 * PAGE_SIZE, PAGE_SIZE);
	disk_about()->direct_pages = BLOCK_DIRECT_PAGES;
	request = send_segments(BLK_T_IN, data, BLOCK_DIRECT_PAGES);
	assert_int_equal(request.window, WINDOW);
	assert_int_equal(request.sectors, 256);
	for (u32 i = 0; i < BLOCK_DIRECT_PAGES; i++)
		assert_int_equal(request.page[i], 0x300 - 2 * i);
	answer_all(&request);
	expect_done(HEADER_AT + (next_header - 1) % 2048 * 64, BLK_S_OK, 128 * 1024 + 1);
}

/*
 * Whatever number of pages the driver names, a request has at most as many as a slot has room for;
 * and one that goes through the pool has no more than the pool takes.
 */
static void many_at_most(void **state)
{
	u32 header = send(BLK_T_IN, 8, 300 * 1024);
	struct block_request request = disk_take();

	(void)state;
	assert_int_equal(request.sectors, 128);
	disk_about()->direct_pages = ~0u;
	answer_all(&request);
	request = disk_take();
	assert_int_equal(request.sector, 8 + 128);
	assert_int_equal(request.sectors, 256);
	assert_int_equal(request.page[31], DATA_AT / PAGE_SIZE + 47);
	disk_answer(request.id, BLOCK_COPY_ONCE);
	virtio_blk_poll_link(&blk);
	request = disk_take();
	assert_int_equal(request.window, 0);
	assert_int_equal(request.sector, 8 + 128);
	assert_int_equal(request.sectors, 128);
	disk_do(&request);
	virtio_blk_poll_link(&blk);
	request = disk_take();
	assert_int_equal(request.window, WINDOW);
	assert_int_equal(request.sector, 8 + 256);
	assert_int_equal(request.sectors, 256);
	answer_all(&request);
	request = disk_take();
	assert_int_equal(request.sectors, 600 - 512);
	answer_all(&request);
	expect_done(header, BLK_S_OK, 300 * 1024 + 1);
}

/* Data that do not lie in whole pages go through the pool. */
static void copied(void **state)
{
	const struct virtio_segment cases[][2] = {
		/* the data do not begin at a page's start */
		{SEGMENT(0x200200, 4096), SEGMENT(0x300000, 4096)},
		{SEGMENT(0x200000, 512), SEGMENT(0x300000, 4096)}, /* a hole in a page */
		{SEGMENT(0x200000, 4608), SEGMENT(0x201200, 3584)},
	};

	(void)state;
	for (u32 i = 0; i < ARRAY_COUNT(cases); i++) {
		struct block_request request = send_segments(BLK_T_IN, cases[i], 2);

		assert_int_equal(request.window, 0);
		disk_do(&request);
		virtio_blk_poll_link(&blk);
		assert_int_equal(used_new(0), 1);
		(void)hear(0);
		assert_memory_equal(ram + cases[i][0].gpa.value, disk_bytes, 512);
	}
}

/* The driver would not: asked again through the pool, and this window is used no more. */
static void refused(void **state)
{
	u32 header = send(BLK_T_IN, 8, 4096);
	struct block_request request = disk_take();

	(void)state;
	assert_int_equal(request.window, WINDOW);
	disk_answer(request.id, BLOCK_COPY);
	virtio_blk_poll_link(&blk);
	expect_not_done(header);
	request = disk_take();
	assert_int_equal(request.window, 0);
	disk_do(&request);
	virtio_blk_poll_link(&blk);
	expect_done(header, BLK_S_OK, 4097);
	assert_memory_equal(ram + DATA_AT, disk_bytes + 8 * 512, 4096);
	header = send(BLK_T_IN, 8, 4096);
	request = disk_take();
	assert_int_equal(request.window, 0);
	disk_do(&request);
	virtio_blk_poll_link(&blk);
	expect_done(header, BLK_S_OK, 4097);
	disk_about()->window = WINDOW + 1;
	(void)send(BLK_T_IN, 8, 4096);
	assert_int_equal(disk_take().window, WINDOW + 1);
}

/* Only this piece goes through the pool: the rest of the request and other requests do not. */
static void refused_once(void **state)
{
	u32 header = send(BLK_T_IN, 8, 100 * 1024);
	struct block_request request = disk_take();

	(void)state;
	assert_int_equal(request.window, WINDOW);
	disk_answer(request.id, BLOCK_COPY_ONCE);
	virtio_blk_poll_link(&blk);
	expect_not_done(header);
	request = disk_take();
	assert_int_equal(request.window, 0);
	assert_int_equal(request.sector, 8);
	assert_int_equal(request.sectors, 128);
	disk_do(&request);
	virtio_blk_poll_link(&blk);
	assert_memory_equal(ram + DATA_AT, disk_bytes + 8 * 512, 128 * 512);
	request = disk_take();
	assert_int_equal(request.window, WINDOW);
	assert_int_equal(request.sectors, 72);
	answer_all(&request);
	expect_done(header, BLK_S_OK, 100 * 1024 + 1);
	(void)send(BLK_T_OUT, 8, 4096);
	assert_int_equal(disk_take().window, WINDOW);
}

/*
 * A driver that says so each time is asked twice for a piece, even if it names a new window each
 * time, and nothing of the pool gets to the guest.
 */
static void refused_always(void **state)
{
	const enum block_status status[] = {BLOCK_COPY_ONCE, BLOCK_COPY};

	(void)state;
	for (u32 i = 0; i < 2 * ARRAY_COUNT(status); i++) {
		u32 header = send(BLK_T_IN, 8, 4096);
		struct block_request request = disk_take();

		memset(ram + DATA_AT, 0x5a, 4096);
		assert_int_equal(request.window, disk_about()->window);
		disk_about()->window++;
		disk_answer(request.id, status[i % 2]);
		virtio_blk_poll_link(&blk);
		expect_not_done(header);
		request = disk_take();
		assert_int_equal(request.window, 0);
		disk_about()->window++;
		disk_answer(request.id, status[i / 2]);
		virtio_blk_poll_link(&blk);
		expect_done(header, BLK_S_IOERR, 1);
		assert_int_equal(ram[DATA_AT], 0x5a);
		assert_int_equal(ram[DATA_AT + 4095], 0x5a);
	}
}

/* A driver that says so of data in the pool does not get it for ever. */
static void refused_for_nothing(void **state)
{
	u32 header;

	(void)state;
	disk_about()->window = 0;
	header = send(BLK_T_IN, 8, 4096);
	disk_answer(disk_take().id, BLOCK_COPY);
	virtio_blk_poll_link(&blk);
	expect_done(header, BLK_S_IOERR, 1);
}

/* Complete only when the device writes to nothing of before. */
static void reset_waits(void **state)
{
	struct block_request request;

	(void)state;
	(void)send(BLK_T_IN, 8, 4096);
	request = disk_take();
	set(STATUS_AT, 1, 0);
	assert_int_not_equal(get(STATUS_AT, 1), 0);
	assert_true(virtio_blk_is_landing(&blk));
	disk_answer(request.id, BLOCK_OK);
	assert_int_equal(get(STATUS_AT, 1), 0);
	assert_false(virtio_blk_is_landing(&blk));
}

/*
 * A state may have requests of a device that is reset: they are forgotten like others, and their
 * answers give back what they took in the link.
 */
static void reset_in_a_state(void **state)
{
	static u64 saved[sizeof(struct virtio_blk_state) / 8];
	struct device *device = &blk.virtio.function.device;
	struct block_request request;

	(void)state;
	(void)send(BLK_T_IN, 8, 4096);
	(void)disk_take();
	blk.state.virtio.status = 0;
	assert_int_equal(device_save(device, saved, sizeof(saved)), STATUS_OK);
	assert_int_equal(device_load(device, saved, sizeof(saved)), STATUS_OK);
	disk_new_driver();
	virtio_blk_poll_link(&blk);
	request = disk_take();
	assert_int_not_equal(request.window, 0);
	disk_answer(request.id, BLOCK_OK);
	assert_int_equal(get(STATUS_AT, 1), 0);
	assert_int_equal(blk.client.outstanding, 0);
	assert_true(blk_is_idle(&blk.state));
}

/*
 * A reset does not wait if the window is closed; what the device has in the pool is nobody's
 * concern.
 */
static void reset_without(void **state)
{
	(void)state;
	(void)send(BLK_T_IN, 8, 4096);
	(void)disk_take();
	set(STATUS_AT, 1, 0);
	assert_int_not_equal(get(STATUS_AT, 1), 0);
	disk_about()->window = 0;
	assert_int_equal(get(STATUS_AT, 1), 0);
}

/* Another driver comes: the old driver's device was detached before. */
static void reset_and_death(void **state)
{
	(void)state;
	(void)send(BLK_T_IN, 8, 4096);
	(void)disk_take();
	set(STATUS_AT, 1, 0);
	assert_int_not_equal(get(STATUS_AT, 1), 0);
	disk_new_driver();
	assert_int_equal(get(STATUS_AT, 1), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(one_segment, setup_window, teardown),
		cmocka_unit_test_setup_teardown(several_segments, setup_window, teardown),
		cmocka_unit_test_setup_teardown(many_segments, setup_window, teardown),
		cmocka_unit_test_setup_teardown(many_at_most, setup_window, teardown),
		cmocka_unit_test_setup_teardown(copied, setup_window, teardown),
		cmocka_unit_test_setup_teardown(refused, setup_window, teardown),
		cmocka_unit_test_setup_teardown(refused_once, setup_window, teardown),
		cmocka_unit_test_setup_teardown(refused_always, setup_window, teardown),
		cmocka_unit_test_setup_teardown(refused_for_nothing, setup_window, teardown),
		cmocka_unit_test_setup_teardown(reset_waits, setup_window, teardown),
		cmocka_unit_test_setup_teardown(reset_in_a_state, setup_window, teardown),
		cmocka_unit_test_setup_teardown(reset_without, setup_window, teardown),
		cmocka_unit_test_setup_teardown(reset_and_death, setup_window, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
