/* SPDX-License-Identifier: MIT */
#pragma once

/* The CD-ROM drive behind a SCSI host: its commands, and its tray. */
#include "vmm/monitor/virtio/virtio_blk.h"

#define DRIVE_COMMAND_BYTES 32u
#define DRIVE_ANSWER_BYTES  256u

/* What GET EVENT STATUS NOTIFICATION says of the medium (the CD): MMC-6 6.6.2.6. */
enum cd_event { CD_EVENT_NONE, CD_EVENT_ASKED, CD_EVENT_NEW, CD_EVENT_GONE, CD_EVENT_COUNT };

/*
 * The result of a command to the drive: data that are returned at once, an error, or blocks to be
 * read.
 */
struct drive_answer {
	u8 status; /* SCSI_GOOD or SCSI_CHECK_CONDITION */
	u8 key;	   /* the sense key, if `status` is SCSI_CHECK_CONDITION */
	u16 code;
	bool reads;
	u32 first; /* the first block to be read; `blocks` is their number */
	u32 blocks;
	u32 bytes; /* the number of bytes of `data` in use */
	u8 data[DRIVE_ANSWER_BYTES];
};

/* Carries out a command for a unit of the drive's target; only unit 0 is there. */
void drive_command(struct virtio_blk *blk, u32 unit, const u8 command[DRIVE_COMMAND_BYTES],
		   struct drive_answer *answer);
/* Writes sense data that say why a command to the drive has failed. */
void drive_write_sense(u8 *sense, u32 key, u32 code);
bool drive_valid(const struct drive_state *drive);
/* Notes what the guest has done with a CD that is for one start; does nothing for other CDs. */
void drive_take(struct virtio_blk *blk, enum drive_taken what);
/*
 * Notes that the VM starts anew: a secret that the guest has used in an earlier start is gone now.
 */
void drive_begin_start(struct drive_state *drive);
/*
 * Ejects the CD because the operator wants it. If the guest has locked the drive, the CD stays in,
 * and the guest is asked to eject it.
 */
void drive_eject(struct drive_state *drive);
void drive_insert(struct drive_state *drive);
/*
 * Sets the state of the tray, and what the guest is told next about the CD that has come or gone.
 */
void drive_note(struct drive_state *drive, enum drive_tray tray);
