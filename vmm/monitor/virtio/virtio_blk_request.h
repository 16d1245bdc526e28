/* SPDX-License-Identifier: MIT */
#pragma once

#include "vmm/monitor/virtio/virtio_blk.h"

#define BLK_HEADER_BYTES 16u /* the header's size: virtio 1.2, 5.2.6 */

/* Takes what the guest offers in a queue, as long as there are free requests. */
void blk_take_all(struct virtio_blk *blk, u32 queue);
/* Asks the driver for all waiting requests, as long as there is room. */
void blk_ask_all(struct virtio_blk *blk);
/* Fails all requests of a lost disk, and those that the guest still offers. */
void blk_fail_all(struct virtio_blk *blk);
/* Marks all requests as waiting, as nobody will answer what was asked. */
void blk_ask_again(struct virtio_blk *blk);
/* Gives back the requests that the driver has answered, then takes more. */
void blk_take_answers(struct virtio_blk *blk);
