/* SPDX-License-Identifier: MIT */
#pragma once

#include "vmm/monitor/virtio/virtio_blk.h"

/* Attaches a SCSI host for each of config->blk that is a CD-ROM drive; skips disks. */
enum status virtio_scsi_attach(struct platform *platform,
			       const struct platform_config *config) MUST_CHECK;
