/* SPDX-License-Identifier: MIT */
#pragma once

#include "vmm/driver/disk/core/layer.h"

/*
 * The layer that keeps the content of a client's disk at a snapshot: before a client overwrites a
 * piece (a page) for the first time, the piece is read into the client's store. While the client
 * returns to the snapshot, none of its requests is taken.
 */
extern const struct layer undo_layer;
