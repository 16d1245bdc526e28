/* SPDX-License-Identifier: MIT */
#pragma once

#include "vmm/io/slots.h"

/*
 * The data on the link between a client of a disk and the disk's server, its driver or a service.
 * Sectors have 512 bytes, whatever the size of the disk's blocks, and count from the first sector
 * of the client's part of the disk. The data of a request lies either in the link's pool, in one
 * piece, which belongs to the server from the request to its answer, or in pages anywhere in the
 * client's RAM, if the device reaches that RAM through a window.
 */
#define BLOCK_SECTOR_BYTES 512u
#define BLOCK_POOL_PAGES   256u
#define BLOCK_POOL_BYTES   (BLOCK_POOL_PAGES * PAGE_SIZE)
#define BLOCK_LINK_BYTES   (SLOT_POOL_OFFSET + BLOCK_POOL_BYTES)
/*
 * The place where the device puts data that it reads for a view: pages behind those that the client
 * sees, as many as the pool has, with a request's data at the same offset as in the pool. A client
 * that may see a disk as it was must not see the disk's present data: so only the driver and its
 * device reach these pages.
 */
#define BLOCK_BOUNCE_OFFSET BLOCK_LINK_BYTES
#define BLOCK_BOUNCE_BYTES  BLOCK_POOL_BYTES
/* The most pages of data of one request to any disk, wherever the data lie. */
#define BLOCK_REQUEST_PAGES 16u
#define BLOCK_REQUEST_BYTES (BLOCK_REQUEST_PAGES * PAGE_SIZE)
/*
 * The most pages of client RAM over which the data of one request may be spread, to a disk that
 * takes more than BLOCK_REQUEST_PAGES at once (block_about.direct_pages).
 */
#define BLOCK_DIRECT_PAGES 32u
/* The most sectors of one BLOCK_DISCARD or BLOCK_WRITE_ZEROES, which the server does not split. */
#define BLOCK_RANGE_SECTORS 8192u

enum block_operation {
	BLOCK_READ,
	BLOCK_WRITE,
	/*
	 * writes the disk's cache out: answered once all requests answered before are on the medium
	 */
	BLOCK_FLUSH,
	BLOCK_DISCARD, /* the client no longer needs the sectors' contents */
	BLOCK_WRITE_ZEROES,
	BLOCK_OPERATION_COUNT
};

/*
 * The contents of the link's `about` for a disk. The manager may change a field at any time, so
 * each is written and read in one piece.
 */
struct block_about {
	/* the disk's size in sectors of 512 bytes, which may grow while the disk is in use */
	u64 sectors;
	u32 block_bytes;
	u32 features; /* enum disk_feature */
	/*
	 * number of the window into the client's RAM that the device may be using; 0: it reaches
	 * none of that RAM
	 */
	u32 window;
	/*
	 * in sectors: no request may cross a multiple of this number; 0: there is no such boundary
	 */
	u32 boundary;
	/* the most pages of client RAM over which one request's data may be spread */
	u32 direct_pages;
};

enum block_status {
	BLOCK_OK,
	BLOCK_ERROR,	   /* the disk failed to carry the request out */
	BLOCK_UNSUPPORTED, /* the disk does not support requests of this kind */
	/* the client may not make this request (for instance, write to a read-only disk) */
	BLOCK_REFUSED,
	/*
	 * the data cannot be moved through the request's window: the client repeats the request
	 * with the data in the pool
	 */
	BLOCK_COPY,
	/* as BLOCK_COPY, but for this request alone: the window can be used for others */
	BLOCK_COPY_ONCE,
	BLOCK_STATUS_COUNT
};

struct block_request {
	u64 id;	       /* the request's id, chosen by the client and returned in the answer */
	u32 operation; /* enum block_operation */
	u32 sectors;   /* number of sectors; 0 for a flush */
	u64 sector;    /* the request's first sector */
	/*
	 * offset in the pool at which the data of a BLOCK_READ or BLOCK_WRITE begins: the start of
	 * a page
	 */
	u64 offset;
	/*
	 * 0: the data is in the pool; else the number of a window: the data is in the pages of the
	 * client's RAM that `page` lists
	 */
	u32 window;
	u32 pad0;
	u32 page[BLOCK_DIRECT_PAGES];
	u8 pad1[SLOT_REQUEST_BYTES - 40 - 4 * BLOCK_DIRECT_PAGES];
};
_Static_assert(sizeof(struct block_request) == SLOT_REQUEST_BYTES, "a slot");

struct block_answer {
	u64 id;
	u32 status; /* enum block_status */
	u32 pad;
};
_Static_assert(sizeof(struct block_answer) == SLOT_ANSWER_BYTES, "a slot");
