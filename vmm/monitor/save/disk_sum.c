/* SPDX-License-Identifier: MIT */
/*
 * A keyed sum over a disk, so that a saved VM is restored only if its disks have the same content
 * as at the save. Called by saver.c and restore.c; reads the disk through save_disk.c.
 */
#include "vmm/monitor/save/disk_sum.h"

#include "lib/bits.h"
#include "vmm/rt/crypto/poly1305.h"
#include "vmm/rt/crypto/secret.h"
#include "vmm/rt/start.h"

static u8 piece[BLOCK_REQUEST_BYTES] ALIGNED(8);
_Static_assert(sizeof(piece) % POLY1305_BLOCK_BYTES == 0 &&
		       BLOCK_SECTOR_BYTES % POLY1305_BLOCK_BYTES == 0,
	       "whole blocks");

const struct start_entry *disk_sum_next(const struct start_entry *last)
{
	const struct start_entry *entry = last == NULL ? start_find(START_DISK) : start_next(last);

	for (; entry != NULL; entry = start_next(entry)) {
		const struct link_memory *link = (const void *)(uintptr_t)entry->offset;
		const struct block_about *about = (const void *)link->about;

		if ((__atomic_load_n(&about->features, __ATOMIC_RELAXED) & DISK_READ_ONLY) == 0)
			return entry;
	}
	return NULL;
}

/*
 * Sums up a disk by a one-time authenticator. The sum is sealed in the saved VM, so that without
 * the key no other content can be made that fits.
 */
bool disk_sum(struct save_disk *disk, const struct stream *stream, u32 number, void (*moved)(void),
	      u8 sum[STREAM_SUM_BYTES])
{
	u8 key[POLY1305_KEY_BYTES];
	struct poly1305 poly;
	bool read = save_disk_flush(disk);

	stream_disk_key(stream, number, key);
	poly1305_open(&poly, key);
	secret_forget(key, sizeof(key));
	for (u64 at = 0; read && at < disk->bytes; at += sizeof(piece)) {
		u32 count = (u32)MIN(disk->bytes - at, sizeof(piece));

		read = save_disk_read(disk, at, piece, count);
		poly1305_add(&poly, piece, count, false);
		moved();
	}
	poly1305_finish(&poly, sum);
	return read;
}
