/* SPDX-License-Identifier: MIT */
#pragma once

#include "vmm/monitor/virtio/virtio_blk.h"

/* Attaches the SCSI host that has those of config->blk as its disks that are units, if any are. */
enum status virtio_scsi_host_attach(struct platform *platform,
				    const struct platform_config *config) MUST_CHECK;
