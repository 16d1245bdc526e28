/* SPDX-License-Identifier: MIT */
#pragma once

/* The CD-ROM drive behind a SCSI host: its commands, and its tray. */
#include "vmm/monitor/virtio/virtio_blk.h"
#include "vmm/monitor/virtio/virtio_scsi_queue.h"

/* Answers of GET EVENT STATUS NOTIFICATION about the medium (the CD): MMC-6 6.6.2.6. */
enum cd_event { CD_EVENT_NONE, CD_EVENT_ASKED, CD_EVENT_NEW, CD_EVENT_GONE, CD_EVENT_COUNT };

/* Carries out a command for a unit of the drive's target; only unit 0 is there. */
void drive_command(struct virtio_blk *blk, u32 unit, const u8 command[SCSI_COMMAND_BYTES],
		   struct scsi_answer *answer);
bool drive_valid(const struct drive_state *drive);
/* Notes the guest's use of a CD that is for one start; does nothing for other CDs. */
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
 * Sets the state of the tray, and the next news for the guest about the CD that has come or gone.
 */
void drive_note(struct drive_state *drive, enum drive_tray tray);
