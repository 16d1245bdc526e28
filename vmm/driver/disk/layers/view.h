/* SPDX-License-Identifier: MIT */
#pragma once

#include "vmm/driver/disk/core/layer.h"

/*
 * The layer of views: clients that see another client's part of the disk (the source) as it was at
 * a snapshot. The source's old piece is kept before a write is handed to the device: so the data
 * that a view reads from the device are either unchanged, or kept by the time the read has ended,
 * and then laid over. A view never writes to the device. If a view may write, its own `undo` is an
 * overlay of the pieces it has written. The device may return data newer than the snapshot, and a
 * client may look at its pool at any time. So data is read into bounce pages outside the client's
 * reach, overlaid there, and only then copied into the pool.
 */
extern const struct layer view_layer;
