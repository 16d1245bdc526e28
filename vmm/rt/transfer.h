/* SPDX-License-Identifier: MIT */
#pragma once

#include "kernel/abi/object.h"
#include "lib/bits.h"

/*
 * A stream of bytes from a process to the client at the other end of a machine channel (outward),
 * or from there to the process (inward). Process and manager share a ring in memory; the manager
 * passes its bytes on as pieces of a stream (vmm/manager/transfer/transfer.h). Indices run freely,
 * and are taken modulo the ring's size. Each side reads a word of the other side only once, and the
 * manager checks it.
 */
#define TRANSFER_RING_BYTES 65536u
#define TRANSFER_TEXT_BYTES 128u

enum transfer_verdict {
	TRANSFER_OPEN,
	TRANSFER_DONE, /* outward: the other end has confirmed that it has all bytes */
	/* the transfer has failed, for the reason in `problem`; no byte is passed on any more */
	TRANSFER_FAILED,
};

struct transfer_ring {
	/* The manager writes the fields from here on. */
	/* bytes that the manager has taken from the ring (outward) or put into it (inward) */
	u64 manager_at;
	u32 manager_ended; /* 1: the inward stream ends at manager_at */
	u32 verdict;	   /* enum transfer_verdict; valid once it is not TRANSFER_OPEN */
	char problem[TRANSFER_TEXT_BYTES];

	/* The process writes the fields from here on. */
	/* bytes that the process has put into the ring (outward) or taken from it (inward) */
	u64 process_at ALIGNED(64);
	u32 process_ended; /* 1: the outward stream ends at process_at */
	/*
	 * A change of this value tells the manager that the process is busy, although it moves no
	 * bytes.
	 */
	u32 process_works;

	u8 bytes[TRANSFER_RING_BYTES] ALIGNED(64);
};
#define TRANSFER_BYTES ((sizeof(struct transfer_ring) + PAGE_SIZE - 1) & ~(PAGE_SIZE - 1))

/* The process's end of a transfer. */
struct transfer_end {
	struct transfer_ring *ring;
	/* the queue to which the manager's signals come; waiting takes them out of it */
	handle_t queue;
	handle_t doorbell; /* the event by which the process signals the manager */
	u64 at;
	char problem[TRANSFER_TEXT_BYTES]; /* why the last call has failed */
};

/*
 * Writes `count` bytes to an outward transfer. Like the other functions of a transfer, it waits,
 * and returns false once the transfer has failed.
 */
bool transfer_write(struct transfer_end *end, const void *bytes, u32 count) MUST_CHECK;
/*
 * Tells the manager that the process is busy with work on which the next bytes depend, so that the
 * manager does not give up.
 */
void transfer_works(struct transfer_end *end);
/* Ends an outward transfer; returns true once the other end has confirmed that it has all bytes. */
bool transfer_finish(struct transfer_end *end) MUST_CHECK;
/* Reads `count` bytes of an inward transfer; *read is less where the stream ends. */
bool transfer_read(struct transfer_end *end, void *bytes, u32 count, u32 *read) MUST_CHECK;
