/* SPDX-License-Identifier: MIT */
#pragma once

#include "kernel/abi/start.h"
#include "vmm/monitor/disk/disk_client.h"

/*
 * A disk that a save or backup is written to or read from: each function makes one request at a
 * time and waits for its answer.
 */
struct save_disk {
	struct disk_client *client;
	handle_t queue;
	u64 bytes;
	char problem[96]; /* why the last call has failed */
};

/* Opens the link that the process was started with (START_SAVE); its signals arrive in `queue`. */
bool save_disk_open(struct save_disk *disk, handle_t queue) MUST_CHECK;
/* Uses a disk through a link that is open already and has no request under way. */
void save_disk_over(struct save_disk *disk, struct disk_client *client, handle_t queue);
/* Opens the link of a disk (START_DISK) that another process of the VM had before this one. */
bool save_disk_open_link(struct save_disk *disk, struct disk_client *client,
			 const struct start_entry *entry, handle_t queue) MUST_CHECK;
/* Opens the link of one of several disks to which this process may write (START_SAVE). */
bool save_disk_open_target(struct save_disk *disk, struct disk_client *client,
			   const struct start_entry *entry, handle_t queue) MUST_CHECK;
/* Returns whether the disk has grown since it was opened; `bytes` is its size then. */
bool save_disk_has_grown(const struct save_disk *disk);
/* Read and write `count` bytes at `offset`, both in whole blocks, in as few requests as can be. */
bool save_disk_read(struct save_disk *disk, u64 offset, void *bytes, u32 count) MUST_CHECK;
bool save_disk_write(struct save_disk *disk, u64 offset, const void *bytes, u32 count) MUST_CHECK;
/* Flushes the disk's write cache, if it has one. */
bool save_disk_flush(struct save_disk *disk) MUST_CHECK;
