/* SPDX-License-Identifier: MIT */
#pragma once

#include "kernel/abi/object.h"
#include "lib/bits.h"

/*
 * Bytes from a process to whoever is at the other end of a machine channel, or from there to the
 * process: outward or inward. Process and manager share a ring in memory; the manager passes its
 * bytes on as pieces of a stream (vmm/manager/transfer/transfer.h). Indices run freely. Whoever
 * reads what the other has written takes it once, and the manager checks it.
 */
#define TRANSFER_RING_BYTES 65536u
#define TRANSFER_TEXT_BYTES 128u

enum transfer_verdict {
	TRANSFER_OPEN,
	TRANSFER_DONE,	 /* outward: the store has confirmed that it has all of it */
	TRANSFER_FAILED, /* `problem` says why; nothing is passed on any more */
};

struct transfer_ring {
	/* written by the manager */
	u64 manager_at;	   /* bytes that it has taken (outward) or brought (inward) */
	u32 manager_ended; /* inward: nothing comes behind manager_at */
	u32 verdict;	   /* enum transfer_verdict; valid once it is not TRANSFER_OPEN */
	char problem[TRANSFER_TEXT_BYTES];

	/* written by the process */
	u64 process_at ALIGNED(64); /* bytes that it has brought (outward) or taken (inward) */
	u32 process_ended;	    /* outward: nothing comes behind process_at */
	u32 process_works;	    /* another number: it moves no bytes, but is busy */

	u8 bytes[TRANSFER_RING_BYTES] ALIGNED(64);
};
#define TRANSFER_BYTES ((sizeof(struct transfer_ring) + PAGE_SIZE - 1) & ~(PAGE_SIZE - 1))

/* The process's end. */
struct transfer_end {
	struct transfer_ring *ring;
	handle_t queue;	   /* what the manager signals arrives there; its signals are taken away */
	handle_t doorbell; /* event that wakes the manager */
	u64 at;
	char problem[TRANSFER_TEXT_BYTES]; /* why the last call has failed */
};

/* All wait, and all return false when the transfer has failed. */
bool transfer_write(struct transfer_end *end, const void *bytes, u32 count) MUST_CHECK;
/* The process is at something else, on which the next bytes depend: it is given time for that. */
void transfer_works(struct transfer_end *end);
/* Nothing follows; true once the store has confirmed that it has all. */
bool transfer_finish(struct transfer_end *end) MUST_CHECK;
/* Reads `count` bytes; *read are fewer where the stream ends. */
bool transfer_read(struct transfer_end *end, void *bytes, u32 count, u32 *read) MUST_CHECK;
