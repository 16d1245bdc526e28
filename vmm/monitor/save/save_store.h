/* SPDX-License-Identifier: MIT */
#pragma once

#include "vmm/monitor/save/save_disk.h"
#include "vmm/monitor/state/stream.h"
#include "vmm/rt/transfer.h"

/*
 * Where a save is written to or read from: the disk that the process was started with, or the
 * transfer. The bytes are the same: a header in a block of its own, then records in whole blocks.
 */
struct save_store {
	bool transfers;
	struct save_disk disk;
	struct transfer_end transfer;
	u64 at;				   /* offset of the next record on the disk */
	char problem[TRANSFER_TEXT_BYTES]; /* why the last call has failed */
};

/* Opens the store given at the start (START_SAVE); its signals arrive in `queue`. */
bool save_store_open(struct save_store *store, handle_t queue) MUST_CHECK;

/*
 * Returns whether `bytes` fit and may be written; call it before any other function. All functions
 * below return false when they have failed, with the reason in `problem`.
 */

/* Returns whether `bytes` fit and may be written; call it before any write. */
bool save_store_fits(struct save_store *store, u64 bytes, bool overwrite) MUST_CHECK;
/* Begins a save with that header. On a disk there is no save until it is complete. */
bool save_store_begin(struct save_store *store, const struct stream_header *header) MUST_CHECK;
bool save_store_write(struct save_store *store, const void *record, u32 bytes) MUST_CHECK;
/* Asks for time, as nothing is written or read for a while, but the process is busy. */
void save_store_works(struct save_store *store);
/* Completes the save: on the medium, or confirmed by the keeper of the transfer. */
bool save_store_complete(struct save_store *store, const struct stream_header *header) MUST_CHECK;

/* Reads the block of the header, STREAM_BLOCK_BYTES; zeros of a stream that ends before. */
bool save_store_read_header(struct save_store *store, void *block) MUST_CHECK;
/*
 * Reads the next record into STREAM_RECORD_LIMIT bytes, of which *count are there, whole or not; a
 * disk gives what lies behind the record as well.
 */
bool save_store_read(struct save_store *store, struct stream_record *record, u32 *count) MUST_CHECK;
/* Moves past the record that was read, which has so many bytes. */
void save_store_pass(struct save_store *store, u32 bytes);
/* Checks that the last record was the last: nothing comes behind it in a stream. */
bool save_store_ends(struct save_store *store) MUST_CHECK;
