/* SPDX-License-Identifier: MIT */
#pragma once

#include "kernel/abi/object.h"
#include "lib/bits.h"
#include "vmm/io/share.h"
#include "vmm/io/store.h"

/* Disks, in the memory that the manager and a disk driver share. */
#define DISK_CLIENT_MAX	   64u
#define DISK_PARTITION_MAX 128u
#define DISK_UNIT_MAX	   8u /* the most disks of one controller that share a driver */
#define DISK_TEXT_BYTES	   128u

enum disk_feature {
	DISK_FLUSH = 1 << 0, /* the disk has a cache that only a flush empties */
	DISK_DISCARD = 1 << 1,
	DISK_WRITE_ZEROES = 1 << 2,
	DISK_READ_ONLY = 1 << 3,
	DISK_LOST = 1 << 4, /* the disk's driver has failed for good: requests fail */
};

/*
 * Memory in which the driver keeps a client's old blocks: the contents of blocks of its part of the
 * disk before they were first written to since a snapshot of the client.
 */
struct disk_undo_given {
	/* address of the memory in the driver's address space; constant while `number` is not 0 */
	u64 at;
	u64 bytes;  /* size in bytes of the memory; may grow while `number` is not 0 */
	u32 number; /* the number of the client's snapshot; 0: no old blocks are kept */
	/*
	 * not 0: a request, with a new number each time, to write the old blocks back to the disk
	 */
	u32 put_back;
};

/*
 * Behind a head of one page the memory for old blocks consists of groups: a page of entries, a page
 * of nodes of the tree that finds them, and this many pieces of a page each for blocks; the last
 * group may have fewer. So the memory can grow while in use.
 */
#define DISK_UNDO_GROUP_PIECES 256u
#define DISK_UNDO_GROUP_PAGES  (2 + DISK_UNDO_GROUP_PIECES)

/* Returns how many old blocks, a page each, fit in memory of that size. */
static inline u64 disk_undo_room(u64 bytes)
{
	u64 pages = bytes / PAGE_SIZE != 0 ? bytes / PAGE_SIZE - 1 : 0;
	u64 last = pages % DISK_UNDO_GROUP_PAGES;

	return pages / DISK_UNDO_GROUP_PAGES * DISK_UNDO_GROUP_PIECES + (last > 2 ? last - 2 : 0);
}

/* Returns the size of memory in which old blocks of all `sectors` of a disk fit. */
static inline u64 disk_undo_bytes_of(u64 sectors)
{
	u64 pieces = align_up(sectors * 512, PAGE_SIZE) / PAGE_SIZE;
	u64 groups = align_up(pieces, DISK_UNDO_GROUP_PIECES) / DISK_UNDO_GROUP_PIECES;

	return (1 + 2 * groups + pieces) * PAGE_SIZE;
}

/* Memory in which the driver notes which blocks the client changes (vmm/io/disk_changes.h). */
struct disk_changes_given {
	/*
	 * address of the memory in the driver's address space; the address and `bytes` are constant
	 * while `number` is not 0
	 */
	u64 at;
	u64 bytes;
	/*
	 * number of the last point in time since which changes are listed, which grows by 1; 0: no
	 * changes are recorded
	 */
	u32 number;
	/*
	 * not 0: when the point `number` begins, the list of changes does not drop the changes from
	 * before the previous point, but adds them to those made since then
	 */
	u32 merge;
};

/*
 * A view: the client sees another client's part of the disk as it was at that client's snapshot:
 * its old blocks, and the disk's block where there is no old one. A client never becomes or stops
 * being a view.
 */
struct disk_view_given {
	/*
	 * index of the client whose disk the view shows; that client stays at least as long as the
	 * view
	 */
	u32 of;
	/*
	 * `number` of the other client's old blocks, different for each snapshot; 0: this client is
	 * no view
	 */
	u32 number;
};

/* Why the old blocks of a client's snapshot are not complete. */
enum disk_undo_problem {
	DISK_UNDO_WHOLE,
	DISK_UNDO_FULL,
	DISK_UNDO_UNREADABLE, /* the disk could not read a block that was to be kept */
	/* the driver before this one died and left the memory of old blocks in disorder */
	DISK_UNDO_BROKEN,
	DISK_UNDO_PROBLEM_COUNT
};

/* The driver's report about a client's old blocks. */
struct disk_undo_told {
	u32 number;  /* `number` of the struct disk_undo_given that the driver has taken over */
	u32 problem; /* enum disk_undo_problem of the old blocks of that `number` */
	/*
	 * `put_back` of the last request that is done: the old blocks are back on the disk's medium
	 */
	u32 put_back;
	/* `put_back` of the last request that failed, as the disk refused to take the old blocks */
	u32 not_put_back;
	u64 kept_bytes;
};

/*
 * Returns true if it is time to enlarge the memory for old blocks: three quarters of it are used.
 */
static inline bool disk_undo_is_low(u64 kept_bytes, u64 bytes)
{
	return kept_bytes / PAGE_SIZE * 4 >= disk_undo_room(bytes) * 3;
}

/*
 * A client's part of a disk, written by the manager. `limit` may change while the part is in use.
 */
struct disk_client_part {
	u64 window_at; /* the device address of the first byte of the client's RAM */
	u64 window_pages;
	/*
	 * Address in the driver of a list of device addresses: those of the pages of the link's
	 * pool, or of the pages that a view bounces through; 0: the device does no DMA.
	 */
	u64 pool_pages;
	u64 first_sector; /* the first sector that the client sees, in sectors of 512 bytes */
	u64 sectors;
	u32 read_only;
	u32 unit;		  /* number of the client's disk among the driver's disks */
	struct share_given limit; /* the client's limit of operations */
	/*
	 * Number of the open window into the client's RAM; 0: none is open. The number may change
	 * while the part is in use: in a window with a new number no page is populated yet.
	 */
	u32 window;
	/* `number` and `put_back` may change while the part is in use */
	struct disk_undo_given undo;
	/* `number` and `merge` may change while the part is in use */
	struct disk_changes_given changes;
	struct disk_view_given view;
	/* the client's volume; `sectors` may grow while the volume is in use */
	struct store_client_given store;
};

/* A partition of the disk's GPT. */
struct disk_partition {
	u8 type[16];
	u8 id[16];
	u64 first_sector;
	u64 sectors;
	char name[40]; /* the partition's name in ASCII, with '?' for other characters */
};

struct disk_counts {
	u64 requests; /* requests answered */
	u64 read_bytes;
	u64 written_bytes;
	u64 flushes;
	u64 errors;
	u64 refused; /* number of requests refused because the client may not make them */
	u64 direct;  /* number of answered requests whose data the driver did not copy */
	/* time in ns for which requests have waited because of the client's limits */
	u64 limited_ns;
};

/* The driver's report about one of its disks. */
struct disk_unit {
	u32 features;	 /* enum disk_feature */
	u32 block_bytes; /* 512 or 4096 */
	u64 sectors;	 /* size of the disk in sectors of 512 bytes; 0: the disk cannot be used */
	/* the most pages of a client's RAM over which one request's data may be spread */
	u32 direct_pages;
	u32 partition_count;
	/*
	 * not 0: the disk has a GPT, which is ignored as the disk's first sector does not announce
	 * it
	 */
	u32 gpt_ignored;
	char model[48];
	char serial[24];
	/* Why the disk cannot be used, or why it shows no partitions; "": neither. */
	char problem[DISK_TEXT_BYTES];
	struct disk_partition partition[DISK_PARTITION_MAX];
};

/* The disk driver's report about all clients and disks. */
struct disk_part {
	struct disk_counts counts[DISK_CLIENT_MAX];
	/* for each client, the number of the window that the device may be using */
	u32 window[DISK_CLIENT_MAX];
	struct disk_undo_told undo[DISK_CLIENT_MAX];
	/*
	 * for each client, the number of the last point in time (disk_changes_given) that the
	 * driver has begun
	 */
	u32 changes[DISK_CLIENT_MAX];
	/*
	 * the driver's disks; the channel has memory only for as many as a driver of this kind may
	 * have
	 */
	struct disk_unit unit[DISK_UNIT_MAX];
};

/*
 * The most pieces of memory of a RAM disk, each an entry START_DMA: the first has DRIVER_OWN_PAGES,
 * then pages of the disk and a bit for each; every other piece has further pages of the disk, and a
 * bit for each of them.
 */
#define DRIVER_STORE_MAX 9u
static inline u64 disk_channel_store_bytes(u64 pages)
{
	return pages * PAGE_SIZE + align_up(pages / 8 + 8, PAGE_SIZE);
}
