/* SPDX-License-Identifier: MIT */
#pragma once

#include "vmm/driver/disk/core/layer.h"

/* The layer that redirects a client's requests to a volume of a store. */
extern const struct layer store_layer;
