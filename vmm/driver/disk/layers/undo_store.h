/* SPDX-License-Identifier: MIT */
#pragma once

#include "vmm/io/block.h"
#include "vmm/io/disk_channel.h"

/*
 * A snapshot's store: the disk's content at its client's snapshot, for all pieces written since. It
 * lies in memory that the manager gave and that outlives this process. Pieces are added and never
 * change. A head is followed by groups, each of entries, nodes of a tree to find these, and pieces
 * (struct disk_undo_given).
 */
#define UNDO_PIECE_BYTES   PAGE_SIZE
#define UNDO_PIECE_SECTORS ((u32)(UNDO_PIECE_BYTES / BLOCK_SECTOR_BYTES))

/* The head of a snapshot's store, in its first page. */
struct undo_head {
	u32 number;  /* the number of the snapshot to which this store's content belongs */
	u32 problem; /* why the store is incomplete, enum disk_undo_problem */
	u64 count;   /* the number of complete entries */
};

struct undo_entry {
	u64 piece; /* the piece's number in the client's part of the disk */
	/* not 0: the disk may have been written there since the piece was added or last put back */
	u32 changed;
	u32 pad;
};

/*
 * A node of a PATRICIA tree; node and entry of the same piece have the same index. `child` has the
 * indices of two nodes; the bit `bit` of a piece's number selects one. Bit numbers fall on the way
 * down; the first step at which they do not fall leads to the only entry that may have the piece.
 * So a path is never longer than a piece's number has bits, whatever pieces are written.
 */
struct undo_node {
	u32 child[2];
	u32 bit;
};
_Static_assert(DISK_UNDO_GROUP_PIECES * sizeof(struct undo_entry) == PAGE_SIZE &&
		       DISK_UNDO_GROUP_PIECES * sizeof(struct undo_node) <= PAGE_SIZE,
	       "a page of a group");

struct undo {
	u32 number; /* the number of the snapshot whose pieces are kept; 0: there is none */
	enum disk_undo_problem problem;
	bool low;		/* the manager has been told that the store is nearly full */
	struct undo_head *head; /* the store's first page */
	u64 bytes;
	u64 room; /* how many pieces the store's memory has room for */
	u64 count;
	u64 pieces; /* the number of pieces of the client's part of the disk */
};

/*
 * Opens the store for a client with `sectors` sectors. Content that an earlier process left under
 * the same number is checked and kept; otherwise the store begins empty.
 */
void undo_open(struct undo *undo, const struct disk_undo_given *given, u64 sectors);
/* Extends the store to `bytes` bytes: the manager has added memory behind it. */
void undo_extend(struct undo *undo, u64 bytes);
/* Returns the entry of the piece, or NULL if the store does not have it. */
struct undo_entry *undo_find(const struct undo *undo, u64 piece);
/* Adds a piece, which must be new, to a store with room; if `data` is NULL, the piece is zeros. */
void undo_add(struct undo *undo, u64 piece, const u8 *data);
/*
 * Overwrites the parts of `data`, read from these sectors of the client's part, for which the store
 * has pieces.
 */
void undo_lay_over(const struct undo *undo, u64 sector, u32 sectors, u8 *data);
/* Marks the store as permanently incomplete. */
void undo_give_up(struct undo *undo, enum disk_undo_problem problem);
/*
 * Returns the length, at most `most`, of a run of entries from `first` on that are consecutive on
 * the disk as their pieces are in memory, and whose pieces the disk may have changed
 * (undo_entry.changed).
 */
u32 undo_run(const struct undo *undo, u64 first, u32 most);
/* Marks all entries as put back on the disk. */
void undo_put_back(struct undo *undo);

static inline bool undo_keeps(const struct undo *undo)
{
	return undo->number != 0 && undo->problem == DISK_UNDO_WHOLE;
}

static inline u8 *undo_group_of(const struct undo *undo, u64 place)
{
	return (u8 *)undo->head +
	       (1 + place / DISK_UNDO_GROUP_PIECES * DISK_UNDO_GROUP_PAGES) * PAGE_SIZE;
}

static inline struct undo_entry *undo_entry_at(const struct undo *undo, u64 place)
{
	return (struct undo_entry *)(uintptr_t)undo_group_of(undo, place) +
	       place % DISK_UNDO_GROUP_PIECES;
}

/*
 * Returns the tree node at index `place`. Nodes belong to this process: its successor rebuilds
 * them.
 */
static inline struct undo_node *undo_node_at(const struct undo *undo, u64 place)
{
	return (struct undo_node *)(uintptr_t)(undo_group_of(undo, place) + PAGE_SIZE) +
	       place % DISK_UNDO_GROUP_PIECES;
}

/*
 * Returns the piece of an entry: a page of entries is followed by nodes, then the group's pieces.
 */
static inline u8 *undo_data(const struct undo_entry *entry)
{
	u64 at = (u64)(uintptr_t)entry;
	u64 place = at % PAGE_SIZE / sizeof(*entry);

	return (u8 *)(uintptr_t)(align_down(at, PAGE_SIZE) + (2 + place) * UNDO_PIECE_BYTES);
}

static inline bool undo_is_full(const struct undo *undo)
{
	return undo->count == undo->room;
}
