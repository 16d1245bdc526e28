/* SPDX-License-Identifier: MIT */
/* virtio-blk over time: drivers that die or lie, resets, disks that grow. */
#include "tests/unit/virtio_blk_fixture.h"

#define CONFIG(offset) (AT_DEVICE + (offset))

static void what_the_guest_reads(void **state)
{
	static const struct {
		u32 offset;
		u32 size;
		u32 value;
	} fields[] = {
		{0, 4, DISK_SECTORS},	      {4, 4, 0},    {8, 4, 0},
		{12, 4, VIRTIO_BLK_DATA_MAX}, {20, 4, 512}, {34, 2, VIRTIO_BLK_QUEUES},
		{36, 4, BLOCK_RANGE_SECTORS}, {40, 4, 1},   {44, 4, 1},
		{48, 4, BLOCK_RANGE_SECTORS}, {52, 4, 1},   {56, 1, 0},
		{12, 1, VIRTIO_BLK_DATA_MAX}, {60, 4, 0},
	};

	(void)state;
	for (u32 i = 0; i < ARRAY_COUNT(fields); i++)
		assert_int_equal(get(CONFIG(fields[i].offset), fields[i].size), fields[i].value);
	disk_about()->block_bytes = 4096;
	power_on();
	assert_int_equal(get(CONFIG(20), 4), 4096);
	assert_int_equal(get(CONFIG(44), 4), 8);
	set(CONFIG(0), 4, 7); /* the guest may not write this field */
	assert_int_equal(get(CONFIG(0), 4), DISK_SECTORS);
}

static void features(void **state)
{
	const u32 always = 1u << 2 | 1u << 6 | 1u << 12 | 1u << VIRTIO_F_INDIRECT_DESC |
			   1u << VIRTIO_F_EVENT_IDX;
	static const struct {
		u32 disk;
		u32 device;
	} cases[] = {
		{0, 0},
		{DISK_READ_ONLY, 1u << 5},
		{DISK_FLUSH, 1u << 9},
		{DISK_DISCARD, 1u << 13},
		{DISK_WRITE_ZEROES, 1u << 14},
	};

	(void)state;
	for (u32 i = 0; i < ARRAY_COUNT(cases); i++) {
		setup_with(cases[i].disk);
		set(AT_COMMON, 4, 0);
		assert_int_equal(get(AT_COMMON + 4, 4), always | cases[i].device);
		set(AT_COMMON, 4, 1);
		assert_int_equal(get(AT_COMMON + 4, 4), 1);
		assert_int_equal(pci_config_read(&blk.virtio.function, 0, 4), 0x10421af4);
	}
}

static void grows(void **state)
{
	u32 header;

	(void)state;
	header = send(BLK_T_IN, DISK_SECTORS, 512);
	expect_done(header, BLK_S_IOERR, 1);
	(void)get(AT_ISR, 1);
	disk_about()->sectors = (3ull << 32) + 5;
	virtio_blk_poll_link(&blk);
	assert_int_equal(get(CONFIG(0), 4), 5);
	assert_int_equal(get(CONFIG(4), 4), 3);
	/* the configuration has another generation */
	assert_int_equal(get(AT_COMMON + 0x15, 1), 1);
	assert_int_equal(get(AT_ISR, 1), VIRTIO_ISR_CONFIG);
	virtio_blk_poll_link(&blk);
	assert_int_equal(get(AT_ISR, 1), 0);
	(void)send(BLK_T_IN, 3ull << 32, 512);
	assert_true(disk_take().sector == 3ull << 32);
}

static void interrupts(void **state)
{
	(void)state;
	(void)get(AT_ISR, 1);
	(void)send(BLK_T_FLUSH, 0, 0);
	assert_int_equal(get(AT_ISR, 1), 0);
	settle();
	assert_int_equal(get(AT_ISR, 1), VIRTIO_ISR_QUEUE);
	(void)send(99, 0, 0); /* answered at once */
	assert_int_equal(get(AT_ISR, 1), VIRTIO_ISR_QUEUE);
}

/*
 * More requests than the device takes at a time come from all queues, through a pool that holds 16
 * of them.
 */
static void more_than_there_is_room_for(void **state)
{
	u32 done = 0;

	(void)state;
	for (u32 i = 0; i < 4 * 42; i++)
		(void)send_to(i % 4, BLK_T_IN, i, DATA_AT, BLOCK_REQUEST_BYTES);
	for (u32 i = 0; i < VIRTIO_BLK_REQUESTS; i++)
		assert_int_not_equal(blk.state.request[i].phase, BLK_FREE);
	settle();
	for (u32 queue = 0; queue < 4; queue++) {
		assert_int_equal(used_new(queue), 42);
		for (; used_new(queue) != 0; done++)
			assert_int_equal(hear(queue), BLOCK_REQUEST_BYTES + 1);
	}
	assert_int_equal(done, 4 * 42);
	assert_int_equal(blk.waiting, 0);
	assert_int_equal(blk.client.outstanding, 0);
}

/* Offers one request in an indirect table, as many times as the queue has entries. */
static void offer_everywhere(u32 queue, u32 table)
{
	u32 rings = RINGS_AT + queue * 0x4000;

	poke(table, make_header(BLK_T_GET_ID, 0), 8);
	poke(table + 8, 16, 4);
	poke(table + 12, 1 | 1 << 16, 4);
	poke(table + 16, DATA_AT, 8);
	poke(table + 24, VIRTIO_BLK_NAME_BYTES + 1, 4);
	poke(table + 28, 2, 4);
	for (u32 i = 0; i < VIRTIO_BLK_QUEUE_SIZE; i++) {
		poke(rings + i * 16u, table, 8);
		poke(rings + i * 16u + 8, 32, 4);
		poke(rings + i * 16u + 12, 4, 4);
		poke(rings + AVAILABLE_AT + 4 + i * 2u, i, 2);
	}
	poke(rings + AVAILABLE_AT + 2, VIRTIO_BLK_QUEUE_SIZE, 2);
}

/*
 * A call takes as many requests as it may, all answered at once: the queue will be looked at again.
 */
static void a_full_queue(void **state)
{
	struct device *device = &blk.virtio.function.device;

	(void)state;
	offer_everywhere(1, DATA_AT + 0x1000);
	notify(1);
	assert_int_equal(used_new(1), VIRTIO_BLK_QUEUE_SIZE);
	assert_int_equal(device->deadline_ns, 0);
	poke(RINGS_AT + 0x4000 + AVAILABLE_AT + 2, VIRTIO_BLK_QUEUE_SIZE + 1, 2);
	device_tick(device);
	assert_int_equal(used_new(1), VIRTIO_BLK_QUEUE_SIZE + 1);
	assert_true(device->deadline_ns == DEADLINE_NONE);
	assert_false(needs_reset());
}

/* A device whose bus mastering is off touches no memory; what was asked for is done later. */
static void without_bus_mastering(void **state)
{
	u32 read = send(BLK_T_IN, 1, 200 * 512);
	u32 write = send(BLK_T_OUT, 2, 512);

	(void)state;
	pci_config_write(&blk.virtio.function, PCI_COMMAND, 2, PCI_COMMAND_MEMORY);
	memset(ram + DATA_AT, 0x33, 512);
	assert_int_equal(disk_do_all(), 2);
	virtio_blk_poll_link(&blk);
	disk_expect_nothing();
	expect_not_done(read);
	expect_not_done(write);
	assert_int_equal(ram[DATA_AT], 0x33);
	pci_config_write(&blk.virtio.function, PCI_COMMAND, 2,
			 PCI_COMMAND_MEMORY | PCI_COMMAND_BUS_MASTER);
	settle();
	assert_int_equal(used_new(0), 2);
	assert_int_equal(status_of(read), BLK_S_OK);
	assert_int_equal(status_of(write), BLK_S_OK);
	assert_memory_equal(ram + DATA_AT + 0x1000, disk_bytes + 512 + 0x1000, 512);
}

/* --- drivers that lie --- */

static void forged_and_repeated_answers(void **state)
{
	u32 header = send(BLK_T_IN, 1, 512);
	struct block_request request = disk_take();

	(void)state;
	disk_answer(request.id + 1, BLOCK_OK);
	disk_answer(request.id + SLOT_COUNT, BLOCK_OK);
	disk_answer(~0ull, BLOCK_OK);
	virtio_blk_poll_link(&blk);
	expect_not_done(header);
	disk_do(&request);
	disk_answer(request.id, BLOCK_ERROR);
	virtio_blk_poll_link(&blk);
	expect_done(header, BLK_S_OK, 513);
	header = send(BLK_T_IN, 2, 512);
	disk_answer(request.id, BLOCK_OK); /* an answer to the request before */
	virtio_blk_poll_link(&blk);
	expect_not_done(header);
	settle();
	expect_done(header, BLK_S_OK, 513);
	assert_int_equal(blk.client.impossible_count, 5);
}

/* --- another driver --- */

static void asked_again(void **state)
{
	u32 header = send(BLK_T_IN, 10, 200 * 512);
	struct block_request old[2];
	struct block_request again;

	(void)state;
	old[0] = disk_take();
	disk_do(&old[0]);
	virtio_blk_poll_link(&blk);
	old[1] = disk_take(); /* the driver takes the request and dies */
	disk_new_driver();
	virtio_blk_poll_link(&blk);
	again = disk_take();
	assert_int_equal(again.sector, old[1].sector); /* the answered request is not asked again */
	assert_int_equal(again.sectors, old[1].sectors);
	assert_true(again.id != old[1].id);
	disk_expect_nothing();
	disk_answer(old[1].id, BLOCK_ERROR); /* that answer belongs to another life */
	virtio_blk_poll_link(&blk);
	expect_not_done(header);
	disk_do(&again);
	virtio_blk_poll_link(&blk);
	expect_done(header, BLK_S_OK, 200 * 512 + 1);
	assert_memory_equal(ram + DATA_AT, disk_bytes + 10 * 512, 200 * 512);
}

/* Answers that the old driver gave and the monitor had not looked at: asked again all the same. */
static void no_double_completion(void **state)
{
	u32 header[20];

	(void)state;
	for (u32 i = 0; i < 20; i++)
		header[i] = send(BLK_T_IN, i, 512);
	assert_int_equal(disk_do_all(), 20);
	disk_new_driver();
	settle();
	assert_int_equal(used_new(0), 20);
	for (u32 i = 0; i < 20; i++) {
		assert_int_equal(hear(0), 513);
		assert_int_equal(status_of(header[i]), BLK_S_OK);
	}
	settle();
	assert_int_equal(used_new(0), 0);
}

/* Requests that come while there is none wait for the next driver. */
static void without_a_driver(void **state)
{
	u32 generation = disk_memory->generation;
	u32 header;

	(void)state;
	disk_memory->generation = 0;
	virtio_blk_poll_link(&blk);
	header = send(BLK_T_IN, 3, 512);
	virtio_blk_poll_link(&blk);
	expect_not_done(header);
	disk_memory->generation = generation;
	disk_new_driver();
	settle();
	expect_done(header, BLK_S_OK, 513);
}

/* The disk is lost: requests under way and later ones fail, until there is a driver again. */
static void lost(void **state)
{
	u32 asked;
	u32 later;
	struct block_request request;

	(void)state;
	asked = send(BLK_T_IN, 10, 512);
	request = disk_take();
	disk_about()->features |= DISK_LOST;
	virtio_blk_poll_link(&blk);
	expect_done(asked, BLK_S_IOERR, 1);
	disk_answer(request.id, BLOCK_OK); /* the answer comes too late */
	virtio_blk_poll_link(&blk);
	assert_int_equal(peek(RINGS_AT + USED_AT + 2, 2), 1);
	for (u32 i = 0; i < 3 * VIRTIO_BLK_REQUESTS; i++) {
		later = send(BLK_T_OUT, 10, 512);
		expect_done(later, BLK_S_IOERR, 1);
	}
	disk_expect_nothing();
	disk_about()->features &= ~(u32)DISK_LOST;
	disk_new_driver();
	virtio_blk_poll_link(&blk);
	disk_expect_nothing();
	later = send(BLK_T_IN, 20, 512);
	request = disk_take();
	assert_int_equal(request.sector, 20);
	disk_do(&request);
	virtio_blk_poll_link(&blk);
	expect_done(later, BLK_S_OK, 513);
}

/* A request that was answered before the driver died does not fail. */
static void lost_after_an_answer(void **state)
{
	u32 header;
	struct block_request request;

	(void)state;
	header = send(BLK_T_IN, 10, 512);
	request = disk_take();
	disk_do(&request);
	disk_about()->features |= DISK_LOST;
	virtio_blk_poll_link(&blk);
	expect_done(header, BLK_S_OK, 513);
}

/* --- a guest that resets the device --- */

/* An old write may still be done: nothing is asked before it is over. */
static void reset_with_requests_in_flight(void **state)
{
	struct block_request old;
	u32 header;

	(void)state;
	memset(ram + DATA_AT, 0x11, 512);
	(void)send(BLK_T_OUT, 5, 512);
	(void)send(BLK_T_OUT, 6, 300 * 512);
	old = disk_take();
	start_device();
	memset(ram + DATA_AT, 0x22, 512);
	header = send(BLK_T_OUT, 5, 512);
	virtio_blk_poll_link(&blk);
	disk_do(&old);
	virtio_blk_poll_link(&blk);
	expect_not_done(header);
	old = disk_take();
	assert_int_equal(old.sector, 6);
	disk_expect_nothing();
	disk_do(&old);
	settle();
	expect_done(header, BLK_S_OK, 1);
	assert_int_equal(disk_bytes[5 * 512], 0x22);
	settle();
	assert_int_equal(used_new(0), 0);
	assert_int_equal(blk.client.outstanding, 0);
}

/* An answer to a request of before a reset does not count as one to a later request. */
static void reset_and_another_driver(void **state)
{
	u32 header;

	(void)state;
	(void)send(BLK_T_OUT, 5, 512);
	start_device();
	header = send(BLK_T_IN, 9, 512);
	disk_new_driver();
	virtio_blk_poll_link(&blk);
	assert_int_equal(disk_take().sector, 9);
	expect_not_done(header);
}

/*
 * Before the machine is handed over, requests under way are answered, and those that wait are not
 * asked for.
 */
static void settles(void **state)
{
	u32 waiting;

	(void)state;
	for (u32 i = 0; i < 42; i++)
		(void)send_to(0, BLK_T_IN, i, DATA_AT, BLOCK_REQUEST_BYTES);
	waiting = blk.waiting;
	assert_int_not_equal(waiting, 0);
	assert_false(virtio_blk_drain(&blk));
	assert_int_not_equal(disk_do_all(), 0);
	assert_true(virtio_blk_drain(&blk));
	assert_int_equal(blk.waiting, waiting);
	assert_int_equal(disk_do_all(), 0);
	settle();
	assert_int_equal(used_new(0), 42);
}

/*
 * A guest that takes the device's right to use memory away cannot keep the disk from being drained:
 * what the driver has answered meanwhile is asked again once the device may use memory.
 */
static void drains_without_memory(void **state)
{
	u32 header = send(BLK_T_IN, 8, 512);
	struct block_request request = disk_take();

	(void)state;
	pci_config_write(&blk.device->function, PCI_COMMAND, 2, PCI_COMMAND_MEMORY);
	assert_false(virtio_blk_drain(&blk));
	disk_do(&request);
	assert_true(virtio_blk_drain(&blk));
	virtio_blk_poll_link(&blk);
	disk_expect_nothing();
	expect_not_done(header);
	pci_config_write(&blk.device->function, PCI_COMMAND, 2,
			 PCI_COMMAND_MEMORY | PCI_COMMAND_BUS_MASTER);
	settle();
	expect_done(header, BLK_S_OK, 513);
	assert_memory_equal(ram + DATA_AT, disk_bytes + 8 * 512, 512);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(what_the_guest_reads),
		TEST(features),
		TEST(grows),
		TEST(interrupts),
		TEST(more_than_there_is_room_for),
		TEST(settles),
		TEST(a_full_queue),
		TEST(without_bus_mastering),
		TEST(forged_and_repeated_answers),
		TEST(asked_again),
		TEST(no_double_completion),
		TEST(without_a_driver),
		TEST(lost),
		TEST(lost_after_an_answer),
		TEST(reset_with_requests_in_flight),
		TEST(reset_and_another_driver),
		TEST(drains_without_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
