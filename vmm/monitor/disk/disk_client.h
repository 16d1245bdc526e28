/* SPDX-License-Identifier: MIT */
#pragma once

#include "vmm/io/block.h"
#include "vmm/io/driver_channel.h"

#define DISK_TAG_NONE (~0u)

/* A part of the pool for a request, and the request's tag. */
struct disk_piece {
	bool used;
	u16 page; /* the first page in the pool */
	u16 pages;
	u32 tag; /* the asker's tag; DISK_TAG_NONE: nobody waits for the answer any more */
};

/*
 * The monitor's end of a link to a disk: the unanswered requests, and the pool that data passes
 * through. No answer is accepted unless it matches a request noted here.
 */
struct disk_client {
	struct link_end end;
	u8 *pool;
	void (*ring)(void *context); /* signals the driver */
	void *context;
	u64 pool_used[BLOCK_POOL_PAGES / 64];
	u32 outstanding;
	u32 forgotten;	      /* the number of requests for whose answers nobody waits any more */
	u32 impossible_count; /* answers that match no request */
	u32 next_sequence;
	bool quiet; /* the driver was asked to signal the next answer, and none has come since */
	struct disk_piece piece[SLOT_COUNT];
	u32 sequence[SLOT_COUNT]; /* the sequence number in the id of each slot's request */
	/*
	 * for each slot the window through which the device has the data; 0: the data are in the
	 * pool
	 */
	u32 window[SLOT_COUNT];
	/* the window that the driver does not want to be used: data are copied instead */
	u32 copy_window;
};

/* Opens the link; `memory` has BLOCK_LINK_BYTES. */
void disk_client_open(struct disk_client *client, struct link_memory *memory,
		      void (*ring)(void *context), void *context);
/* Returns the driver's description of the disk, which may have grown since the last call. */
struct block_about disk_client_about(const struct disk_client *client);

/*
 * Returns true if another driver is at the other end: it knows no request, so all unanswered
 * requests must be asked again.
 */
bool disk_client_renewed(struct disk_client *client) MUST_CHECK;
/*
 * Takes a free piece for a request with `bytes` of data, at most BLOCK_REQUEST_BYTES. Returns -1 if
 * there is none. *data is where the data passes through.
 */
int disk_client_take(struct disk_client *client, u32 bytes, u8 **data);
/* Sends a request. Its answer carries the tag; disk_client_flush signals the driver. */
void disk_client_ask(struct disk_client *client, int piece, enum block_operation operation,
		     u64 sector, u32 sectors, u32 tag);
/* Sends a request whose data lie in the RAM pages with these numbers. */
void disk_client_ask_direct(struct disk_client *client, int piece, enum block_operation operation,
			    u64 sector, u32 sectors, u32 tag, const u32 *page);
/* Returns whether direct requests are possible now. */
bool disk_client_has_window(const struct disk_client *client);
/*
 * Returns whether the device may still access the RAM for a request: not after its answer, nor
 * after the manager has closed the window.
 */
bool disk_client_is_landing(const struct disk_client *client);
void disk_client_flush(struct disk_client *client);
/*
 * Takes the next answer, and sets *tag to its request's tag. *data is the answer's data until
 * disk_client_give_back(piece), or NULL if they lie in RAM. Returns false if there is none; the
 * driver then signals the next. BLOCK_COPY: nothing was done.
 */
bool disk_client_answer(struct disk_client *client, u32 *tag, enum block_status *status,
			const u8 **data, int *piece);
void disk_client_give_back(struct disk_client *client, int piece);
/*
 * Drops all outstanding requests. Until they have been answered nothing new may be asked: an old
 * write could follow a new one.
 */
void disk_client_forget(struct disk_client *client);
static inline bool disk_client_is_clear(const struct disk_client *client)
{
	return client->forgotten == 0;
}
