/* SPDX-License-Identifier: MIT */
#pragma once

#include "kernel/abi/object.h"
#include "lib/bits.h"
#include "lib/string.h"

/*
 * Stores of volumes, in the memory that the manager and a disk driver share. A store lies on a disk
 * or a partition; the driver alone reads and writes it. The manager gives each store a piece of
 * memory that outlives the driver. That memory begins with a struct store_page, which both map; the
 * rest is the driver's. Each field has one writer; the reader takes it once and checks it.
 */
#define STORE_MAX	 4u    /* the most stores of a driver */
#define STORE_VOLUME_MAX 4096u /* the most volumes of a store, snapshots and clones included */
#define STORE_NAME_BYTES 40u   /* size of a volume's name, with its terminating 0 */
#define STORE_KEY_BYTES	 32u   /* size of the name of a volume's key, with its terminating 0 */
#define STORE_TEXT_BYTES 128u
#define STORE_ID_BYTES	 16u
/* the most items of a command, one volume each; a command changes all of them or none */
#define STORE_ITEM_MAX 16u

/* The last version of the format on disk that this program knows. */
#define STORE_VERSION_KNOWN 2u

/* A volume's size is a multiple of this number of sectors of 512 bytes. */
#define STORE_SIZE_SECTORS 8u
#define STORE_CHUNK_LEAST  128u /* sectors: 64 KiB */
#define STORE_CHUNK_MOST   8192u
/*
 * The most chunks, the pieces by which volumes take space, of a store whose chunks have the usual
 * size.
 */
#define STORE_CHUNKS_USUALLY BIT(24)

/* --- the manager's part, for the driver --- */

#define STORE_LEASE_KEEP  ~0u /* the store keeps the lease that its superblock has */
#define STORE_LEASE_LEAST 3u  /* the shortest lease in seconds */
#define STORE_LEASE_MOST  3600u

/* A store as the manager hands it over, in struct driver_channel. */
struct store_given {
	u64 at;	   /* address of the store's struct store_page in the driver's address space */
	u64 bytes; /* size in bytes of the store's memory, which begins at `at` */
	u64 first_sector;
	u64 sectors;
	u8 host[STORE_ID_BYTES]; /* this host's identity; all 0: it has none */
	u64 session;		 /* a number drawn at random when this host was booted */
	/* the store's lease from now on, in seconds; 0: none; or STORE_LEASE_KEEP */
	u32 lease_s;
	u32 held; /* not 0: this host has held the store since it was booted */
	u32 unit; /* number of the store's disk among the driver's disks */
	/*
	 * chunks get sums once they were not written to for this number of seconds; 0: no chunk
	 * gets a sum
	 */
	u32 sum_after_s;
	u32 pad;
	/* differs each time that a store is given, and is written last; 0: there is no store */
	u32 number;
};

/*
 * The volume that is a client's disk, in struct disk_client_part, whose `first_sector` is then 0.
 */
struct store_client_given {
	u64 volume; /* the volume's id; 0: the client has no volume but a part of the disk */
	u32 store;  /* index in driver_channel.store of the store that has the volume */
	u32 pad;
};

enum store_operation {
	STORE_NOTHING,
	/*
	 * makes an empty store; item 0: `sectors`, the size of a chunk or 0 for the usual one, and
	 * `flags`
	 */
	STORE_FORMAT,
	/*
	 * makes a volume: `name`, `sectors`, `flags`; `volume` is 0, or the volume of which it is a
	 * clone
	 */
	STORE_CREATE,
	/* changes the size of `volume` to `sectors`, which may not be fewer than it has */
	STORE_RESIZE,
	STORE_RENAME, /* volume, name */
	STORE_DROP,   /* deletes `volume`, which no client may be using */
	/* makes a snapshot of `volume` called `name`: a new volume that is read-only */
	STORE_SNAPSHOT,
	/*
	 * gives `volume` the content and size of the volume `other`, and `key` as its key if the id
	 * in it is not 0
	 */
	STORE_ROLLBACK,
	/*
	 * begins to check all the store's metadata on the disk; struct store_told reports progress
	 */
	STORE_CHECK,
	/*
	 * looks again whether this host can have a store that another host holds or has taken; the
	 * answer comes at once, struct store_told reports progress
	 */
	STORE_TAKE,
	/*
	 * begins to compare all chunks that have a sum with it; struct store_told reports progress
	 */
	STORE_SCRUB,
	/*
	 * gives the store's lease back, once no request of a client is under way: from then on
	 * another host need not wait for the lease to pass, and this one does nothing with the
	 * store before a STORE_TAKE. Does nothing to a store without a lease
	 */
	STORE_RELEASE,
	/*
	 * makes the store as large as `sectors` of item 0, but not larger than the disk or
	 * partition, whose size is in struct store_given
	 */
	STORE_GROW,
	STORE_OPERATION_COUNT
};

enum store_volume_flag {
	STORE_VOLUME_READ_ONLY = 1 << 0,
	STORE_VOLUME_SNAPSHOT = 1 << 1,
	STORE_VOLUME_FLAGS = 3,
};

enum store_flag {
	STORE_OVERCOMMIT = 1 << 0, /* the store's chunks are not reserved for volumes in advance */
	STORE_FLAGS = 1,
	STORE_FORMAT_COPIES = 1 << 29, /* for FORMAT: each node of the metadata is written twice */
	STORE_FORMAT_OVER = 1 << 30,   /* for FORMAT: an existing store may be overwritten */
};

/*
 * The abilities that a program must have to use a store, each a bit of `needs` in its superblock. A
 * program neither reads nor writes a store that needs a bit that is not in STORE_NEEDS. Bits are
 * never used again for something else.
 */
enum store_need {
	STORE_NEEDS_LEASE = 1 << 0, /* one host at a time holds the store */
	/*
	 * a chunk that has a sum is not written to while the sum is in the tree of one of the last
	 * two superblocks
	 */
	STORE_NEEDS_SUMS = 1 << 1,
	/* the store has grown, and metadata lies in chunks, too: the superblock has its sizes */
	STORE_NEEDS_GROWN = 1 << 2,
	/* all that this program knows */
	STORE_NEEDS = STORE_NEEDS_LEASE | STORE_NEEDS_SUMS | STORE_NEEDS_GROWN,
};

/*
 * Names the key by which a volume is encrypted, and holds nothing of the key itself. The manager
 * makes and checks this struct; the store keeps it with the volume.
 */
struct store_key {
	/*
	 * the key's id, made at random; clones and snapshots of a volume have the same; 0: the
	 * volume has no key
	 */
	u64 id;
	u64 tag; /* authentication code of `id` and the volume's name, made with the named key */
	char name[STORE_KEY_BYTES]; /* the name of the named key */
};

struct store_item {
	u64 volume;
	u64 other;
	u64 sectors;
	u32 flags;
	u32 pad;
	char name[STORE_NAME_BYTES];
	/*
	 * the volume's key, for STORE_CREATE, STORE_SNAPSHOT and STORE_ROLLBACK; for STORE_RENAME
	 * its tag alone
	 */
	struct store_key key;
};

struct store_command {
	u32 operation; /* enum store_operation */
	u32 count;     /* number of items; STORE_FORMAT, STORE_CHECK and STORE_SCRUB have one */
	u64 now_s;     /* Unix time of the command, for a new volume's `made_s` */
	struct store_item item[STORE_ITEM_MAX];
	/*
	 * differs for each command, also after the host is booted again, so that a driver that is
	 * started anew knows whether the driver before it carried the command out; written last; 0:
	 * no command yet
	 */
	u64 number;
};

/* --- the driver's reports to the manager --- */

enum store_state {
	STORE_LOADING,
	STORE_EMPTY, /* there is no store on the disk: STORE_FORMAT makes one */
	STORE_READY,
	STORE_SHORT,  /* the memory that the manager gave is smaller than the store needs */
	STORE_BROKEN, /* the store is damaged (see `reason`); nothing is written to it */
	STORE_FAILED, /* the disk refused to write metadata; data flushed before are kept */
	STORE_NEWER,  /* a program that knows more has made the store; nothing is written to it */
	STORE_HELD,   /* another host holds the store; nothing is written to it */
	STORE_LOST,   /* another host has taken the store from this one; no request is done */
	STORE_STATE_COUNT
};

enum store_status {
	STORE_OK,
	STORE_BAD, /* the store command or its arguments are invalid */
	STORE_NOT_READY,
	STORE_MISSING,	/* the store has no such volume */
	STORE_EXISTS,	/* a volume of the store has that name already */
	STORE_IN_USE,	/* a client uses the volume */
	STORE_NO_SPACE, /* the command would reserve more bytes than the store has */
	STORE_NO_ROOM,	/* the store has the most volumes that it may have */
	STORE_DISK_ERROR,
	STORE_STATUS_COUNT
};

/* Why requests of a volume's client wait. */
enum store_wait {
	STORE_WAIT_NOT,
	/* the store has no free chunk for data, which happens only if it is overcommitted */
	STORE_WAIT_FULL,
	STORE_WAIT_METADATA, /* the store has no free block for its metadata */
	STORE_WAIT_COUNT
};

/* A volume of a store. */
struct store_volume {
	/* the volume's id, never used again in this store; 0: this entry of the table is free */
	u64 id;
	u64 parent;	  /* the id of the volume from which this one was copied; 0: none */
	u64 sectors;	  /* the volume's size */
	u64 own_bytes;	  /* bytes in chunks that no other volume shares */
	u64 shared_bytes; /* bytes in chunks that other volumes use, too */
	u64 made_s;	  /* Unix time at which the volume was made; 0: unknown */
	u32 flags;	  /* enum store_volume_flag */
	char name[STORE_NAME_BYTES];
	struct store_key key;
};

enum store_check_state {
	STORE_CHECK_NONE, /* no STORE_CHECK, or STORE_SCRUB, since the driver began */
	STORE_CHECK_UNDER_WAY,
	STORE_CHECK_ENDED,
	STORE_CHECK_STATE_COUNT
};

/* The host that holds a store, or has held it last. */
struct store_owner {
	u8 host[STORE_ID_BYTES];
	u64 epoch;
	u32 lease_s; /* 0: the store has no lease, and nothing keeps another host from it */
	u32 pad;
};

/* A place in a volume whose data the disk has spoiled. */
struct store_rot {
	u64 volume; /* the volume's id */
	u64 sector; /* the first sector, in the volume, of the spoiled chunk */
};
#define STORE_ROT_MAX 16u /* the most places, and the most chunks, that a scrub names */

struct store_told {
	u32 number; /* the `number` in struct store_given of the store that is open; 0: none is */
	u32 state;  /* enum store_state */
	char reason[STORE_TEXT_BYTES];
	u8 id[STORE_ID_BYTES];	  /* the store's own id, made at random when it was formatted */
	u32 version;		  /* version of the format; also valid in the state STORE_NEWER */
	u32 needs;		  /* enum store_need; also if the state is STORE_NEWER */
	struct store_owner owner; /* the owner in the last superblock that the driver has read */
	u32 pad;
	u32 flags; /* enum store_flag */
	u64 chunk_bytes;
	u64 generation; /* the store's generation: the number of the last commit of its metadata */
	u64 bytes;	/* bytes that the store has for data, free or not */
	u64 sectors;	/* size of the store on its disk, metadata included */
	u64 free_bytes;
	u64 reserved_bytes; /* bytes reserved for volumes that have not used them yet */
	u64 metadata_blocks;
	u64 metadata_free;
	u64 volumes;
	/* number of chunks copied because volumes shared them when one was written to */
	u64 copied_chunks;
	u32 check;	   /* enum store_check_state */
	u32 check_blocks;  /* number of blocks that the last STORE_CHECK has looked at */
	u32 check_faults;  /* number of checked blocks that are damaged on the disk */
	u32 check_mended;  /* number of damaged blocks that were written anew */
	u32 check_first;   /* number of the first damaged block of metadata */
	u32 scrub;	   /* state of the last STORE_SCRUB, enum store_check_state */
	u32 scrub_sums;	   /* number of chunks that it has read and that had a sum */
	u32 scrub_without; /* number of chunks in use that had no sum */
	u32 scrub_faults; /* number of chunks whose data differ from their sum, or cannot be read */
	u32 scrub_number; /* counts the scrubs that have ended since the driver began */
	u32 rot_count;	  /* number of places in `rot` */
	struct store_rot rot[STORE_ROT_MAX]; /* where the last scrub has found spoiled chunks */
};

struct store_answer {
	u32 status; /* enum store_status */
	u32 item;   /* index of the item for which the command failed */
	/* for each item, the id of the volume that the command has made */
	u64 volume[STORE_ITEM_MAX];
	/* why the store command failed, a sentence without a full stop; "": it did not fail */
	char text[STORE_TEXT_BYTES];
	u64 number; /* `number` of the command that is answered; written last */
};

struct store_page {
	struct store_command command; /* the last command, written by the manager */

	/* The driver writes the fields from here on. */
	struct store_answer answer;
	/*
	 * While a report changes, which is `told` or an entry of `volume`, the low 32 bits are its
	 * offset in this structure, and a reader finds all of it in `fresh`; else they are 0. The
	 * high bits count these changes: a reader that sees another turn after copying than before
	 * must copy again. So a driver that is stopped in the middle keeps no reader waiting.
	 */
	u64 turn;
	u64 fresh[sizeof(struct store_told) / 8];
	struct store_told told;
	u32 wait[64]; /* enum store_wait of the client with that index */
	/*
	 * for the driver's next process: the TSC at which its hold on the store ends, or has ended
	 */
	u64 lease_until_tsc;
	struct store_volume volume[STORE_VOLUME_MAX];
};
_Static_assert(sizeof(struct store_told) % 8 == 0 &&
		       sizeof(struct store_volume) <= sizeof(struct store_told),
	       "struct store_page.fresh holds each kind of report");
#define STORE_PAGE_BYTES align_up(sizeof(struct store_page), PAGE_SIZE)

/* how often a report is copied before store_page_copy gives up */
#define STORE_PAGE_COPIES 64u

/*
 * Copies a report of the page, which is `told` or an entry of `volume`, to `to`, also while the
 * driver changes it. Returns false if the driver changed reports during every attempt; a driver
 * that is stopped in the middle of a change is no reason.
 */
static inline bool store_page_copy(const struct store_page *page, void *to, const void *report,
				   size_t bytes)
{
	u64 offset = (u64)((const u8 *)report - (const u8 *)page);

	for (u32 i = 0; i < STORE_PAGE_COPIES; i++) {
		u64 turn = __atomic_load_n(&page->turn, __ATOMIC_ACQUIRE);

		memcpy(to, (u32)turn == offset ? page->fresh : report, bytes);
		__atomic_thread_fence(__ATOMIC_ACQUIRE);
		if (__atomic_load_n(&page->turn, __ATOMIC_RELAXED) == turn)
			return true;
	}
	return false;
}

/* --- sizes --- */

/*
 * Returns the size of a chunk, in sectors, of a store of this size if STORE_FORMAT does not give
 * one.
 */
static inline u32 store_chunk_usual(u64 sectors)
{
	u32 chunk = STORE_CHUNK_LEAST;

	while (chunk < STORE_CHUNK_MOST && sectors / chunk > STORE_CHUNKS_USUALLY)
		chunk *= 2;
	return chunk;
}

/* Returns how many blocks of 4 KiB a store with `chunks` chunks gets for its metadata. */
static inline u64 store_metadata_blocks(u64 chunks)
{
	return MAX(MIN(chunks / 4, chunks / 64 + 4096), 64ull);
}

/*
 * Returns how many bytes of memory a store needs: the shared page; 9 bytes for each chunk; for each
 * block of metadata 12 bytes and the block, whose pages are touched only while the block is used.
 */
static inline u64 store_memory_bytes(u64 sectors, u32 chunk_sectors)
{
	u64 chunks = sectors / chunk_sectors;
	u64 blocks = store_metadata_blocks(chunks);

	return align_up(STORE_PAGE_BYTES + chunks * 9 + blocks * (12 + PAGE_SIZE), PAGE_SIZE);
}
