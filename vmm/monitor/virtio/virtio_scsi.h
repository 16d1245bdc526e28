/* SPDX-License-Identifier: MIT */
#pragma once

#include "vmm/monitor/virtio/virtio_blk.h"

/* Attaches a SCSI host for each of config->blk that is a drive; the others are no matter of it. */
enum status virtio_scsi_attach(struct platform *platform,
			       const struct platform_config *config) MUST_CHECK;
