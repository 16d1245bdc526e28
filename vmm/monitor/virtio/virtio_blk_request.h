/* SPDX-License-Identifier: MIT */
#pragma once

#include "vmm/monitor/virtio/virtio_blk.h"

#define BLK_HEADER_BYTES 16u /* virtio 1.2, 5.2.6 */

/* Takes what the guest offers in a queue, as long as there are free requests. */
void blk_take_all(struct virtio_blk *blk, u32 queue);
/* Asks the driver for what waits, as long as there is room. */
void blk_ask_all(struct virtio_blk *blk);
/* The disk is lost: fails what it was asked for and what the guest offers. */
void blk_fail_all(struct virtio_blk *blk);
/* Whatever was asked has to be asked again: nobody will answer it. */
void blk_ask_again(struct virtio_blk *blk);
/* Gives back what the driver has answered, then takes more. */
void blk_take_answers(struct virtio_blk *blk);
