/* SPDX-License-Identifier: MIT */
#pragma once

#include "vmm/io/slots.h"

/*
 * What passes through the link to a disk. Sectors have 512 bytes, whatever the disk's blocks have,
 * and count from the beginning of what this client was given of it. The data of a request lies in
 * the link's pool, in one piece: from the request to its answer that piece is the server's. Or they
 * lie in the client's RAM, where the device reaches that through a window: pages anywhere in it.
 */
#define BLOCK_SECTOR_BYTES 512u
#define BLOCK_POOL_PAGES   256u
#define BLOCK_POOL_BYTES   (BLOCK_POOL_PAGES * PAGE_SIZE)
#define BLOCK_LINK_BYTES   (SLOT_POOL_OFFSET + BLOCK_POOL_BYTES)
/*
 * Where a view's data comes to from the device, behind what its client is given. It is as large as
 * the pool, and a request's data has the same place there. A client that may see a disk as it was
 * must not see what it is: only the driver and its device reach these pages.
 */
#define BLOCK_BOUNCE_OFFSET BLOCK_LINK_BYTES
#define BLOCK_BOUNCE_BYTES  BLOCK_POOL_BYTES
/* The most pages of a request's data. */
#define BLOCK_REQUEST_PAGES 16u
#define BLOCK_REQUEST_BYTES (BLOCK_REQUEST_PAGES * PAGE_SIZE)
/* The most sectors of one BLOCK_DISCARD or BLOCK_WRITE_ZEROES, which the server does in one go. */
#define BLOCK_RANGE_SECTORS 8192u

enum block_operation {
	BLOCK_READ,
	BLOCK_WRITE,
	/* puts everything that was answered before the flush on the medium, and is answered then */
	BLOCK_FLUSH,
	BLOCK_DISCARD, /* the contents are no longer needed */
	BLOCK_WRITE_ZEROES,
	BLOCK_OPERATION_COUNT
};

/*
 * The link's `about`. The manager may change a field at any time, so each is written and read in
 * one piece.
 */
struct block_about {
	u64 sectors; /* the disk's size in sectors, which may grow while the disk is in use */
	u32 block_bytes;
	u32 features; /* enum disk_feature */
	/* the window that the device may be using; 0: it reaches none of the client's RAM */
	u32 window;
	u32 boundary; /* sectors: a request lies between two multiples of it; 0: anywhere */
};

enum block_status {
	BLOCK_OK,
	BLOCK_ERROR,	   /* the disk could not do the request */
	BLOCK_UNSUPPORTED, /* the disk does not support requests of this kind */
	BLOCK_REFUSED,	   /* the client may not make this request */
	/*
	 * the data cannot be moved through the request's window: ask again, with the data in the
	 * pool
	 */
	BLOCK_COPY,
	BLOCK_STATUS_COUNT
};

struct block_request {
	u64 id;	       /* chosen by the client, returned in the answer */
	u32 operation; /* enum block_operation */
	u32 sectors;   /* 0 for a flush */
	u64 sector;    /* the first sector */
	/* where in the pool the data of a BLOCK_READ or BLOCK_WRITE lie, the start of a page */
	u64 offset;
	/*
	 * Not 0: the number of a window; the data lie in the pages of the client's RAM given below.
	 */
	u32 window;
	u32 pad0;
	u32 page[BLOCK_REQUEST_PAGES];
	u8 pad1[SLOT_REQUEST_BYTES - 40 - 4 * BLOCK_REQUEST_PAGES];
};
_Static_assert(sizeof(struct block_request) == SLOT_REQUEST_BYTES, "a slot");

struct block_answer {
	u64 id;
	u32 status; /* enum block_status */
	u32 pad;
};
_Static_assert(sizeof(struct block_answer) == SLOT_ANSWER_BYTES, "a slot");
