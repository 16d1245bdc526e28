/* SPDX-License-Identifier: MIT */
#pragma once

#include "vmm/io/store.h"

/*
 * The format of a store on its disk (docs/components/store.md). All numbers are little-endian.
 * Metadata comes in blocks of 4 KiB, counted from the store's first sector: 0 and 1 are
 * superblocks, then come nodes, then chunks of data. Blocks that the store got when it grew lie in
 * chunks. A node is never overwritten while one of the last two superblocks leads to it.
 */
#define STORE_BLOCK_BYTES   4096u
#define STORE_BLOCK_SECTORS (STORE_BLOCK_BYTES / 512u)
#define STORE_MAGIC	    0x31524f5453594b53ull /* "SKYSTOR1" */
#define STORE_VERSION	    1u			  /* of a store whose `needs` is 0 */
/* the version of a store whose superblock has `needs` other than 0 */
#define STORE_VERSION_NEEDS STORE_VERSION_KNOWN
#define STORE_FIRST_NODE    2u	 /* the first block that is not a superblock */
#define STORE_FAN	    504u /* the words in a node of a volume's tree */
/* the most levels of a volume's tree: three lead to 128 million chunks */
#define STORE_LEVELS_MAX 3u

#define STORE_GROWTHS_MAX 32u /* how often a store can grow */

/* The content of a node, a block of metadata. */
enum store_node_kind {
	/*
	 * each word is the number, plus 1, of a chunk of data; 0: this part of the volume reads as
	 * zeros
	 */
	STORE_NODE_LEAF = 1,
	/* each word is a node's number; 0: this part of the volume reads as zeros */
	STORE_NODE_INNER = 2,
	STORE_NODE_VOLUMES = 3, /* records of the store's volumes */
	/*
	 * each word is the CRC32C, plus 1, of the chunk of data with that number; 0: the chunk has
	 * no sum
	 */
	STORE_NODE_SUMS = 4,
};

/* A volume's record; id 0: the record is free. */
struct store_record {
	u64 id;
	u64 parent;
	u64 sectors;
	u64 made_s;
	u32 flags; /* enum store_volume_flag */
	/* the number of the root node of the volume's tree; 0: all of the volume reads as zeros */
	u32 root;
	u64 key_id; /* the id in the volume's struct store_key; 0: the volume is not encrypted */
	u64 key_tag;
	char name[STORE_NAME_BYTES];
	char key[STORE_KEY_BYTES]; /* the name of the key that encrypts the volume */
};
_Static_assert(sizeof(struct store_record) == 128, "31 in a node");
#define STORE_RECORDS	   31u /* the records of volumes in a node */
#define STORE_RECORD_NODES ((STORE_VOLUME_MAX + STORE_RECORDS - 1) / STORE_RECORDS)

struct store_node {
	u64 magic;
	u32 check; /* CRC32C of the block, computed with 0 in this field */
	u32 kind;  /* enum store_node_kind */
	u32 block; /* the node's own block number */
	u32 pad;
	/* the generation of the store (a commit each) in which this node was written */
	u64 generation;
	u8 rest[32];
	union {
		u64 word[STORE_FAN];
		struct store_record record[STORE_RECORDS];
	};
};
_Static_assert(sizeof(struct store_node) == STORE_BLOCK_BYTES, "a block");

struct store_superblock {
	u64 magic;
	u32 check; /* CRC32C of the block, computed with 0 in this field */
	u32 version;
	/*
	 * the store's generation, which each commit raises: of one epoch, the superblock with the
	 * higher one counts; even generations are in block 0, odd ones in block 1
	 */
	u64 generation;
	u8 id[STORE_ID_BYTES];
	u8 host[STORE_ID_BYTES]; /* the identity of the host that holds, or held, the store */
	/* raised by each host that takes the store: the superblock with the higher epoch counts */
	u64 epoch;
	/* seconds without a commit before another host may take the store; 0: there is no lease */
	u32 lease_s;
	/*
	 * enum store_need: the abilities that a program must have to use the store; 0 in stores of
	 * version 1, whose programs do not read this field
	 */
	u32 needs;
	/* the size in sectors of the disk or partition when the store was made, or grew last */
	u64 sectors;
	u64 next_id; /* the id that the next new volume gets */
	u32 chunk_sectors;
	u32 blocks; /* the number of blocks for metadata, including the superblocks */
	u32 chunks;
	u32 flags; /* enum store_flag */
	/*
	 * the numbers of the nodes that hold volumes' records; 0: none of these records is in use
	 */
	u32 volumes[STORE_RECORD_NODES];
	u32 pad;
	u64 command; /* the number of the manager's last command that was carried out; 0: unknown */
	/*
	 * The value of `generation` if the program that wrote this superblock has also written the
	 * nodes' copies: a program that knows of no copies leaves an earlier value here, and may
	 * have used the copies' chunks for data.
	 */
	u64 copied;
	/*
	 * the number, plus 1, of the chunk with which the copies of all nodes begin; 0: there are
	 * none
	 */
	u32 copies;
	/*
	 * the number of the root of a tree of as many levels as a volume with all of the store's
	 * chunks would have, by chunks' numbers, whose leaves are STORE_NODE_SUMS; 0: no chunk has
	 * a sum. What is there for a chunk that no volume has means nothing.
	 */
	u32 sums;
	/*
	 * drawn at random by the owner at each of its boots; 0, with a lease: the owner has given
	 * the store back, and any host may take it. A program that does not know of the 0 waits as
	 * for any other owner.
	 */
	u64 session;
	/*
	 * the sizes in sectors that the store has had before each of its growths, the oldest first;
	 * 0: there are no more. What lies where follows from these and from `sectors`
	 * (pool_layout.c).
	 */
	u64 size[STORE_GROWTHS_MAX];
	u8 rest[STORE_BLOCK_BYTES - 140 - 4 * STORE_RECORD_NODES - 8 * STORE_GROWTHS_MAX];
};
_Static_assert(sizeof(struct store_superblock) == STORE_BLOCK_BYTES, "a block");
