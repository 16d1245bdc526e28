/* SPDX-License-Identifier: MIT */
#pragma once

/* A platform with a CD-ROM drive at a virtio SCSI host, and a guest that sends it commands. */
#include "tests/unit/virtio_blk_fixture.h"

#define COMMANDS_AT	0x60000u /* commands, 256 bytes apart: the request, then its response */
#define RESPONSE_AT	64u
#define RESPONSE_BYTES	108u
#define NO_RESPONSE	0xeeu
#define RESPONSE_SENSE	12u
#define RESPONSE_STATUS 10u
#define RESPONSE_CODE	11u

static u32 next_command;

/* Writes a request for a target and its unit, and returns where it is. */
static UNUSED u32 make_command(u32 target, u32 unit, const u8 *command, u32 bytes)
{
	u32 at = COMMANDS_AT + next_command++ % 256 * 256;

	memset(ram + at, 0, RESPONSE_AT);
	memset(ram + at + RESPONSE_AT, NO_RESPONSE, RESPONSE_BYTES);
	ram[at] = 1;
	ram[at + 1] = (u8)target;
	ram[at + 2] = (u8)(0x40 | unit >> 8);
	ram[at + 3] = (u8)unit;
	memcpy(ram + at + 19, command, bytes);
	return at;
}

/* Sends a command with room for `room` bytes of data at DATA_AT. */
static UNUSED u32 send_command(u32 target, u32 unit, const u8 *command, u32 bytes, u32 room)
{
	u32 at = make_command(target, unit, command, bytes);
	const struct virtio_segment segment[] = {
		SEGMENT(at, 51), SEGMENT(at + RESPONSE_AT, RESPONSE_BYTES), SEGMENT(DATA_AT, room)};

	add_chain(SCSI_QUEUE_REQUESTS, segment, room != 0 ? 3 : 2, 1);
	notify(SCSI_QUEUE_REQUESTS);
	return at + RESPONSE_AT;
}

#define CD_BLOCKS (DISK_SECTORS / 4)

static UNUSED int setup_drive(void **state)
{
	(void)state;
	fixture_drive = true;
	next_command = 0;
	return setup_with(DISK_READ_ONLY);
}

/* Sends a command; the response's place. It has been answered at once. */
#define DO(room, ...) do_command((const u8[]){__VA_ARGS__}, sizeof((const u8[]){__VA_ARGS__}), room)

static UNUSED u32 do_command(const u8 *command, u32 bytes, u32 room)
{
	memset(ram + DATA_AT, NO_RESPONSE, 16 * KIB);
	return send_command(fixture_target, 0, command, bytes, room);
}

static UNUSED void expect_sense(u32 response, u32 key, u32 code)
{
	assert_int_equal(used_new(SCSI_QUEUE_REQUESTS), 1);
	assert_int_equal(hear(SCSI_QUEUE_REQUESTS), RESPONSE_BYTES);
	assert_int_equal(ram[response + RESPONSE_CODE], VIO_SCSI_S_OK);
	assert_int_equal(ram[response + RESPONSE_STATUS], SCSI_CHECK_CONDITION);
	assert_int_equal(peek(response, 4), SCSI_FIXED_SENSE_BYTES);
	assert_int_equal(ram[response + RESPONSE_SENSE], 0x70);
	assert_int_equal(ram[response + RESPONSE_SENSE + 2], key);
	assert_int_equal(ram[response + RESPONSE_SENSE + 12] << 8 |
				 ram[response + RESPONSE_SENSE + 13],
			 code);
}

/* The command was good and filled so many bytes of a room of so many. */
static UNUSED void expect_good(u32 response, u32 bytes, u32 room)
{
	assert_int_equal(used_new(SCSI_QUEUE_REQUESTS), 1);
	assert_int_equal(hear(SCSI_QUEUE_REQUESTS), RESPONSE_BYTES + bytes);
	assert_int_equal(ram[response + RESPONSE_CODE], VIO_SCSI_S_OK);
	assert_int_equal(ram[response + RESPONSE_STATUS], SCSI_GOOD);
	assert_int_equal(peek(response, 4), 0);
	assert_int_equal(peek(response + 4, 4), room - bytes);
	assert_int_equal(ram[DATA_AT + bytes], NO_RESPONSE);
}

/* Sends a command that comes with `data` bytes of data at DATA_AT. */
#define DO_WITH(data, ...)                                                                         \
	do_command_with((const u8[]){__VA_ARGS__}, sizeof((const u8[]){__VA_ARGS__}), data)

static UNUSED u32 do_command_with(const u8 *command, u32 bytes, u32 data)
{
	u32 at = make_command(fixture_target, 0, command, bytes);
	const struct virtio_segment segment[] = {SEGMENT(at, 51), SEGMENT(DATA_AT, data),
						 SEGMENT(at + RESPONSE_AT, RESPONSE_BYTES)};

	add_chain(SCSI_QUEUE_REQUESTS, segment, 3, 2);
	notify(SCSI_QUEUE_REQUESTS);
	return at + RESPONSE_AT;
}

#define DRIVE_TEST(name) cmocka_unit_test_setup_teardown(name, setup_drive, teardown)
