/* SPDX-License-Identifier: MIT */
/* A SCSI host with a disk: its targets, queues, requests about requests, events, and its life. */
#include "tests/unit/virtio_scsi_disk_fixture.h"

#define READ_BLOCK(number) DO(512, SCSI_READ_10, 0, 0, 0, 0, number, 0, 0, 1)

static struct scsi_host *host(void)
{
	return scsi_host_of(blk.device);
}

/* Other targets and units do not exist; a unit that is not there says so in INQUIRY. */
static void has_targets(void **state)
{
	static const u8 inquiry[] = {SCSI_INQUIRY, 0, 0, 0, 36};
	static const u8 ready[] = {SCSI_TEST_UNIT_READY};
	static const u32 others[] = {0, TARGET + 1, 15, 16, 255};
	u32 response;

	(void)state;
	for (u32 i = 0; i < ARRAY_COUNT(others); i++)
		expect_code(send_command(others[i], 0, inquiry, sizeof(inquiry), 36),
			    VIO_SCSI_S_BAD_TARGET);
	response = send_command(TARGET, 1, inquiry, sizeof(inquiry), 36);
	expect_done_well(response, 36);
	assert_int_equal(ram[DATA_AT], SCSI_TYPE_NONE);
	expect_sense(send_command(TARGET, 0x103, ready, sizeof(ready), 0), SCSI_KEY_ILLEGAL_REQUEST,
		     SCSI_CODE_NO_UNIT);
	assert_int_equal(blk.device->function.slot, PCI_SLOT_SCSI);
	assert_int_equal(get(AT_DEVICE, 4), 4);
	assert_int_equal(get(AT_DEVICE + 30, 2), VIRTIO_BLK_MAX - 1);
}

/* A disk takes so many requests at once; one more is refused, and waits for the guest's next try.
 */
static void has_a_bound(void **state)
{
	u32 response;

	(void)state;
	for (u32 i = 0; i < VIRTIO_BLK_REQUESTS; i++)
		READ_BLOCK(1);
	assert_int_equal(used_new(SCSI_QUEUE_REQUESTS), 0);
	response = READ_BLOCK(1);
	assert_int_equal(used_new(SCSI_QUEUE_REQUESTS), 1);
	assert_int_equal(hear(SCSI_QUEUE_REQUESTS), RESPONSE_BYTES);
	assert_int_equal(ram[response + RESPONSE_STATUS], SCSI_TASK_SET_FULL);
	assert_int_equal(peek(response, 4), 0);
	settle();
	assert_int_equal(used_new(SCSI_QUEUE_REQUESTS), VIRTIO_BLK_REQUESTS);
}

static void errors_become_sense_data(void **state)
{
	u32 response = READ_BLOCK(1);

	(void)state;
	disk_answer(disk_take().id, BLOCK_ERROR);
	virtio_blk_poll_link(&blk);
	expect_sense(response, SCSI_KEY_MEDIUM_ERROR, SCSI_CODE_READ_ERROR);
	response = DO_WITH(512, SCSI_WRITE_10, 0, 0, 0, 0, 3, 0, 0, 1);
	disk_answer(disk_take().id, BLOCK_REFUSED);
	virtio_blk_poll_link(&blk);
	expect_sense(response, SCSI_KEY_MEDIUM_ERROR, SCSI_CODE_WRITE_ERROR);
	response = DO(0, SCSI_SYNCHRONIZE_CACHE_10);
	disk_answer(disk_take().id, BLOCK_UNSUPPORTED);
	virtio_blk_poll_link(&blk);
	expect_sense(response, SCSI_KEY_ILLEGAL_REQUEST, SCSI_CODE_NO_COMMAND);
	/* a driver that will not come back */
	response = READ_BLOCK(1);
	disk_about()->features |= DISK_LOST;
	virtio_blk_poll_link(&blk);
	expect_sense(response, SCSI_KEY_MEDIUM_ERROR, SCSI_CODE_READ_ERROR);
	expect_sense(READ_BLOCK(1), SCSI_KEY_NOT_READY, SCSI_CODE_NOT_READY);
}

/* A new driver is asked again what the old one has not answered. */
static void a_driver_dies(void **state)
{
	u32 response = READ_BLOCK(2);

	(void)state;
	(void)disk_take();
	disk_new_driver();
	settle();
	expect_good(response, 512, 512);
	assert_memory_equal(ram + DATA_AT, disk_bytes + 2 * 512, 512);
}

static u32 manage(enum scsi_task_function function, u32 target, u32 bytes)
{
	u32 at = make_command(0, 0, (const u8[]){0}, 1);
	const struct virtio_segment segment[] = {SEGMENT(at, bytes), SEGMENT(at + RESPONSE_AT, 1)};

	poke(at, SCSI_T_TMF, 4);
	poke(at + 4, function, 4);
	poke(at + 8, 1 | target << 8 | 0x40 << 16, 8);
	add_chain(SCSI_QUEUE_CONTROL, segment, 2, 1);
	notify(SCSI_QUEUE_CONTROL);
	return at + RESPONSE_AT;
}

static void expect_managed(u32 response, u32 code)
{
	assert_int_equal(used_new(SCSI_QUEUE_CONTROL), 1);
	assert_int_equal(hear(SCSI_QUEUE_CONTROL), 1);
	assert_int_equal(ram[response], code);
}

/* An abort waits for what the driver has been asked: it could still change the disk. */
static void an_abort_waits(void **state)
{
	u32 read = READ_BLOCK(2);
	u32 response = manage(SCSI_ABORT_TASK, TARGET, 24);

	(void)state;
	assert_int_equal(used_new(SCSI_QUEUE_CONTROL), 0);
	settle();
	expect_good(read, 512, 512);
	assert_int_equal(used_new(SCSI_QUEUE_CONTROL), 0);
	device_tick(&blk.device->function.device);
	expect_managed(response, VIO_SCSI_S_OK);
	/* with nothing under way it is answered at once, and the unit has lost nothing */
	expect_managed(manage(SCSI_ABORT_TASK, TARGET, 24), VIO_SCSI_S_OK);
	expect_good(DO(0, SCSI_TEST_UNIT_READY), 0, 0);
}

/* Requests that the guest makes while an abort waits do not make it wait longer. */
static void an_abort_does_not_wait_for_later_requests(void **state)
{
	struct block_request first;
	u32 response;

	(void)state;
	(void)READ_BLOCK(2);
	first = disk_take();
	response = manage(SCSI_ABORT_TASK, TARGET, 24);
	(void)READ_BLOCK(3);
	notify(SCSI_QUEUE_CONTROL);
	(void)READ_BLOCK(4);
	assert_int_equal(used_new(SCSI_QUEUE_CONTROL), 0);
	disk_do(&first);
	virtio_blk_poll_link(&blk);
	/* the next request even takes the place of the one that has ended */
	(void)READ_BLOCK(5);
	device_tick(&blk.device->function.device);
	expect_managed(response, VIO_SCSI_S_OK);
	assert_int_equal(used_new(SCSI_QUEUE_REQUESTS), 1);
	/* the next abort waits for all three */
	response = manage(SCSI_ABORT_TASK, TARGET, 24);
	assert_int_equal(used_new(SCSI_QUEUE_CONTROL), 0);
	settle();
	device_tick(&blk.device->function.device);
	expect_managed(response, VIO_SCSI_S_OK);
	assert_int_equal(used_new(SCSI_QUEUE_REQUESTS), 4);
}

/* A reset gives up what the driver has not been asked, and the guest is told of it. */
static void a_reset_gives_up(void **state)
{
	u32 first = DO(100 * 512, SCSI_READ_10, 0, 0, 0, 0, 0, 0, 0, 100);
	u32 waits = 0;
	u32 response;

	(void)state;
	/* so many requests that the link's pool has no room for some */
	for (u32 i = 0; i < 100; i++)
		waits = DO(100 * 512, SCSI_READ_10, 0, 0, 0, 0, 0, 0, 0, 100);
	assert_true(blk.waiting != 0);
	response = manage(SCSI_UNIT_RESET, TARGET, 24);
	assert_int_equal(used_new(SCSI_QUEUE_CONTROL), 0);
	assert_int_equal(blk.waiting, 0);
	assert_int_equal(ram[waits + RESPONSE_CODE], VIO_SCSI_S_RESET);
	assert_int_equal(ram[first + RESPONSE_CODE], NO_RESPONSE);
	settle();
	device_tick(&blk.device->function.device);
	expect_managed(response, VIO_SCSI_S_OK);
	assert_int_equal(used_new(SCSI_QUEUE_REQUESTS), 101);
	heard[SCSI_QUEUE_REQUESTS] = (u16)(heard[SCSI_QUEUE_REQUESTS] + 101);
	expect_sense(DO(0, SCSI_TEST_UNIT_READY), SCSI_KEY_UNIT_ATTENTION, SCSI_CODE_UNIT_RESET);
	expect_good(DO(0, SCSI_TEST_UNIT_READY), 0, 0);
}

static void control_requests_that_cannot_be(void **state)
{
	(void)state;
	expect_managed(manage(SCSI_UNIT_RESET, TARGET + 1, 24), VIO_SCSI_S_BAD_TARGET);
	expect_managed(manage(SCSI_UNIT_RESET, TARGET | 1 << 16, 24), VIO_SCSI_S_BAD_UNIT);
	expect_managed(manage(SCSI_QUERY_TASK, TARGET, 24), VIO_SCSI_S_FUNCTION_REJECTED);
	expect_managed(manage(77, TARGET, 24), VIO_SCSI_S_FUNCTION_REJECTED);
	expect_managed(manage(SCSI_UNIT_RESET, TARGET, 23), VIO_SCSI_S_FUNCTION_REJECTED);
	expect_managed(manage(SCSI_ABORT_TASK, TARGET, 8), VIO_SCSI_S_FUNCTION_REJECTED);
	(void)manage(SCSI_ABORT_TASK, TARGET, 3);
	assert_true(needs_reset());
}

/* A guest that resets the host gets no answers to what it asked before. */
static void the_guest_resets_the_host(void **state)
{
	(void)state;
	READ_BLOCK(2);
	(void)manage(SCSI_ABORT_TASK, TARGET, 24);
	assert_ptr_equal(host()->awaited, &blk);
	set(STATUS_AT, 1, 0);
	assert_null(host()->awaited);
	(void)disk_do_all();
	virtio_blk_poll_link(&blk);
	start_device();
	assert_int_equal(used_new(SCSI_QUEUE_REQUESTS), 0);
	expect_good(DO(0, SCSI_TEST_UNIT_READY), 0, 0);
}

/* The guest hears of another size by an event if it has a buffer for one, and by its next command.
 */
static void tells_of_another_size(void **state)
{
	const struct virtio_segment segment[] = {SEGMENT(DATA_AT, 16)};

	(void)state;
	add_chain(SCSI_QUEUE_EVENT, segment, 1, 0);
	notify(SCSI_QUEUE_EVENT);
	assert_int_equal(used_new(SCSI_QUEUE_EVENT), 0);
	disk_about()->sectors = DISK_SECTORS - 8;
	virtio_blk_poll_link(&blk);
	assert_int_equal(used_new(SCSI_QUEUE_EVENT), 1);
	assert_int_equal(hear(SCSI_QUEUE_EVENT), 16);
	assert_int_equal(peek(DATA_AT, 4), 3);
	assert_int_equal(peek(DATA_AT + 4, 4), 1 | TARGET << 8);
	assert_int_equal(peek(DATA_AT + 12, 4), 0x092a);
	expect_sense(DO(0, SCSI_TEST_UNIT_READY), SCSI_KEY_UNIT_ATTENTION,
		     SCSI_CODE_CAPACITY_CHANGED);
	/* without a buffer it is the next command alone, or REQUEST SENSE */
	disk_about()->sectors = DISK_SECTORS;
	virtio_blk_poll_link(&blk);
	expect_good(DO(18, SCSI_REQUEST_SENSE, 0, 0, 0, 18), 18, 18);
	assert_int_equal(ram[DATA_AT + 2], SCSI_KEY_UNIT_ATTENTION);
	assert_int_equal(ram[DATA_AT + 12], 0x2a);
	expect_good(DO(0, SCSI_TEST_UNIT_READY), 0, 0);
}

/* A reset hides no other size, nor the other way round: the guest hears of both, one by one. */
static void tells_of_two_things(void **state)
{
	(void)state;
	for (u32 turn = 0; turn < 2; turn++) {
		if (turn != 0)
			expect_managed(manage(SCSI_UNIT_RESET, TARGET, 24), VIO_SCSI_S_OK);
		disk_about()->sectors -= 8;
		virtio_blk_poll_link(&blk);
		if (turn == 0)
			expect_managed(manage(SCSI_UNIT_RESET, TARGET, 24), VIO_SCSI_S_OK);
		expect_sense(DO(0, SCSI_TEST_UNIT_READY), SCSI_KEY_UNIT_ATTENTION,
			     SCSI_CODE_UNIT_RESET);
		expect_sense(DO(0, SCSI_TEST_UNIT_READY), SCSI_KEY_UNIT_ATTENTION,
			     SCSI_CODE_CAPACITY_CHANGED);
		expect_good(DO(0, SCSI_TEST_UNIT_READY), 0, 0);
	}
}

static bool loads_with(void (*change)(struct virtio_scsi_state *saved))
{
	static u64 saved[sizeof(struct virtio_scsi_state) / 8];
	struct device *device = &blk.virtio.function.device;

	assert_int_equal(device_save(device, saved, sizeof(saved)), STATUS_OK);
	change((struct virtio_scsi_state *)saved);
	return device_load(device, saved, sizeof(saved)) == STATUS_OK;
}

static void change_nothing(struct virtio_scsi_state *saved)
{
	assert_int_equal(saved->disk.request[0].phase, BLK_ASKED);
}

static void change_attention(struct virtio_scsi_state *saved)
{
	saved->drive.attention = DISK_ATTENTION_ALL + 1;
}

static void change_operation(struct virtio_scsi_state *saved)
{
	saved->disk.request[0].operation = BLK_WRITE_THROUGH + 1;
}

static void change_queue(struct virtio_scsi_state *saved)
{
	saved->disk.request[0].queue = SCSI_QUEUE_CONTROL;
}

/* A saved disk's requests are asked again; a state that no guest brings about is refused. */
static void is_saved(void **state)
{
	u32 response = READ_BLOCK(2);

	(void)state;
	(void)disk_take();
	assert_false(loads_with(change_attention));
	assert_false(loads_with(change_operation));
	assert_false(loads_with(change_queue));
	assert_true(loads_with(change_nothing));
	disk_new_driver(); /* that of the other monitor's link */
	settle();
	expect_good(response, 512, 512);
	assert_memory_equal(ram + DATA_AT, disk_bytes + 2 * 512, 512);
}

/* Saves the host and its disk, and loads them again in the order in which a monitor does it. */
static void save_and_load(void)
{
	static u64 saved[PLATFORM_DEVICE_MAX][sizeof(struct virtio_scsi_state) / 8];

	for (u32 i = 0; i < platform.device_count; i++) {
		struct device *device = platform.device[i];

		if (device->kind == STATE_VIRTIO_SCSI_HOST ||
		    device->kind == STATE_VIRTIO_SCSI_DISK)
			assert_int_equal(device_save(device, saved[i], device->state_bytes),
					 STATUS_OK);
	}
	for (u32 i = 0; i < platform.device_count; i++) {
		struct device *device = platform.device[i];

		if (device->kind == STATE_VIRTIO_SCSI_HOST ||
		    device->kind == STATE_VIRTIO_SCSI_DISK)
			assert_int_equal(device_load(device, saved[i], device->state_bytes),
					 STATUS_OK);
	}
}

/* Requests that the monitor has not taken when it is saved are taken by the one that is loaded. */
static void is_saved_with_a_full_queue(void **state)
{
	u32 taken = READ_BLOCK(2);
	u32 at = make_command(TARGET, 0, (const u8[]){SCSI_READ_10, 0, 0, 0, 0, 2, 0, 0, 1}, 9);
	const struct virtio_segment segment[] = {
		SEGMENT(at, 51), SEGMENT(at + RESPONSE_AT, RESPONSE_BYTES), SEGMENT(DATA_AT, 512)};

	(void)state;
	(void)disk_take();
	add_chain(SCSI_QUEUE_REQUESTS, segment, 3, 1);
	save_and_load();
	disk_new_driver();
	settle();
	assert_int_equal(used_new(SCSI_QUEUE_REQUESTS), 2);
	assert_int_equal(ram[taken + RESPONSE_CODE], VIO_SCSI_S_OK);
	assert_int_equal(ram[at + RESPONSE_AT + RESPONSE_CODE], VIO_SCSI_S_OK);
}

/* A request without room for its response breaks the host. */
static void no_room(void **state)
{
	u32 at = make_command(TARGET, 0, (const u8[]){SCSI_TEST_UNIT_READY}, 1);
	const struct virtio_segment tight[] = {SEGMENT(at, 51),
					       SEGMENT(at + RESPONSE_AT, RESPONSE_BYTES - 1)};

	(void)state;
	add_chain(SCSI_QUEUE_REQUESTS, tight, 2, 1);
	notify(SCSI_QUEUE_REQUESTS);
	assert_true(needs_reset());
	assert_int_equal(ram[at + RESPONSE_AT], NO_RESPONSE);
}

/* A request in more parts than a disk takes is refused, and breaks nothing. */
static void too_many_parts(void **state)
{
	u32 at = make_command(TARGET, 0, (const u8[]){SCSI_READ_10, 0, 0, 0, 0, 0, 0, 0, 1}, 9);
	struct virtio_segment segment[VIRTIO_BLK_SEGMENTS + 1] = {
		SEGMENT(at, 51), SEGMENT(at + RESPONSE_AT, RESPONSE_BYTES)};

	(void)state;
	for (u32 i = 2; i < ARRAY_COUNT(segment); i++)
		segment[i] = SEGMENT(DATA_AT + i * 16, 16);
	add_chain(SCSI_QUEUE_REQUESTS, segment, ARRAY_COUNT(segment), 1);
	notify(SCSI_QUEUE_REQUESTS);
	expect_code(at + RESPONSE_AT, VIO_SCSI_S_OVERRUN);
	assert_true(blk_is_idle(&blk.state));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		DISK_TEST(has_targets),
		DISK_TEST(has_a_bound),
		DISK_TEST(errors_become_sense_data),
		DISK_TEST(a_driver_dies),
		DISK_TEST(an_abort_waits),
		DISK_TEST(an_abort_does_not_wait_for_later_requests),
		DISK_TEST(a_reset_gives_up),
		DISK_TEST(control_requests_that_cannot_be),
		DISK_TEST(the_guest_resets_the_host),
		DISK_TEST(tells_of_another_size),
		DISK_TEST(tells_of_two_things),
		DISK_TEST(is_saved),
		DISK_TEST(is_saved_with_a_full_queue),
		DISK_TEST(no_room),
		DISK_TEST(too_many_parts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
