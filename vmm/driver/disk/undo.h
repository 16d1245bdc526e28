/* SPDX-License-Identifier: MIT */
#pragma once

#include "vmm/io/block.h"
#include "vmm/io/disk_channel.h"

/*
 * What a disk held at a snapshot of its client, of all that was written since: memory that the
 * manager gave, and that outlives this process. Pieces are added and never change. Behind a head
 * lie the entries, a tree to find them by, and the pieces.
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

struct undo {
	u32 number; /* 0: nothing is kept */
	enum disk_undo_problem problem;
	struct undo_head *head;
	struct undo_entry *entry;
	struct undo_node *node; /* this process's: the next one makes all of them anew */
	u8 *data;
	u64 room; /* for so many pieces */
	u64 count;
	u64 pieces; /* of the client's part */
};

/*
 * What is given now, for a client with so many sectors. What an earlier process left under the same
 * number is checked and kept, else it begins empty.
 */
void undo_open(struct undo *undo, const struct disk_undo_given *given, u64 sectors);
/* Whether the disk's piece is there; NULL: it is not. */
struct undo_entry *undo_find(const struct undo *undo, u64 piece);
/* There is room, and it was not there. NULL: zeros. */
void undo_add(struct undo *undo, u64 piece, const u8 *data);
/* Sectors of the client's part, as far as their pieces are there, over what `data` has of them. */
void undo_lay_over(const struct undo *undo, u64 sector, u32 sectors, u8 *data);
/* It will never be whole. */
void undo_give_up(struct undo *undo, enum disk_undo_problem problem);
/* So many entries from `first` on lie one after another on the disk too, and have changed. */
u32 undo_run(const struct undo *undo, u64 first, u32 most);
/* All have been put back. */
void undo_put_back(struct undo *undo);

static inline bool undo_keeps(const struct undo *undo)
{
	return undo->number != 0 && undo->problem == DISK_UNDO_WHOLE;
}

static inline u8 *undo_data(const struct undo *undo, const struct undo_entry *entry)
{
	return undo->data + (u64)(entry - undo->entry) * UNDO_PIECE_BYTES;
}

static inline bool undo_is_full(const struct undo *undo)
{
	return undo->count == undo->room;
}
