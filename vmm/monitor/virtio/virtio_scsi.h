/* SPDX-License-Identifier: MIT */
#pragma once

#include "vmm/monitor/virtio/virtio_blk.h"

/* Attaches a SCSI host for each of config->blk that is a CD-ROM drive; skips disks. */
enum status virtio_scsi_attach(struct platform *platform,
			       const struct platform_config *config) MUST_CHECK;
/*
 * Puts the CD that is now behind a drive's link into the drive, at the operator's request: the CD
 * that was taken out, or another one. Does nothing if a CD is in.
 */
void virtio_scsi_insert(struct virtio_blk *blk);
