/* SPDX-License-Identifier: MIT */
#pragma once

#include "kernel/abi/object.h"
#include "lib/bits.h"

/*
 * Stores of volumes, in the memory that the manager and a disk driver share. A store lies on a
 * disk or a partition; its driver alone reads and writes it. The manager gives each store a piece
 * of memory that outlives the driver: it begins with a struct store_page, which both map; the rest
 * is the driver's. Each field has one writer; the reader takes it once and checks it.
 */
#define STORE_MAX	 4u    /* the most stores of a driver */
#define STORE_VOLUME_MAX 4096u /* the most volumes of a store, snapshots and clones among them */
#define STORE_NAME_BYTES 40u   /* a volume's name and the 0 behind it */
#define STORE_KEY_BYTES	 32u   /* a key's name and the 0 behind it */
#define STORE_TEXT_BYTES 128u
#define STORE_ID_BYTES	 16u
#define STORE_ITEM_MAX	 16u /* the most volumes of a command, which changes all or none */

/* A volume's size is a multiple of this, in sectors of 512 bytes. */
#define STORE_SIZE_SECTORS 8u
#define STORE_CHUNK_LEAST  128u /* sectors: 64 KiB */
#define STORE_CHUNK_MOST   8192u
/* A store with chunks of the usual size has at most so many. */
#define STORE_CHUNKS_USUALLY BIT(24)

/* --- what the manager gives --- */

/* A store as the manager hands it over, in struct driver_channel. */
struct store_given {
	u64 at;	   /* address of struct store_page in the driver */
	u64 bytes; /* size of the memory that begins there */
	u64 first_sector;
	u64 sectors;
	u32 unit; /* the disk, of those that the driver has */
	/* differs for each time that the store is given, and is written last; 0: there is none */
	u32 number;
};

/* The volume of a client, in struct disk_client_part, where `first_sector` is then 0. */
struct store_client_given {
	u64 volume; /* the volume's id; 0: the client has no volume but a part of the disk */
	u32 store;  /* index of the store that has the volume */
	u32 pad;
};

enum store_operation {
	STORE_NOTHING,
	STORE_FORMAT,	/* makes an empty store; item 0: sectors = size of a chunk or 0, flags */
	STORE_CREATE,	/* name, sectors, flags; `volume` 0, or the volume to copy (a clone) */
	STORE_RESIZE,	/* volume, sectors: not fewer than it has */
	STORE_RENAME,	/* volume, name */
	STORE_DROP,	/* volume: no client has it */
	STORE_SNAPSHOT, /* volume, name: a new volume that is read-only and a snapshot */
	STORE_ROLLBACK, /* volume, other: the volume gets the content and size of the other */
	STORE_CHECK,	/* begins to look at all metadata on the disk; struct store_told says on */
	STORE_OPERATION_COUNT
};

enum store_volume_flag {
	STORE_VOLUME_READ_ONLY = 1 << 0,
	STORE_VOLUME_SNAPSHOT = 1 << 1,
	STORE_VOLUME_FLAGS = 3,
};

enum store_flag {
	STORE_OVERCOMMIT = 1 << 0, /* volumes have no space reserved */
	STORE_FLAGS = 1,
	STORE_FORMAT_OVER = 1 << 30, /* of FORMAT: also over a store that is there */
};

/*
 * Says by which key a volume is encrypted, and holds nothing of it. The manager makes and checks
 * it; the store keeps it with the volume.
 */
struct store_key {
	u64 id;	 /* drawn at random; clones and snapshots have that of their volume; 0: no key */
	u64 tag; /* of the id and the volume's name, made by the named key */
	char name[STORE_KEY_BYTES]; /* the named key's */
};

struct store_item {
	u64 volume;
	u64 other;
	u64 sectors;
	u32 flags;
	u32 pad;
	char name[STORE_NAME_BYTES];
	struct store_key key; /* of CREATE and SNAPSHOT; of RENAME the tag alone */
};

struct store_command {
	u32 operation; /* enum store_operation */
	u32 count;     /* of items; FORMAT and CHECK have one */
	u64 now_s;     /* wall-clock time, for a new volume's `made_s` */
	struct store_item item[STORE_ITEM_MAX];
	/*
	 * differs for each command, also after the next boot of the machine, so that a driver that
	 * is started anew knows whether its predecessor did it; written last; 0: no command yet
	 */
	u64 number;
};

/* --- what the driver tells --- */

enum store_state {
	STORE_LOADING,
	STORE_EMPTY, /* there is no store on the disk: STORE_FORMAT makes one */
	STORE_READY,
	STORE_SHORT,  /* the memory is smaller than the store needs */
	STORE_BROKEN, /* `reason` says what is wrong; nothing is written */
	STORE_FAILED, /* the disk did not take the metadata; what was flushed before is kept */
	STORE_STATE_COUNT
};

enum store_status {
	STORE_OK,
	STORE_BAD, /* the command makes no sense */
	STORE_NOT_READY,
	STORE_MISSING,	/* there is no such volume */
	STORE_EXISTS,	/* a volume has that name */
	STORE_IN_USE,	/* a client has the volume */
	STORE_NO_SPACE, /* what is reserved would exceed what the store has */
	STORE_NO_ROOM,	/* there are as many volumes as the store may have */
	STORE_DISK_ERROR,
	STORE_STATUS_COUNT
};

/* Why a client of a volume waits. */
enum store_wait {
	STORE_WAIT_NOT,
	STORE_WAIT_FULL,     /* the store has no free chunk: only where it is overcommitted */
	STORE_WAIT_METADATA, /* the store has no free block for metadata */
	STORE_WAIT_COUNT
};

/* A volume. */
struct store_volume {
	u64 id;	       /* never used again in this store; 0: this entry is free */
	u64 parent;    /* the id of the volume that it was copied from; 0: none */
	u64 sectors;   /* its size */
	u64 own_bytes; /* of chunks that no other volume has */
	u64 made_s;    /* wall-clock time; 0: unknown */
	u32 flags;     /* enum store_volume_flag */
	char name[STORE_NAME_BYTES];
	struct store_key key;
};

enum store_check_state {
	STORE_CHECK_NONE, /* since the driver began */
	STORE_CHECK_UNDER_WAY,
	STORE_CHECK_ENDED,
	STORE_CHECK_STATE_COUNT
};

struct store_told {
	u32 number; /* the store's `number` in force; 0: nothing is open */
	u32 state;  /* enum store_state */
	char reason[STORE_TEXT_BYTES];
	u8 id[STORE_ID_BYTES]; /* the store's own, made at random when it was formatted */
	u32 version;	       /* of the format */
	u32 flags;	       /* enum store_flag */
	u64 chunk_bytes;
	u64 generation; /* of the last commit */
	u64 bytes;	/* for data, in all */
	u64 free_bytes;
	u64 reserved_bytes; /* that volumes were promised and have not used */
	u64 metadata_blocks;
	u64 metadata_free;
	u64 volumes;
	u64 copied_chunks; /* that were shared when somebody wrote to them */
	u32 check;	   /* enum store_check_state */
	u32 check_blocks;  /* that were looked at */
	u32 check_faults;  /* of these, not what they should be on the disk */
	u32 check_mended;  /* of these, written anew */
	u32 check_first;   /* the first of the faults */
};

struct store_answer {
	u32 status;		     /* enum store_status */
	u32 item;		     /* the item that it is about */
	u64 volume[STORE_ITEM_MAX];  /* ids of the new volumes */
	char text[STORE_TEXT_BYTES]; /* a sentence without a full stop; "": all is well */
	u64 number;		     /* the command's; written last */
};

struct store_page {
	struct store_command command; /* written by the manager */

	/* Written by the driver. */
	struct store_answer answer;
	/*
	 * Odd while `told` and `volume` change. Who has read an odd number, or another one after
	 * the copy than before it, copies anew.
	 */
	u32 version;
	u32 pad;
	struct store_told told;
	u32 wait[64]; /* enum store_wait of the client with that index */
	struct store_volume volume[STORE_VOLUME_MAX];
};
#define STORE_PAGE_BYTES align_up(sizeof(struct store_page), PAGE_SIZE)

/* --- sizes --- */

/* Returns the sectors of a chunk that a store of this size gets if nobody says otherwise. */
static inline u32 store_chunk_usual(u64 sectors)
{
	u32 chunk = STORE_CHUNK_LEAST;

	while (chunk < STORE_CHUNK_MOST && sectors / chunk > STORE_CHUNKS_USUALLY)
		chunk *= 2;
	return chunk;
}

/* Returns how many blocks of 4 KiB a store with so many chunks gets for its metadata. */
static inline u64 store_metadata_blocks(u64 chunks)
{
	return MAX(MIN(chunks / 4, chunks / 64 + 4096), 64ull);
}

/*
 * Returns the memory that a store needs: the shared page; 8 bytes for each chunk; for each block of
 * metadata 12 bytes and the block, whose pages are touched only while the block is used.
 */
static inline u64 store_memory_bytes(u64 sectors, u32 chunk_sectors)
{
	u64 chunks = sectors / chunk_sectors;
	u64 blocks = store_metadata_blocks(chunks);

	return align_up(STORE_PAGE_BYTES + chunks * 8 + blocks * (12 + PAGE_SIZE), PAGE_SIZE);
}
