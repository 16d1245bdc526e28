/* SPDX-License-Identifier: MIT */
/* virtio-scsi: what a CD-ROM drive answers, and what it does with commands that are none. */
#include "tests/unit/virtio_scsi_fixture.h"

static void identifies_itself(void **state)
{
	(void)state;
	expect_good(DO(96, SCSI_INQUIRY, 0, 0, 0, 96), SCSI_INQUIRY_BYTES, 96);
	assert_int_equal(ram[DATA_AT], MMC_TYPE_CD);
	assert_int_equal(ram[DATA_AT + 1], MMC_REMOVABLE);
	assert_memory_equal(ram + DATA_AT + 8, "SKERRY  CD-ROM          ", 24);
	/* no more than the command allows, nor than there is room for */
	expect_good(DO(96, SCSI_INQUIRY, 0, 0, 0, 5), 5, 96);
	expect_good(DO(4, SCSI_INQUIRY, 0, 0, 0, 96), 4, 4);
	expect_good(DO(0, SCSI_INQUIRY, 0, 0, 0, 96), 0, 0);
	expect_good(DO(96, SCSI_INQUIRY, 1, 0x80, 0, 96), 24, 96);
	assert_memory_equal(ram + DATA_AT + 4, blk.name, VIRTIO_BLK_NAME_BYTES);
	expect_good(DO(96, SCSI_INQUIRY, 1, 0, 0, 96), 6, 96);
	expect_sense(DO(96, SCSI_INQUIRY, 1, 0x83, 0, 96), SCSI_KEY_ILLEGAL_REQUEST,
		     SCSI_CODE_NO_FIELD);
	expect_good(DO(64, SCSI_REPORT_LUNS, 0, 0, 0, 0, 0, 0, 0, 0, 64), 16, 64);
	assert_int_equal(ram[DATA_AT + 3], 8);
	expect_good(DO(18, SCSI_REQUEST_SENSE, 0, 0, 0, 18), 18, 18);
}

/* Other targets and units do not exist. */
static void is_alone(void **state)
{
	static const u8 inquiry[] = {SCSI_INQUIRY, 0, 0, 0, 36};
	static const u8 ready[] = {SCSI_TEST_UNIT_READY};
	u32 response = send_command(1, 0, inquiry, sizeof(inquiry), 36);

	(void)state;
	assert_int_equal(hear(SCSI_QUEUE_REQUESTS), RESPONSE_BYTES);
	assert_int_equal(ram[response + RESPONSE_CODE], VIO_SCSI_S_BAD_TARGET);
	assert_int_equal(peek(response + 4, 4), 36);
	response = send_command(0, 1, inquiry, sizeof(inquiry), 36);
	assert_int_equal(hear(SCSI_QUEUE_REQUESTS), RESPONSE_BYTES + 36);
	assert_int_equal(ram[DATA_AT], SCSI_TYPE_NONE);
	expect_sense(send_command(0, 0x101, ready, sizeof(ready), 0), SCSI_KEY_ILLEGAL_REQUEST,
		     SCSI_CODE_NO_UNIT);
}

static void tells_its_size(void **state)
{
	(void)state;
	expect_good(DO(8, SCSI_READ_CAPACITY_10), 8, 8);
	assert_int_equal(__builtin_bswap32(peek(DATA_AT, 4)), CD_BLOCKS - 1);
	assert_int_equal(__builtin_bswap32(peek(DATA_AT + 4, 4)), 2048);
	expect_good(DO(64, MMC_READ_TOC, 0, 0, 0, 0, 0, 0, 0, 64), 20, 64);
	assert_int_equal(ram[DATA_AT + 14], MMC_TOC_LEAD_OUT);
	assert_int_equal(__builtin_bswap32(peek(DATA_AT + 16, 4)), CD_BLOCKS);
	/* in minutes, seconds and frames, from two seconds on */
	expect_good(DO(64, MMC_READ_TOC, 2, 0, 0, 0, 0, MMC_TOC_LEAD_OUT, 0, 64), 12, 64);
	assert_int_equal(__builtin_bswap32(peek(DATA_AT + 8, 4)),
			 (CD_BLOCKS + 150) / 75 << 8 | (CD_BLOCKS + 150) % 75);
	expect_good(DO(64, MMC_READ_TOC, 0, 1, 0, 0, 0, 0, 0, 64), 12, 64);
	expect_sense(DO(64, MMC_READ_TOC, 0, 5, 0, 0, 0, 0, 0, 64), SCSI_KEY_ILLEGAL_REQUEST,
		     SCSI_CODE_NO_FIELD);
	expect_good(DO(64, MMC_GET_CONFIGURATION, 0, 0, 0, 0, 0, 0, 0, 64), 16, 64);
	assert_int_equal(ram[DATA_AT + 7], MMC_PROFILE_CD_ROM);
	expect_good(DO(64, SCSI_MODE_SENSE_10, 0, 0x2a, 0, 0, 0, 0, 0, 64), 28, 64);
	expect_sense(DO(64, SCSI_MODE_SENSE_10, 0, 8, 0, 0, 0, 0, 0, 64), SCSI_KEY_ILLEGAL_REQUEST,
		     SCSI_CODE_NO_FIELD);
}

static void reads(void **state)
{
	u32 response = DO(6 * 2048 + 100, SCSI_READ_10, 0, 0, 0, 0, 3, 0, 0, 6);

	(void)state;
	assert_int_equal(used_new(SCSI_QUEUE_REQUESTS), 0);
	settle();
	expect_good(response, 6 * 2048, 6 * 2048 + 100);
	assert_memory_equal(ram + DATA_AT, disk_bytes + 3 * 2048, 6 * 2048);
	/* more than goes to the driver at a time, up to the last block */
	response = DO(100 * 2048, SCSI_READ_12, 0, 0, 0, (CD_BLOCKS - 100) >> 8,
		      (u8)(CD_BLOCKS - 100), 0, 0, 0, 100);
	settle();
	assert_int_equal(hear(SCSI_QUEUE_REQUESTS), RESPONSE_BYTES + 100 * 2048);
	assert_int_equal(ram[response + RESPONSE_STATUS], SCSI_GOOD);
	assert_memory_equal(ram + DATA_AT, disk_bytes + (CD_BLOCKS - 100) * 2048, 100 * 2048);
	expect_good(DO(0, SCSI_READ_10, 0, 0, 0, 0, 3), 0, 0); /* no block at all */
}

static void reads_that_cannot_be(void **state)
{
	u32 response;

	(void)state;
	expect_sense(DO(2048, SCSI_READ_10, 0, 0, 0, CD_BLOCKS >> 8, (u8)CD_BLOCKS, 0, 0, 1),
		     SCSI_KEY_ILLEGAL_REQUEST, SCSI_CODE_OUT_OF_RANGE);
	expect_sense(DO(2048, SCSI_READ_10, 0, 0xff, 0xff, 0xff, 0xff, 0, 0, 1),
		     SCSI_KEY_ILLEGAL_REQUEST, SCSI_CODE_OUT_OF_RANGE);
	expect_sense(DO(2048, SCSI_READ_12, 0, 0, 0, 0, 1, 0xff, 0xff, 0xff, 0xff),
		     SCSI_KEY_ILLEGAL_REQUEST, SCSI_CODE_OUT_OF_RANGE);
	response = DO(2047, SCSI_READ_10, 0, 0, 0, 0, 0, 0, 0, 1);
	assert_int_equal(hear(SCSI_QUEUE_REQUESTS), RESPONSE_BYTES);
	assert_int_equal(ram[response + RESPONSE_CODE], VIO_SCSI_S_OVERRUN);
	expect_sense(DO(0, 0x2a, 0, 0, 0, 0, 0, 0, 0, 1), SCSI_KEY_ILLEGAL_REQUEST,
		     SCSI_CODE_NO_COMMAND); /* WRITE (10) */
	disk_expect_nothing();
}

/* A disk may have blocks of 4 KiB: whole ones are read, and the guest gets its half. */
static void reads_half_blocks(void **state)
{
	u32 response = DO(2048, SCSI_READ_10, 0, 0, 0, 0, 3, 0, 0, 1);
	struct block_request request = disk_take();

	(void)state;
	assert_int_equal(request.sector, 8);
	assert_int_equal(request.sectors, 8);
	disk_do(&request);
	virtio_blk_poll_link(&blk);
	expect_good(response, 2048, 2048);
	assert_memory_equal(ram + DATA_AT, disk_bytes + 3 * 2048, 2048);
	/* but not beyond the end of a disk that has half a block more */
	disk_about()->sectors = DISK_SECTORS - 4;
	virtio_blk_poll_link(&blk);
	expect_sense(DO(0, SCSI_TEST_UNIT_READY), SCSI_KEY_UNIT_ATTENTION, SCSI_CODE_CHANGED);
	DO(2048, SCSI_READ_10, 0, 0, 0, (CD_BLOCKS - 2) >> 8, (u8)(CD_BLOCKS - 2), 0, 0, 1);
	request = disk_take();
	assert_int_equal(request.sector, DISK_SECTORS - 8);
	assert_int_equal(request.sectors, 4);
}

/*
 * The driver is asked for all that the guest gets, which gets nothing else of the pool, even if the
 * driver does not refuse what lies beyond its disk's end.
 */
static void expect_all_asked(u32 sectors)
{
	struct block_request request = disk_take();
	u32 bytes = request.sectors * BLOCK_SECTOR_BYTES;

	memset(disk_pool(&request) + bytes, NO_RESPONSE, BLOCK_REQUEST_BYTES - bytes);
	disk_answer(request.id, BLOCK_OK);
	virtio_blk_poll_link(&blk);
	for (u32 i = 0; i < 256 * KIB; i++)
		assert_int_not_equal(ram[DATA_AT + i], NO_RESPONSE);
	assert_true(request.sectors >= sectors);
}

/* A disk that shrinks under a read. */
static void a_disk_shrinks(void **state)
{
	struct block_request request;

	(void)state;
	memset(disk_bytes, 0, sizeof(disk_bytes));
	DO(100 * 2048, SCSI_READ_10, 0, 0, 0, 0, 1, 0, 0, 100);
	request = disk_take();
	assert_int_equal(request.sector + request.sectors, 124 + 4);
	disk_about()->sectors = 122;
	disk_do(&request);
	memset(ram + DATA_AT, 0, 256 * KIB);
	virtio_blk_poll_link(&blk);
	expect_all_asked(4 + 120);
}

/* The disk fails: the medium has an error there. */
static void a_read_fails(void **state)
{
	u32 response = DO(2048, SCSI_READ_10, 0, 0, 0, 0, 3, 0, 0, 1);
	struct block_request request;

	(void)state;
	request = disk_take();
	disk_answer(request.id, BLOCK_ERROR);
	virtio_blk_poll_link(&blk);
	expect_sense(response, SCSI_KEY_MEDIUM_ERROR, SCSI_CODE_READ_ERROR);
}

/* The guest locks the tray, ejects the medium and loads it again. */
static void the_tray(void **state)
{
	(void)state;
	expect_good(DO(8, MMC_GET_EVENT_STATUS, 1, 0, 0, 0x10, 0, 0, 0, 8), 8, 8);
	assert_int_equal(peek(DATA_AT + 4, 2), MMC_EVENT_MEDIA_PRESENT << 8 | CD_EVENT_NONE);
	expect_good(DO(0, MMC_PREVENT_ALLOW_REMOVAL, 0, 0, 0, 1), 0, 0);
	expect_sense(DO(0, SCSI_START_STOP_UNIT, 0, 0, 0, MMC_EJECT), SCSI_KEY_ILLEGAL_REQUEST,
		     SCSI_CODE_REMOVAL_PREVENTED);
	expect_good(DO(0, MMC_PREVENT_ALLOW_REMOVAL, 0, 0, 0, 0), 0, 0);
	expect_good(DO(0, SCSI_START_STOP_UNIT, 0, 0, 0, MMC_EJECT), 0, 0);
	expect_sense(DO(0, SCSI_TEST_UNIT_READY), SCSI_KEY_NOT_READY, SCSI_CODE_NO_MEDIUM_OPEN);
	expect_sense(DO(2048, SCSI_READ_10, 0, 0, 0, 0, 0, 0, 0, 1), SCSI_KEY_NOT_READY,
		     SCSI_CODE_NO_MEDIUM_OPEN);
	disk_expect_nothing();
	expect_good(DO(8, MMC_GET_EVENT_STATUS, 1, 0, 0, 0x10, 0, 0, 0, 8), 8, 8);
	assert_int_equal(peek(DATA_AT + 4, 2), MMC_EVENT_TRAY_OPEN << 8 | CD_EVENT_GONE);
	expect_good(DO(0, SCSI_START_STOP_UNIT, 0, 0, 0, MMC_EJECT | MMC_START), 0, 0);
	expect_good(DO(8, MMC_GET_EVENT_STATUS, 1, 0, 0, 0x10, 0, 0, 0, 8), 8, 8);
	assert_int_equal(peek(DATA_AT + 4, 2), MMC_EVENT_MEDIA_PRESENT << 8 | CD_EVENT_NEW);
	expect_sense(DO(0, SCSI_TEST_UNIT_READY), SCSI_KEY_UNIT_ATTENTION, SCSI_CODE_CHANGED);
	expect_good(DO(0, SCSI_TEST_UNIT_READY), 0, 0);
	/* of other kinds of events there are none */
	expect_good(DO(8, MMC_GET_EVENT_STATUS, 1, 0, 0, 2, 0, 0, 0, 8), 4, 8);
	expect_sense(DO(8, MMC_GET_EVENT_STATUS, 0, 0, 0, 2, 0, 0, 0, 8), SCSI_KEY_ILLEGAL_REQUEST,
		     SCSI_CODE_NO_FIELD);
}

/* The owner takes the medium out, which a guest that has locked the drive is asked to do. */
static void the_owner(void **state)
{
	(void)state;
	expect_good(DO(0, MMC_PREVENT_ALLOW_REMOVAL, 0, 0, 0, 1), 0, 0);
	drive_eject(&blk.scsi.drive);
	expect_good(DO(8, MMC_GET_EVENT_STATUS, 1, 0, 0, 0x10, 0, 0, 0, 8), 8, 8);
	assert_int_equal(peek(DATA_AT + 4, 2), MMC_EVENT_MEDIA_PRESENT << 8 | CD_EVENT_ASKED);
	expect_good(DO(0, SCSI_TEST_UNIT_READY), 0, 0);
	expect_good(DO(0, MMC_PREVENT_ALLOW_REMOVAL, 0, 0, 0, 0), 0, 0);
	drive_eject(&blk.scsi.drive);
	expect_sense(DO(0, SCSI_TEST_UNIT_READY), SCSI_KEY_NOT_READY, SCSI_CODE_NO_MEDIUM_CLOSED);
	/* the guest cannot load what is not there */
	expect_good(DO(0, SCSI_START_STOP_UNIT, 0, 0, 0, MMC_EJECT | MMC_START), 0, 0);
	expect_sense(DO(0, SCSI_TEST_UNIT_READY), SCSI_KEY_NOT_READY, SCSI_CODE_NO_MEDIUM_CLOSED);
	virtio_scsi_insert(&blk);
	expect_sense(DO(0, SCSI_TEST_UNIT_READY), SCSI_KEY_UNIT_ATTENTION, SCSI_CODE_CHANGED);
	expect_good(DO(0, SCSI_TEST_UNIT_READY), 0, 0);
}

/* While the drive is empty another disk has come behind its link: the guest is told, once it is in.
 */
static void the_owners_other_medium(void **state)
{
	(void)state;
	drive_eject(&blk.scsi.drive);
	expect_good(DO(8, MMC_GET_EVENT_STATUS, 1, 0, 0, 0x10, 0, 0, 0, 8), 8, 8);
	disk_about()->sectors = 24;
	disk_about()->boundary = 16;
	virtio_scsi_insert(&blk);
	assert_int_equal(blk.about.boundary, 16);
	expect_good(DO(8, MMC_GET_EVENT_STATUS, 1, 0, 0, 0x10, 0, 0, 0, 8), 8, 8);
	assert_int_equal(peek(DATA_AT + 4, 2), MMC_EVENT_MEDIA_PRESENT << 8 | CD_EVENT_NEW);
	expect_sense(DO(0, SCSI_TEST_UNIT_READY), SCSI_KEY_UNIT_ATTENTION, SCSI_CODE_CHANGED);
	expect_good(DO(8, SCSI_READ_CAPACITY_10), 8, 8);
	assert_int_equal(__builtin_bswap32(peek(DATA_AT, 4)), 5);
	/* a medium that is in stays as it is */
	disk_about()->sectors = 8;
	virtio_scsi_insert(&blk);
	expect_good(DO(8, SCSI_READ_CAPACITY_10), 8, 8);
	assert_int_equal(__builtin_bswap32(peek(DATA_AT, 4)), 5);
}

/* A disk of another size is another medium. */
static void another_medium(void **state)
{
	(void)state;
	disk_about()->sectors = 8;
	virtio_blk_poll_link(&blk);
	expect_sense(DO(0, SCSI_TEST_UNIT_READY), SCSI_KEY_UNIT_ATTENTION, SCSI_CODE_CHANGED);
	expect_good(DO(8, SCSI_READ_CAPACITY_10), 8, 8);
	assert_int_equal(__builtin_bswap32(peek(DATA_AT, 4)), 1);
	disk_about()->sectors = 3; /* less than a block: none */
	virtio_blk_poll_link(&blk);
	expect_sense(DO(0, SCSI_TEST_UNIT_READY), SCSI_KEY_UNIT_ATTENTION, SCSI_CODE_CHANGED);
	expect_sense(DO(8, SCSI_READ_CAPACITY_10), SCSI_KEY_NOT_READY, SCSI_CODE_NO_MEDIUM_CLOSED);
}

/* A request without room for its response, or that is no request, breaks the device. */
static void no_room(void **state)
{
	u32 at = make_command(0, 0, (const u8[]){SCSI_TEST_UNIT_READY}, 1);
	const struct virtio_segment tight[] = {SEGMENT(at, 51),
					       SEGMENT(at + RESPONSE_AT, RESPONSE_BYTES - 1)};
	const struct virtio_segment brief[] = {SEGMENT(at, 50),
					       SEGMENT(at + RESPONSE_AT, RESPONSE_BYTES)};

	(void)state;
	add_chain(SCSI_QUEUE_REQUESTS, tight, 2, 1);
	notify(SCSI_QUEUE_REQUESTS);
	assert_true(needs_reset());
	start_device();
	add_chain(SCSI_QUEUE_REQUESTS, brief, 2, 1);
	notify(SCSI_QUEUE_REQUESTS);
	assert_true(needs_reset());
	assert_int_equal(ram[at + RESPONSE_AT], NO_RESPONSE);
}

static u32 control(u32 type, u32 room)
{
	u32 at = make_command(0, 0, (const u8[]){0}, 1);
	const struct virtio_segment segment[] = {SEGMENT(at, 24), SEGMENT(at + RESPONSE_AT, room)};

	poke(at, type, 4);
	add_chain(SCSI_QUEUE_CONTROL, segment, 2, 1);
	notify(SCSI_QUEUE_CONTROL);
	return at + RESPONSE_AT;
}

/* Tasks cannot be called back: that is said while there are any. */
static void control_requests(void **state)
{
	u32 response = control(SCSI_T_TMF, 1);

	(void)state;
	assert_int_equal(hear(SCSI_QUEUE_CONTROL), 1);
	assert_int_equal(ram[response], VIO_SCSI_S_OK);
	DO(2048, SCSI_READ_10, 0, 0, 0, 0, 3, 0, 0, 1);
	response = control(SCSI_T_TMF, 1);
	assert_int_equal(hear(SCSI_QUEUE_CONTROL), 1);
	assert_int_equal(ram[response], VIO_SCSI_S_FUNCTION_REJECTED);
	settle();
	response = control(SCSI_T_AN_QUERY, 5);
	assert_int_equal(hear(SCSI_QUEUE_CONTROL), 5);
	assert_int_equal(ram[response + 4], VIO_SCSI_S_OK);
	response = control(77, 5);
	assert_int_equal(hear(SCSI_QUEUE_CONTROL), 5);
	assert_int_equal(ram[response + 4], VIO_SCSI_S_FUNCTION_REJECTED);
	control(SCSI_T_AN_QUERY, 2);
	assert_int_equal(hear(SCSI_QUEUE_CONTROL), 2);
}

/* The configuration is what drivers expect, and nothing that they write changes it. */
static void the_configuration(void **state)
{
	(void)state;
	assert_int_equal(get(AT_DEVICE + 20, 4), 96);
	assert_int_equal(get(AT_DEVICE + 24, 4), 32);
	set(AT_DEVICE + 24, 4, 200);
	assert_int_equal(get(AT_DEVICE + 24, 4), 32);
	assert_int_equal(get(AT_DEVICE + 30, 2), 0);
}

static bool loads_with(void (*change)(struct virtio_scsi_state *saved))
{
	static u64 saved[sizeof(struct virtio_scsi_state) / 8];
	struct device *device = &blk.virtio.function.device;

	assert_int_equal(device_save(device, saved, device->state_bytes), STATUS_OK);
	change((struct virtio_scsi_state *)saved);
	return device_load(device, saved, device->state_bytes) == STATUS_OK;
}

static void change_nothing(struct virtio_scsi_state *saved)
{
	(void)saved;
}

static void change_to_a_write(struct virtio_scsi_state *saved)
{
	saved->disk.request[0].operation = BLOCK_WRITE;
}

static void change_the_queue(struct virtio_scsi_state *saved)
{
	saved->disk.request[0].queue = SCSI_QUEUE_CONTROL;
}

static void change_the_room(struct virtio_scsi_state *saved)
{
	saved->disk.request[0].segment[1].bytes = RESPONSE_BYTES - 1;
	saved->disk.request[0].segment[2].bytes = 0;
}

static void change_the_place(struct virtio_scsi_state *saved)
{
	saved->disk.request[0].sector = DISK_SECTORS - 2;
	saved->disk.request[0].sectors = 100;
}

static void change_the_tray(struct virtio_scsi_state *saved)
{
	saved->drive.tray = TRAY_EMPTY + 1;
}

static void change_the_event(struct virtio_scsi_state *saved)
{
	saved->drive.event = CD_EVENT_COUNT;
}

/* A saved drive has its tray and its reads, which are asked for again; a state that cannot be is
 * refused. */
static void states(void **state)
{
	u32 response = DO(2048, SCSI_READ_10, 0, 0, 0, 0, 3, 0, 0, 1);

	(void)state;
	assert_false(loads_with(change_to_a_write));
	assert_false(loads_with(change_the_queue));
	assert_false(loads_with(change_the_room));
	assert_false(loads_with(change_the_tray));
	assert_false(loads_with(change_the_event));
	blk.scsi.drive.tray = TRAY_OPEN;
	assert_true(loads_with(change_nothing));
	settle();
	expect_good(response, 2048, 2048);
	expect_sense(DO(0, SCSI_TEST_UNIT_READY), SCSI_KEY_NOT_READY, SCSI_CODE_NO_MEDIUM_OPEN);
}

/* A saved read that no guest could have begun. */
static void a_state_beyond_the_end(void **state)
{
	(void)state;
	DO(100 * 2048, SCSI_READ_10, 0, 0, 0, 0, 3, 0, 0, 25);
	(void)disk_take();
	memset(ram + DATA_AT, 0, 256 * KIB);
	assert_true(loads_with(change_the_place));
	disk_new_driver();
	virtio_blk_poll_link(&blk);
	expect_all_asked(6 + 100);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		DRIVE_TEST(identifies_itself),
		DRIVE_TEST(is_alone),
		DRIVE_TEST(tells_its_size),
		DRIVE_TEST(reads),
		DRIVE_TEST(reads_that_cannot_be),
		DRIVE_TEST(reads_half_blocks),
		DRIVE_TEST(a_disk_shrinks),
		DRIVE_TEST(a_read_fails),
		DRIVE_TEST(the_tray),
		DRIVE_TEST(the_owner),
		DRIVE_TEST(the_owners_other_medium),
		DRIVE_TEST(another_medium),
		DRIVE_TEST(no_room),
		DRIVE_TEST(control_requests),
		DRIVE_TEST(the_configuration),
		DRIVE_TEST(states),
		DRIVE_TEST(a_state_beyond_the_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
