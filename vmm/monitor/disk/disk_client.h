/* SPDX-License-Identifier: MIT */
#pragma once

#include "vmm/io/block.h"
#include "vmm/io/driver_channel.h"

#define DISK_TAG_NONE (~0u)

/* A request that the driver has. */
struct disk_piece {
	bool used;
	u16 page; /* of the pool: its first one */
	u16 pages;
	u32 tag; /* DISK_TAG_NONE: nobody waits for the answer any more */
};

/*
 * The monitor's end of a link to a disk: what the driver was asked and has not answered, and the
 * pool that the data passes through. No answer is believed but to what is noted here.
 */
struct disk_client {
	struct link_end end;
	u8 *pool;
	void (*ring)(void *context); /* signals the driver */
	void *context;
	u64 pool_used[BLOCK_POOL_PAGES / 64];
	u32 outstanding;
	u32 forgotten; /* of these, whose answers nobody waits for */
	u32 impossible_count; /* answers to nothing that was asked */
	u32 next_sequence;
	bool quiet; /* the driver was asked to signal, and nothing came since */
	struct disk_piece piece[SLOT_COUNT];
	u32 sequence[SLOT_COUNT]; /* in the ids of their requests */
	u32 window[SLOT_COUNT];	  /* through which the device has their data; 0: in the pool */
	u32 copy_window; /* the driver does not want that one to be used */
};

/* `memory` has BLOCK_LINK_BYTES. */
void disk_client_open(struct disk_client *client, struct link_memory *memory,
		      void (*ring)(void *context), void *context);
/* What the disk is: it may have grown since the last call. */
struct block_about disk_client_about(const struct disk_client *client);

/*
 * True: another driver is at the other end. It knows of nothing: whatever was asked and not
 * answered has to be asked again.
 */
bool disk_client_renewed(struct disk_client *client) MUST_CHECK;
/*
 * A free piece for a request with so many bytes of data, BLOCK_REQUEST_BYTES at most; -1: there is
 * none now. *data is where the data goes through.
 */
int disk_client_take(struct disk_client *client, u32 bytes, u8 **data);
/* Asks. The answer comes with the tag; disk_client_flush has the driver look. */
void disk_client_ask(struct disk_client *client, int piece, enum block_operation operation,
		     u64 sector, u32 sectors, u32 tag);
/* The same with the data in pages of the RAM that have these numbers. */
void disk_client_ask_direct(struct disk_client *client, int piece, enum block_operation operation,
			    u64 sector, u32 sectors, u32 tag, const u32 *page);
/* Whether that may be done now. */
bool disk_client_has_window(const struct disk_client *client);
/*
 * Whether the device may still read or write the RAM for something that was asked: not once it is
 * answered, nor when the manager has closed the window.
 */
bool disk_client_is_landing(const struct disk_client *client);
void disk_client_flush(struct disk_client *client);
/*
 * The next answer to a tag. *data is its data, until disk_client_give_back(piece). False: there is
 * none, and the driver signals the next one. BLOCK_COPY: nothing was done. NULL: it lies in RAM.
 */
bool disk_client_answer(struct disk_client *client, u32 *tag, enum block_status *status,
			const u8 **data, int *piece);
void disk_client_give_back(struct disk_client *client, int piece);
/*
 * Nobody waits for what is outstanding. Until it has been answered nothing new may be asked: an old
 * write could come after a new one.
 */
void disk_client_forget(struct disk_client *client);
static inline bool disk_client_is_clear(const struct disk_client *client)
{
	return client->forgotten == 0;
}
