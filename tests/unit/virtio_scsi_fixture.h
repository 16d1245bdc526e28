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
