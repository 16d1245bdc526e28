/* SPDX-License-Identifier: MIT */
#pragma once

#include "kernel/abi/object.h"
#include "lib/bits.h"
#include "vmm/io/share.h"

/* Of disks in what a manager and a driver share. */
#define DISK_CLIENT_MAX	   16u
#define DISK_PARTITION_MAX 128u
#define DISK_UNIT_MAX	   8u /* disks behind one controller that have one driver */
#define DISK_TEXT_BYTES	   128u

enum disk_feature {
	DISK_FLUSH = 1 << 0, /* it has a cache that only a flush empties */
	DISK_DISCARD = 1 << 1,
	DISK_WRITE_ZEROES = 1 << 2,
	DISK_READ_ONLY = 1 << 3,
	DISK_LOST = 1 << 4, /* its driver stays down: requests fail */
};

/*
 * Memory in which the driver keeps what the client's part of the disk held, before it is written to
 * for the first time since a snapshot of the client.
 */
struct disk_undo_given {
	u64 at;	      /* in the driver; it stays the same while `number` is not 0 */
	u64 bytes;    /* while `number` is not 0 they may become more */
	u32 number;   /* another one for each snapshot; 0: nothing is kept */
	u32 put_back; /* not 0: what was kept goes back to the disk; another one each time */
};

/*
 * Behind a head of a page it consists of groups: a page of entries, one of the tree's nodes, and so
 * many pieces of a page each; of the last group there may be less. So it can grow while in use.
 */
#define DISK_UNDO_GROUP_PIECES 256u
#define DISK_UNDO_GROUP_PAGES  (2 + DISK_UNDO_GROUP_PIECES)

/* For so many pieces there is room. */
static inline u64 disk_undo_room(u64 bytes)
{
	u64 pages = bytes / PAGE_SIZE != 0 ? bytes / PAGE_SIZE - 1 : 0;
	u64 last = pages % DISK_UNDO_GROUP_PAGES;

	return pages / DISK_UNDO_GROUP_PAGES * DISK_UNDO_GROUP_PIECES + (last > 2 ? last - 2 : 0);
}

/* So much holds all of a disk. */
static inline u64 disk_undo_bytes_of(u64 sectors)
{
	u64 pieces = align_up(sectors * 512, PAGE_SIZE) / PAGE_SIZE;
	u64 groups = align_up(pieces, DISK_UNDO_GROUP_PIECES) / DISK_UNDO_GROUP_PIECES;

	return (1 + 2 * groups + pieces) * PAGE_SIZE;
}

/* Memory in which the driver notes what the client changes: vmm/io/disk_changes.h. */
struct disk_changes_given {
	u64 at; /* in the driver; it and `bytes` stay the same while `number` is not 0 */
	u64 bytes;
	u32 number; /* of the last point, one more for each; 0: nothing is noted */
	u32 merge;  /* not 0: at that one, what was noted before the last one still counts */
};

/*
 * A client may see what another one's part of the disk held at that one's snapshot: what is kept
 * of it then, and where nothing is kept what the disk holds. Never changes for a client.
 */
struct disk_view_given {
	u32 of;	    /* the other client's index; it has the same disk, and stays */
	u32 number; /* of what is kept for it, no two are the same; 0: this is no view */
};

/* Why it does not hold all that it should. */
enum disk_undo_problem {
	DISK_UNDO_WHOLE,
	DISK_UNDO_FULL,
	DISK_UNDO_UNREADABLE, /* the disk did not give it */
	DISK_UNDO_BROKEN,     /* the driver that died has left nonsense there */
	DISK_UNDO_PROBLEM_COUNT
};

/* Likewise, as the driver sees it. */
struct disk_undo_told {
	u32 number;	  /* the one in force */
	u32 problem;	  /* enum disk_undo_problem: of that one */
	u32 put_back;	  /* done, and it is on the medium */
	u32 not_put_back; /* the disk did not take it */
	u64 kept_bytes;
};

/* Whether it is time to give it more: three quarters of it are used. */
static inline bool disk_undo_is_low(u64 kept_bytes, u64 bytes)
{
	return kept_bytes / PAGE_SIZE * 4 >= disk_undo_room(bytes) * 3;
}

/* What a client has of the disk; written by the manager. `limit` may change while it is in use. */
struct disk_client_part {
	u64 window_at; /* where the device finds the client's RAM */
	u64 window_pages;
	/*
	 * Of the addresses at which the device finds the pool's pages, of a view those that it
	 * bounces through; 0: no DMA here.
	 */
	u64 pool_pages;
	u64 first_sector; /* what the client sees of the disk, in sectors of 512 bytes */
	u64 sectors;
	u32 read_only;
	u32 unit;		  /* the disk, of those that the driver has */
	struct share_given limit; /* of operations */
	/*
	 * Which window is open; 0: none. May change while it is in use: with another number nothing
	 * of it is populated.
	 */
	u32 window;
	struct disk_undo_given undo;	   /* `number` and `put_back` may change likewise */
	struct disk_changes_given changes; /* `number` and `merge` may change likewise */
	struct disk_view_given view;
};

/* A partition of the disk's GPT. */
struct disk_partition {
	u8 type[16];
	u8 id[16];
	u64 first_sector;
	u64 sectors;
	char name[40]; /* in ASCII, other characters as '?' */
};

struct disk_counts {
	u64 requests; /* answered */
	u64 read_bytes;
	u64 written_bytes;
	u64 flushes;
	u64 errors;
	u64 refused;	/* requests that this client may not make */
	u64 direct;	/* of the requests, those without a copy */
	u64 limited_ns; /* for which requests have waited for the limits */
};

/* A disk. */
struct disk_unit {
	u32 features;	 /* enum disk_feature */
	u32 block_bytes; /* 512 or 4096 */
	u64 sectors;	 /* of 512 bytes; 0: it cannot be used */
	u32 partition_count;
	u32 gpt_ignored; /* not 0: it has a GPT that its first sector does not know of */
	char model[48];
	char serial[24];
	/* Why it cannot be used, or has no partitions; "": it can, and has those of its table. */
	char problem[DISK_TEXT_BYTES];
	struct disk_partition partition[DISK_PARTITION_MAX];
};

/* Written by the driver. */
struct disk_part {
	struct disk_counts counts[DISK_CLIENT_MAX];
	u32 window[DISK_CLIENT_MAX]; /* that the device may be using */
	struct disk_undo_told undo[DISK_CLIENT_MAX];
	u32 changes[DISK_CLIENT_MAX];	      /* number of the last point that has been passed */
	struct disk_unit unit[DISK_UNIT_MAX]; /* there is memory for as many as its kind may have */
};

/*
 * The memory (START_DMA) of a disk in memory: DRIVER_OWN_PAGES, then its pages and a bit for each;
 * each further piece of memory has more pages of the disk, and a bit for each of them.
 */
#define DRIVER_STORE_MAX 9u
static inline u64 disk_channel_store_bytes(u64 pages)
{
	return pages * PAGE_SIZE + align_up(pages / 8 + 8, PAGE_SIZE);
}
