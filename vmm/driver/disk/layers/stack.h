/* SPDX-License-Identifier: MIT */
#pragma once

#include "vmm/driver/disk/core/layer.h"

/* Returns the layers for a client that is given this part of a disk, highest first. */
const struct layer *const *stack_of(const struct disk_client_part *part);
