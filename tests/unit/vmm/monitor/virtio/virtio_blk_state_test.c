/* SPDX-License-Identifier: MIT */
/* virtio-blk in saved machines: what comes back, and states that cannot be. */
#include "tests/unit/virtio_blk_fixture.h"

#define CONFIG(offset) (AT_DEVICE + (offset))

static u64 saved[(256 * KIB) / 8];
static size_t saved_bytes;

static void save_machine(void)
{
	assert_int_equal(platform_save(&platform, 1, saved, sizeof(saved), &saved_bytes),
			 STATUS_OK);
}

static void load_machine(void)
{
	assert_int_equal(platform_load(&platform, 1, saved, saved_bytes), STATUS_OK);
}

/*
 * A state is loaded into another machine, with a driver of its own: all requests are asked again,
 * and done once.
 */
static void loaded_elsewhere(void **state)
{
	struct block_request request;
	u32 header[3];

	(void)state;
	header[0] = send(BLK_T_IN, 10, 200 * 512);
	request = disk_take();
	disk_do(&request);
	virtio_blk_poll_link(&blk); /* the second piece of the request is asked for */
	header[1] = send(BLK_T_FLUSH, 0, 0);
	header[2] = send_to(1, BLK_T_OUT, 3, DATA_AT + 0x80000, 512);
	memset(ram + DATA_AT + 0x80000, 0x77, 512);
	save_machine();
	disk_make(DISK_FLUSH);
	power_on();
	load_machine();
	settle();
	assert_int_equal(used_new(0), 2);
	assert_int_equal(used_new(1), 1);
	for (u32 i = 0; i < 3; i++)
		assert_int_equal(status_of(header[i]), BLK_S_OK);
	assert_memory_equal(ram + DATA_AT, disk_bytes + 10 * 512, 200 * 512);
	assert_int_equal(disk_bytes[3 * 512], 0x77);
	settle();
	assert_int_equal(used_new(0), 2);
}

/*
 * A state is loaded back into the same machine: what the driver has is waited for, then asked anew.
 */
static void loaded_in_place(void **state)
{
	u32 header = send(BLK_T_OUT, 4, 512);
	struct block_request old = disk_take();
	struct block_request again;

	(void)state;
	save_machine();
	load_machine();
	virtio_blk_poll_link(&blk);
	disk_expect_nothing();
	disk_answer(old.id, BLOCK_ERROR);
	virtio_blk_poll_link(&blk);
	expect_not_done(header);
	again = disk_take();
	assert_int_equal(again.sector, 4);
	disk_do(&again);
	virtio_blk_poll_link(&blk);
	expect_done(header, BLK_S_OK, 1);
}

/* A disk that has grown since: the guest is told. */
static void loaded_with_another_size(void **state)
{
	(void)state;
	save_machine();
	disk_make(0);
	disk_about()->sectors = DISK_SECTORS + 1;
	power_on();
	load_machine();
	(void)get(AT_ISR, 1);
	assert_int_equal(get(CONFIG(0), 4), DISK_SECTORS);
	virtio_blk_poll_link(&blk);
	assert_int_equal(get(CONFIG(0), 4), DISK_SECTORS + 1);
	assert_int_equal(get(AT_ISR, 1), VIRTIO_ISR_CONFIG);
}

static struct virtio_blk_state *saved_state(void)
{
	return (struct virtio_blk_state *)(platform_find(saved, STATE_VIRTIO_BLK, 0) + 1);
}

static void states_that_cannot_be(void **state)
{
	struct blk_request good;
	struct blk_request *request;

	(void)state;
	(void)send(BLK_T_IN, 10, 512);
	save_machine();
	request = &saved_state()->request[0];
	good = *request;
	assert_int_equal(good.phase, BLK_ASKED);
	for (u32 i = 0; i < 20; i++) {
		*request = good;
		switch (i) {
		/* clang-format off */
		case 0: request->phase = BLK_ASKED + 1; break;
		case 1: request->operation = BLOCK_OPERATION_COUNT; break;
		case 2: request->queue = VIRTIO_BLK_QUEUES; break;
		case 3: request->done = 2; break;
		case 4: request->segment_count = VIRTIO_BLK_SEGMENTS + 1; break;
		case 5: request->readable_count = 4; break;
		case 6: request->segment[0].bytes = 15; break;
		/* the request has no byte to write the status to */
		case 7: request->readable_count = 3; break;
		case 8: request->segment_count = 0xffff; break;
		/* the status goes to the last byte of the last segment */
		case 9: request->segment[2].bytes = 0; break;
		/* more sectors than the request has room for, or none that are left to be done */
		case 10: request->sectors = 2; break;
		case 11: request->sectors = ~0u; break;
		case 12: request->sectors = 0; break;
		case 13: request->done = 1; break;
		case 14: request->operation = BLOCK_WRITE; break;
		case 15: request->operation = BLOCK_FLUSH; break;
		/* more sectors than the driver takes; a multiple of what `asked` can count */
		case 16: request->operation = BLOCK_DISCARD; request->sectors = 0x10000; break;
		case 17:
			request->operation = BLOCK_WRITE_ZEROES;
			request->sectors = BLOCK_RANGE_SECTORS + 1;
			break;
		/* sectors whose bytes 64 bits cannot count */
		case 18: request->sector = ~0ull; break;
		case 19: request->sector = BLK_SECTORS_MAX; break;
			/* clang-format on */
		}
		if (platform_load(&platform, 1, saved, saved_bytes) != STATUS_BAD_FORMAT)
			fail_msg("case %u", i);
	}
	*request = good;
	load_machine();
	/* whatever else is in the request harms nobody */
	request->head = 0xffff;
	request->sector = BLK_SECTORS_MAX - 1;
	request->asked = 0xffff;
	request->segment[1].gpa = GPA(~0ull);
	request->segment[2].gpa = GPA(RAM_BYTES);
	request->segment[2].bytes = ~0u;
	load_machine();
	disk_new_driver();
	virtio_blk_poll_link(&blk);
	/* a sector which the driver refuses */
	assert_true(disk_take().sector == BLK_SECTORS_MAX - 1);
}
int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(loaded_elsewhere),
		TEST(loaded_in_place),
		TEST(loaded_with_another_size),
		TEST(states_that_cannot_be),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
