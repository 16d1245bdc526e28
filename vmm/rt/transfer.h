/* SPDX-License-Identifier: MIT */
#pragma once

#include "kernel/abi/object.h"
#include "lib/bits.h"

/*
 * A stream of bytes from a process to whoever is at the other end of a machine channel (outward),
 * or from there to the process (inward). Process and manager share a ring in memory; the manager
 * passes its bytes on as pieces of a stream (vmm/manager/transfer/transfer.h). Indices run freely.
 * Each side reads a word of the other side only once, and the manager checks it.
 */
#define TRANSFER_RING_BYTES 65536u
#define TRANSFER_TEXT_BYTES 128u

enum transfer_verdict {
	TRANSFER_OPEN,
	TRANSFER_DONE,	 /* outward: the store has confirmed that it has all bytes */
	TRANSFER_FAILED, /* `problem` says why; nothing is passed on any more */
};

struct transfer_ring {
	/* The manager writes the fields from here on. */
	u64 manager_at;	   /* bytes that the manager has taken (outward) or brought (inward) */
	u32 manager_ended; /* 1: the inward stream ends at manager_at */
	u32 verdict;	   /* enum transfer_verdict; valid once it is not TRANSFER_OPEN */
	char problem[TRANSFER_TEXT_BYTES];

	/* The process writes the fields from here on. */
	/* bytes that the process has brought (outward) or taken (inward) */
	u64 process_at ALIGNED(64);
	u32 process_ended; /* 1: the outward stream ends at process_at */
	/* A change of this value says that the process is busy, although it moves no bytes. */
	u32 process_works;

	u8 bytes[TRANSFER_RING_BYTES] ALIGNED(64);
};
#define TRANSFER_BYTES ((sizeof(struct transfer_ring) + PAGE_SIZE - 1) & ~(PAGE_SIZE - 1))

/* The process's end of a transfer. */
struct transfer_end {
	struct transfer_ring *ring;
	/* the queue to which the manager's signals come; reading takes them away */
	handle_t queue;
	handle_t doorbell; /* the event that wakes the manager */
	u64 at;
	char problem[TRANSFER_TEXT_BYTES]; /* why the last call has failed */
};

/*
 * Writes `count` bytes. Like the other functions of a transfer, it waits, and returns false once
 * the transfer has failed.
 */
bool transfer_write(struct transfer_end *end, const void *bytes, u32 count) MUST_CHECK;
/*
 * Tells the manager that the process is busy with work on which the next bytes depend, so that the
 * manager does not give up.
 */
void transfer_works(struct transfer_end *end);
/* Ends an outward transfer; returns true once the store has confirmed that it has everything. */
bool transfer_finish(struct transfer_end *end) MUST_CHECK;
/* Reads `count` bytes; *read is less where the stream ends. */
bool transfer_read(struct transfer_end *end, void *bytes, u32 count, u32 *read) MUST_CHECK;
