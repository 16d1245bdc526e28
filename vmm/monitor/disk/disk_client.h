/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * The monitor's end of a link to a disk's driver: requests, answers, and the pool for their data.
 */
#include "vmm/io/block.h"
#include "vmm/io/driver_channel.h"

#define DISK_TAG_NONE (~0u)

/* The part of the data pool that a request uses, and the request's tag. */
struct disk_piece {
	bool used;
	u16 page; /* the piece's first page, counted in the pool */
	u16 pages;
	/* the tag by which the asker knows the request; DISK_TAG_NONE: the request was forgotten */
	u32 tag;
};

/*
 * The monitor's end of a link to a disk: the unanswered requests, and the pool that data passes
 * through. No answer is accepted unless it matches a request noted here.
 */
struct disk_client {
	struct link_end end;
	u8 *pool;
	void (*ring)(void *context); /* signals the disk's driver */
	void *context;
	u64 pool_used[BLOCK_POOL_PAGES / 64];
	u32 outstanding;
	u64 writes;    /* the number of requests that change what the disk holds */
	u32 free_from; /* all of `piece` before this one are in use */
	/* the number of unanswered requests for whose answers nobody waits any more */
	u32 forgotten;
	u32 impossible_count; /* the number of answers that matched no request */
	u32 next_sequence;
	/* the driver has been asked to signal the next answer, and none has come since */
	bool quiet;
	struct disk_piece piece[SLOT_COUNT];
	u32 sequence[SLOT_COUNT]; /* for each slot, the sequence number in its request's id */
	/*
	 * for each slot, the number of the window of RAM through which the disk controller reaches
	 * the data; 0: the data are in the pool
	 */
	u32 window[SLOT_COUNT];
	/*
	 * the number of the window of RAM that the driver cannot use: data go through the pool
	 * instead; 0: none
	 */
	u32 copy_window;
};

/* Opens the link to a disk; its `memory` has BLOCK_LINK_BYTES bytes. */
void disk_client_open(struct disk_client *client, struct link_memory *memory,
		      void (*ring)(void *context), void *context);
/* Returns the driver's description of the disk, which may have grown since the last call. */
struct block_about disk_client_about(const struct disk_client *client);

/*
 * Returns true if a new driver process is at the other end: it knows no request, so all unanswered
 * requests must be sent again.
 */
bool disk_client_renewed(struct disk_client *client) MUST_CHECK;
/*
 * Takes a free piece of the pool for a request with `bytes` bytes of data, at most
 * BLOCK_REQUEST_BYTES, and returns its number, or -1 if there is none. *data is the piece, through
 * which the data pass.
 */
int disk_client_take(struct disk_client *client, u32 bytes, u8 **data);
/* Puts a request into the link. Its answer carries `tag`; disk_client_flush signals the driver. */
void disk_client_ask(struct disk_client *client, int piece, enum block_operation operation,
		     u64 sector, u32 sectors, u32 tag);
/*
 * Puts a request into the link whose data lie in the VM's RAM. The caller has set its operation,
 * its sectors, its window (disk_client_direct_pages), and the numbers of the sectors' pages.
 */
void disk_client_ask_direct(struct disk_client *client, int piece, u32 tag,
			    struct block_request *request);
/*
 * Returns the most pages that a request with data in RAM (disk_client_ask_direct) may have now, up
 * to BLOCK_DIRECT_PAGES, and sets *window to the number of their window; 0: no such request is
 * possible.
 */
u32 disk_client_direct_pages(const struct disk_client *client, u32 *window);
/*
 * Returns whether the host's disk controller may still access the VM's RAM for a request: not after
 * its answer, nor after the manager has closed the window.
 */
bool disk_client_is_landing(const struct disk_client *client);
/* Shows the driver the new requests, and signals it if it sleeps. */
void disk_client_flush(struct disk_client *client);
/*
 * As disk_client_flush, but returns true if it has woken the driver: then no answer is signalled
 * before disk_client_answer has returned false, which the caller must bring about.
 */
bool disk_client_wake(struct disk_client *client) MUST_CHECK;
/*
 * Takes the next answer from the link, and sets *tag to its request's tag. *data is the answer's
 * data until disk_client_give_back(piece), or NULL if they lie in the VM's RAM. Returns false if
 * there is none; the driver then signals the next. The statuses BLOCK_COPY and BLOCK_COPY_ONCE mean
 * that the request was not carried out: repeat it with data in the pool. After BLOCK_COPY,
 * disk_client_direct_pages returns 0 until there is another window.
 */
bool disk_client_answer(struct disk_client *client, u32 *tag, enum block_status *status,
			const u8 **data, int *piece);
void disk_client_give_back(struct disk_client *client, int piece);
/*
 * Drops all outstanding requests. Until they have been answered no new request is allowed: the disk
 * could do an old write after a new one.
 */
void disk_client_forget(struct disk_client *client);
static inline bool disk_client_is_clear(const struct disk_client *client)
{
	return client->forgotten == 0;
}
