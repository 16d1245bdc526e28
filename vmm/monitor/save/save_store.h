/* SPDX-License-Identifier: MIT */
#pragma once

#include "vmm/monitor/save/save_disk.h"
#include "vmm/monitor/state/stream.h"
#include "vmm/rt/transfer.h"

/*
 * The place where a save is written to or read from: the disk or the transfer that the process was
 * started with. Either holds a header, in a block of its own, then records in whole blocks.
 */
struct save_store {
	bool transfers;
	struct save_disk disk;
	struct transfer_end transfer;
	u64 at;				   /* the offset on the disk of the next record, in bytes */
	char problem[TRANSFER_TEXT_BYTES]; /* why the last call has failed */
};

/*
 * Opens the disk or transfer with which the process was started (START_SAVE); its signals arrive in
 * `queue`.
 */
bool save_store_open(struct save_store *store, handle_t queue) MUST_CHECK;

/*
 * Write and read a save. Call save_store_fits before any other of these functions. They return
 * false when they have failed, with the reason in `problem`.
 */

/*
 * Returns whether a save of `bytes` bytes fits and may be written there; call it before any write.
 */
bool save_store_fits(struct save_store *store, u64 bytes, bool overwrite) MUST_CHECK;
/* Begins a save with that header. On a disk there is no save until it is complete. */
bool save_store_begin(struct save_store *store, const struct stream_header *header) MUST_CHECK;
bool save_store_write(struct save_store *store, const void *record, u32 bytes) MUST_CHECK;
/*
 * Asks the other end of a transfer to wait, as this process is busy and reads or writes nothing for
 * a while.
 */
void save_store_works(struct save_store *store);
/*
 * Completes the save: returns once the disk has flushed it, or the other end of the transfer has
 * confirmed it.
 */
bool save_store_complete(struct save_store *store, const struct stream_header *header) MUST_CHECK;

/*
 * Reads the block with the header, STREAM_BLOCK_BYTES; bytes beyond the end of a shorter stream
 * read as zeros.
 */
bool save_store_read_header(struct save_store *store, void *block) MUST_CHECK;
/*
 * Reads the next record into `record`, which has STREAM_RECORD_LIMIT bytes, and sets *count to the
 * bytes that were read: perhaps fewer than the record has, or more on a disk.
 */
bool save_store_read(struct save_store *store, struct stream_record *record, u32 *count) MUST_CHECK;
/* Moves past the record that was read last, which takes `bytes` bytes of the save. */
void save_store_pass(struct save_store *store, u32 bytes);
/* Checks that nothing follows the last record in a stream. */
bool save_store_ends(struct save_store *store) MUST_CHECK;
