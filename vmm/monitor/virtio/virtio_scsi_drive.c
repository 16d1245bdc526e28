/* SPDX-License-Identifier: MIT */
/*
 * The commands of a CD-ROM drive (MMC-6, SPC-4): answers those that need no disk, and finds the
 * blocks that a read wants. Called by virtio_scsi.c with a copy of the command; changes the drive's
 * state.
 */
#include "vmm/monitor/virtio/virtio_scsi_drive.h"

#include "lib/bits.h"
#include "lib/string.h"

#define BLOCK_SECTORS (MMC_BLOCK_BYTES / BLOCK_SECTOR_BYTES)
#define CD_BLOCKS_MAX 0xffffffffu

static bool drive_is_full(const struct virtio_blk *blk)
{
	return blk->scsi.drive.tray == TRAY_FULL && blk->state.capacity >= BLOCK_SECTORS;
}

static u32 drive_blocks(const struct virtio_blk *blk)
{
	return (u32)MIN(blk->state.capacity / BLOCK_SECTORS, (u64)CD_BLOCKS_MAX);
}

void drive_note(struct drive_state *drive, enum drive_tray tray)
{
	drive->tray = (u8)tray;
	drive->attention = tray == TRAY_FULL;
	drive->locked = 0;
	drive->event = tray == TRAY_FULL ? CD_EVENT_NEW : CD_EVENT_GONE;
}

void drive_eject(struct drive_state *drive)
{
	if (drive->tray == TRAY_FULL && drive->locked != 0)
		drive->event = CD_EVENT_ASKED;
	else if (drive->tray == TRAY_FULL)
		drive_note(drive, TRAY_EMPTY);
	else
		drive->tray = TRAY_EMPTY;
}

void drive_insert(struct drive_state *drive)
{
	if (drive->tray != TRAY_FULL)
		drive_note(drive, TRAY_FULL);
}

bool drive_valid(const struct drive_state *drive)
{
	return drive->tray <= TRAY_EMPTY && drive->attention <= 1 && drive->locked <= 1 &&
	       drive->event < CD_EVENT_COUNT &&
	       (drive->taken <= TAKEN_ALL || drive->taken == (TAKEN_ALL | TAKEN_GONE));
}

void drive_take(struct virtio_blk *blk, enum drive_taken what)
{
	struct drive_state *drive = &blk->scsi.drive;

	if (blk->secret_end == 0)
		return;
	drive->taken |= (u8)what;
	if ((drive->taken & TAKEN_ALL) == TAKEN_ALL && blk->taken_mark != NULL)
		*blk->taken_mark = 1;
}

void drive_begin_start(struct drive_state *drive)
{
	drive->taken = (drive->taken & TAKEN_ALL) == TAKEN_ALL ? TAKEN_ALL | TAKEN_GONE : 0;
}

/* --- commands that need no medium --- */

static void drive_inquire_page(const struct virtio_blk *blk, const u8 *command,
			       struct scsi_answer *answer)
{
	u32 bytes;

	answer->data[0] = MMC_TYPE_CD;
	answer->data[1] = command[2];
	switch (command[2]) {
	case 0:
		answer->data[5] = SCSI_PAGE_SERIAL;
		bytes = 2;
		break;
	case SCSI_PAGE_SERIAL:
		memcpy(answer->data + SCSI_PAGE_HEADER, blk->name, VIRTIO_BLK_NAME_BYTES);
		bytes = VIRTIO_BLK_NAME_BYTES;
		break;
	default:
		scsi_fail(answer, SCSI_KEY_ILLEGAL_REQUEST, SCSI_CODE_NO_FIELD);
		return;
	}
	answer->data[3] = (u8)bytes;
	scsi_return(answer, SCSI_PAGE_HEADER + bytes, scsi_get(command + 3, 2));
}

static void drive_inquire(const struct virtio_blk *blk, u32 unit, const u8 *command,
			  struct scsi_answer *answer)
{
	static const char names[] = "SKERRY  CD-ROM          1.0 ";

	if ((command[1] & SCSI_INQUIRY_PAGES) != 0 && unit == 0) {
		drive_inquire_page(blk, command, answer);
		return;
	}
	if (command[2] != 0) {
		scsi_fail(answer, SCSI_KEY_ILLEGAL_REQUEST, SCSI_CODE_NO_FIELD);
		return;
	}
	answer->data[0] = unit == 0 ? MMC_TYPE_CD : SCSI_TYPE_NONE;
	answer->data[1] = MMC_REMOVABLE;
	answer->data[2] = SCSI_VERSION_SPC_3;
	answer->data[3] = 2; /* response data format 2 (SPC-3 and later) */
	answer->data[4] = SCSI_INQUIRY_BYTES - 5;
	memcpy(answer->data + SCSI_INQUIRY_VENDOR, names, sizeof(names) - 1);
	scsi_return(answer, SCSI_INQUIRY_BYTES, scsi_get(command + 3, 2));
}

/* Reports no error, as a failed command already had its sense data in its answer. */
static void drive_request_sense(const u8 *command, struct scsi_answer *answer)
{
	scsi_write_sense(answer->data, 0, 0);
	scsi_return(answer, SCSI_FIXED_SENSE_BYTES, command[4]);
}

static void drive_tell_event(struct virtio_blk *blk, const u8 *command, struct scsi_answer *answer)
{
	struct drive_state *drive = &blk->scsi.drive;

	if ((command[1] & MMC_EVENT_POLLED) == 0) {
		scsi_fail(answer, SCSI_KEY_ILLEGAL_REQUEST, SCSI_CODE_NO_FIELD);
		return;
	}
	answer->data[3] = MMC_EVENT_HAS_MEDIA;
	if ((command[4] & MMC_EVENT_HAS_MEDIA) == 0) {
		answer->data[1] = 2;
		answer->data[2] = MMC_EVENT_NONE;
		scsi_return(answer, 4, scsi_get(command + 7, 2));
		return;
	}
	answer->data[1] = 6;
	answer->data[2] = MMC_EVENT_CLASS_MEDIA;
	answer->data[4] = drive->event;
	answer->data[5] = (u8)((drive_is_full(blk) ? MMC_EVENT_MEDIA_PRESENT : 0u) |
			       (drive->tray == TRAY_OPEN ? MMC_EVENT_TRAY_OPEN : 0u));
	scsi_return(answer, 8, scsi_get(command + 7, 2));
	if (answer->bytes > 4)
		drive->event = CD_EVENT_NONE;
}

/* Answers which profile (MMC-6) is current: that of a CD-ROM, or none without a CD. */
static void drive_get_configuration(const struct virtio_blk *blk, const u8 *command,
				    struct scsi_answer *answer)
{
	bool full = drive_is_full(blk);

	scsi_put(answer->data, 4, 12); /* how many bytes of the answer follow */
	scsi_put(answer->data + 6, 2, full ? MMC_PROFILE_CD_ROM : MMC_PROFILE_NONE);
	/* feature 0, the list of profiles, is current and persistent */
	answer->data[10] = 3;
	answer->data[11] = 4;
	scsi_put(answer->data + 12, 2, MMC_PROFILE_CD_ROM);
	answer->data[14] = full;
	scsi_return(answer, 16, scsi_get(command + 7, 2));
}

static void drive_sense_mode(const u8 *command, struct scsi_answer *answer)
{
	u32 page = command[2] & SCSI_MODE_ALL;

	if (page != MMC_PAGE_MECHANISM && page != SCSI_MODE_ALL) {
		scsi_fail(answer, SCSI_KEY_ILLEGAL_REQUEST, SCSI_CODE_NO_FIELD);
		return;
	}
	scsi_put(answer->data, 2, 8 + 20 - 2);
	answer->data[8] = MMC_PAGE_MECHANISM;
	answer->data[9] = 18;
	answer->data[8 + 6] = 0x29; /* a tray, which ejects, and which can be locked */
	scsi_return(answer, 8 + 20, scsi_get(command + 7, 2));
}

static void drive_move_tray(struct virtio_blk *blk, const u8 *command, struct scsi_answer *answer)
{
	struct drive_state *drive = &blk->scsi.drive;

	if ((command[4] & MMC_EJECT) == 0)
		return; /* START STOP UNIT without LoEj: there is nothing that spins */
	if ((command[4] & MMC_START) != 0) {
		if (drive->tray == TRAY_OPEN)
			drive_note(drive, TRAY_FULL);
		return;
	}
	if (drive->locked != 0)
		scsi_fail(answer, SCSI_KEY_ILLEGAL_REQUEST, SCSI_CODE_REMOVAL_PREVENTED);
	else if (drive->tray == TRAY_FULL)
		drive_note(drive, TRAY_OPEN);
}

/* --- commands that need a medium --- */

static void drive_read_capacity(const struct virtio_blk *blk, struct scsi_answer *answer)
{
	scsi_put(answer->data, 4, drive_blocks(blk) - 1);
	scsi_put(answer->data + 4, 4, MMC_BLOCK_BYTES);
	answer->bytes = 8;
}

/*
 * Writes a track's number and where it begins: as a block number, or in minutes, seconds and
 * frames.
 */
static void drive_put_track(struct scsi_answer *answer, u32 at, u32 track, u32 block, bool msf)
{
	u32 frame = block + 150;

	answer->data[at + 1] = MMC_TOC_DATA;
	answer->data[at + 2] = (u8)track;
	if (msf)
		block = MIN(frame / 75 / 60, 255u) << 16 | frame / 75 % 60 << 8 | frame % 75;
	scsi_put(answer->data + at + 4, 4, block);
}

/* Reads the table of contents: one session with one track of data, and the lead-out behind that. */
static void drive_read_toc(const struct virtio_blk *blk, const u8 *command,
			   struct scsi_answer *answer)
{
	bool msf = (command[1] & 2) != 0;
	u32 format = (command[2] & 0xf) != 0 ? command[2] & 0xfu : (u32)command[9] >> 6;
	u32 at = 4;

	if (format > 1 || (format == 0 && command[6] > 1 && command[6] != MMC_TOC_LEAD_OUT)) {
		scsi_fail(answer, SCSI_KEY_ILLEGAL_REQUEST, SCSI_CODE_NO_FIELD);
		return;
	}
	answer->data[2] = 1; /* the first track (format 1: session), then the last one */
	answer->data[3] = 1;
	if (format == 1 || command[6] <= 1) {
		drive_put_track(answer, at, 1, 0, msf);
		at += 8;
	}
	if (format == 0) {
		drive_put_track(answer, at, MMC_TOC_LEAD_OUT, drive_blocks(blk), msf);
		at += 8;
	}
	scsi_put(answer->data, 2, at - 2);
	scsi_return(answer, at, scsi_get(command + 7, 2));
}

static void drive_read(const struct virtio_blk *blk, u64 first, u64 blocks,
		       struct scsi_answer *answer)
{
	u32 all = drive_blocks(blk);

	if (blocks > all || first > all - blocks) {
		scsi_fail(answer, SCSI_KEY_ILLEGAL_REQUEST, SCSI_CODE_OUT_OF_RANGE);
		return;
	}
	answer->asks = blocks != 0;
	answer->first = first;
	answer->blocks = (u32)blocks;
}

static void drive_command_with_medium(struct virtio_blk *blk, const u8 *command,
				      struct scsi_answer *answer)
{
	switch (command[0]) {
	case SCSI_TEST_UNIT_READY:
		break;
	case SCSI_READ_CAPACITY_10:
		drive_read_capacity(blk, answer);
		break;
	case SCSI_READ_10:
		drive_read(blk, scsi_get(command + 2, 4), scsi_get(command + 7, 2), answer);
		break;
	case SCSI_READ_12:
		drive_read(blk, scsi_get(command + 2, 4), scsi_get(command + 6, 4), answer);
		break;
	case MMC_READ_TOC:
		drive_read_toc(blk, command, answer);
		break;
	default:
		scsi_fail(answer, SCSI_KEY_ILLEGAL_REQUEST, SCSI_CODE_NO_COMMAND);
	}
}

static void drive_command_with_or_without(struct virtio_blk *blk, const u8 *command,
					  struct scsi_answer *answer)
{
	struct drive_state *drive = &blk->scsi.drive;

	switch (command[0]) {
	case MMC_GET_CONFIGURATION:
		drive_get_configuration(blk, command, answer);
		return;
	case SCSI_MODE_SENSE_10:
		drive_sense_mode(command, answer);
		return;
	case SCSI_START_STOP_UNIT:
		drive_move_tray(blk, command, answer);
		return;
	case MMC_PREVENT_ALLOW_REMOVAL:
		drive->locked = command[4] & 1;
		if (drive->locked != 0)
			drive_take(blk, TAKEN_LOCKED);
		return;
	default:
		break;
	}
	if (drive_is_full(blk))
		drive_command_with_medium(blk, command, answer);
	else
		scsi_fail(answer, SCSI_KEY_NOT_READY,
			  drive->tray == TRAY_OPEN ? SCSI_CODE_NO_MEDIUM_OPEN
						   : SCSI_CODE_NO_MEDIUM_CLOSED);
}

void drive_command(struct virtio_blk *blk, u32 unit, const u8 command[SCSI_COMMAND_BYTES],
		   struct scsi_answer *answer)
{
	struct drive_state *drive = &blk->scsi.drive;

	memset(answer, 0, sizeof(*answer));
	/*
	 * these commands are answered even while a unit attention is pending (SAM-5 5.14, MMC-6
	 * 6.6.2.1)
	 */
	switch (command[0]) {
	case SCSI_INQUIRY:
		drive_inquire(blk, unit, command, answer);
		return;
	case SCSI_REPORT_LUNS:
		scsi_report_units(command, answer);
		return;
	default:
		break;
	}
	if (unit != 0) {
		scsi_fail(answer, SCSI_KEY_ILLEGAL_REQUEST, SCSI_CODE_NO_UNIT);
		return;
	}
	if (command[0] == SCSI_REQUEST_SENSE) {
		drive_request_sense(command, answer);
	} else if (command[0] == MMC_GET_EVENT_STATUS) {
		drive_tell_event(blk, command, answer);
	} else if (drive->attention != 0) {
		drive->attention = 0;
		scsi_fail(answer, SCSI_KEY_UNIT_ATTENTION, SCSI_CODE_CHANGED);
	} else {
		drive_command_with_or_without(blk, command, answer);
	}
}
