/* SPDX-License-Identifier: MIT */
#pragma once

#include "vmm/monitor/disk/disk_client.h"

/* The value that the source's guest writes, in each word. */
#define POOL_WATCHER_MARK 0x5ec4e75ec4e75ec4ull

/* Flushes and watches the pool, in place of `flush`. */
void pool_watcher_flush(struct disk_client *client, void (*flush)(struct disk_client *client));
