/* SPDX-License-Identifier: MIT */
#pragma once

#include "vmm/io/block.h"
#include "vmm/io/disk_channel.h"

/*
 * What a disk held at a snapshot of its client, of all that was written since: memory that the
 * manager gave, and that outlives this process. Pieces are added and never change. Behind a head
 * lie groups of entries, of a tree to find them by, and of pieces (struct disk_undo_given).
 */
#define UNDO_PIECE_BYTES   PAGE_SIZE
#define UNDO_PIECE_SECTORS ((u32)(UNDO_PIECE_BYTES / BLOCK_SECTOR_BYTES))

/* The first page. */
struct undo_head {
	u32 number; /* which one the rest belongs to */
	u32 problem; /* enum disk_undo_problem: it does not hold all */
	u64 count; /* of entries that are complete */
};

struct undo_entry {
	u64 piece; /* of the client's part of the disk */
	u32 changed; /* on the disk, since it was added or put back */
	u32 pad;
};

/*
 * Of a PATRICIA tree, for the entry with the same place. `child` are places, by the bit of the
 * piece; bits fall on the way down, and the first step that they do not leads to the only entry
 * that may have the piece. So no choice of pieces makes a way longer than their numbers have bits.
 */
struct undo_node {
	u32 child[2];
	u32 bit;
};
_Static_assert(DISK_UNDO_GROUP_PIECES * sizeof(struct undo_entry) == PAGE_SIZE &&
		       DISK_UNDO_GROUP_PIECES * sizeof(struct undo_node) <= PAGE_SIZE,
	       "a page of a group");

struct undo {
	u32 number; /* 0: nothing is kept */
	enum disk_undo_problem problem;
	bool low;		/* it has been said that it should be made larger */
	struct undo_head *head; /* at the beginning of it all */
	u64 bytes;
	u64 room; /* for so many pieces */
	u64 count;
	u64 pieces; /* of the client's part */
};

/*
 * What is given now, for a client with so many sectors. What an earlier process left under the same
 * number is checked and kept, else it begins empty.
 */
void undo_open(struct undo *undo, const struct disk_undo_given *given, u64 sectors);
/* There are more bytes behind those that it was opened with. */
void undo_extend(struct undo *undo, u64 bytes);
/* Whether the disk's piece is there; NULL: it is not. */
struct undo_entry *undo_find(const struct undo *undo, u64 piece);
/* There is room, and it was not there. NULL: zeros. */
void undo_add(struct undo *undo, u64 piece, const u8 *data);
/* Sectors of the client's part, as far as their pieces are there, over what `data` has of them. */
void undo_lay_over(const struct undo *undo, u64 sector, u32 sectors, u8 *data);
/* It will never be whole. */
void undo_give_up(struct undo *undo, enum disk_undo_problem problem);
/*
 * So many entries from `first` on lie one after another on the disk too, as their pieces do in
 * memory, and have changed.
 */
u32 undo_run(const struct undo *undo, u64 first, u32 most);
/* All have been put back. */
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

/* This process's: the next one makes all of them anew. */
static inline struct undo_node *undo_node_at(const struct undo *undo, u64 place)
{
	return (struct undo_node *)(uintptr_t)(undo_group_of(undo, place) + PAGE_SIZE) +
	       place % DISK_UNDO_GROUP_PIECES;
}

/* Its page has the entries of a group, behind which lie its pieces. */
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
