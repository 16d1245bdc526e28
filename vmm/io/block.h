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
 * Of a view, behind what its client is given: where its data comes to from the device. As much as
 * the pool, and a request's data has the same place there. Who may see a disk as it was must not
 * see what it is: only the driver, and its device, reach these pages.
 */
#define BLOCK_BOUNCE_OFFSET BLOCK_LINK_BYTES
#define BLOCK_BOUNCE_BYTES  BLOCK_POOL_BYTES
/* Data of one request. */
#define BLOCK_REQUEST_PAGES 16u
#define BLOCK_REQUEST_BYTES (BLOCK_REQUEST_PAGES * PAGE_SIZE)
/* Sectors of one BLOCK_DISCARD or BLOCK_WRITE_ZEROES: the server does it in one go. */
#define BLOCK_RANGE_SECTORS 8192u

enum block_operation {
	BLOCK_READ,
	BLOCK_WRITE,
	BLOCK_FLUSH,   /* what was answered before is on the medium when this is answered */
	BLOCK_DISCARD, /* the contents are no longer needed */
	BLOCK_WRITE_ZEROES,
	BLOCK_OPERATION_COUNT
};

/* The link's `about`: the manager may change a field, so each is written and read in one piece. */
struct block_about {
	u64 sectors; /* may grow */
	u32 block_bytes;
	u32 features; /* enum disk_feature */
	u32 window;   /* the one that the device may be using; 0: it reaches none of the RAM */
	u32 pad;
};

enum block_status {
	BLOCK_OK,
	BLOCK_ERROR,	   /* the disk could not do it */
	BLOCK_UNSUPPORTED, /* this disk cannot do such a thing */
	BLOCK_REFUSED,	   /* not a request that this client may make */
	BLOCK_COPY,	   /* not through that window: ask again, with the data in the pool */
	BLOCK_STATUS_COUNT
};

struct block_request {
	u64 id;	       /* the client's, returned in the answer */
	u32 operation; /* enum block_operation */
	u32 sectors;   /* 0 for a flush */
	u64 sector;    /* the first */
	u64 offset;    /* of the data in the pool, for BLOCK_READ and BLOCK_WRITE; a page's start */
	/* not 0: the data lies in pages of the client's RAM that have these numbers */
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
