/* SPDX-License-Identifier: MIT */
/*
 * The store behind a disk's snapshot: pieces (pages) of the disk as they were, and a PATRICIA tree
 * to find them. Called by undo.c, undo_move.c and view.c. Owns the memory that the manager gave for
 * it, which outlives this process and is checked when the next process takes it over.
 */
#include "vmm/driver/disk/layers/undo_store.h"

#include "lib/bits.h"
#include "lib/string.h"

/*
 * The bit number of the first entry, above all bits of a piece's number; each search begins there.
 */
#define ROOT_BIT 63u

static u32 undo_side_of(u64 piece, u32 bit)
{
	return (u32)(piece >> bit & 1);
}

/*
 * Returns the index of the piece's entry if it exists, else that of the entry to which the bits of
 * the piece's number lead. The store must not be empty.
 */
static u32 undo_nearest(const struct undo *undo, u64 piece)
{
	u32 place = 0;
	u32 bit;

	do {
		bit = undo_node_at(undo, place)->bit;
		place = undo_node_at(undo, place)->child[undo_side_of(piece, bit)];
	} while (undo_node_at(undo, place)->bit < bit);
	return place;
}

struct undo_entry *undo_find(const struct undo *undo, u64 piece)
{
	struct undo_entry *entry;

	if (undo->count == 0)
		return NULL;
	entry = undo_entry_at(undo, undo_nearest(undo, piece));
	return entry->piece == piece ? entry : NULL;
}

/* Adds the next entry to the tree, where the bits of its piece first differ from the others'. */
static void undo_enter(struct undo *undo, u64 piece)
{
	const u32 place = (u32)undo->count++;
	struct undo_node *node = undo_node_at(undo, place);
	u32 *link = &undo_node_at(undo, 0)->child[0];
	u32 above = ROOT_BIT;
	u32 side;

	if (place == 0) {
		*node = (struct undo_node){.bit = ROOT_BIT};
		return;
	}
	node->bit = bit_highest(undo_entry_at(undo, undo_nearest(undo, piece))->piece ^ piece);
	for (;;) {
		struct undo_node *below = undo_node_at(undo, *link);

		if (below->bit >= above || below->bit <= node->bit)
			break;
		above = below->bit;
		link = &below->child[undo_side_of(piece, above)];
	}
	side = undo_side_of(piece, node->bit);
	node->child[side] = place;
	node->child[side ^ 1] = *link;
	*link = place;
}

/*
 * Checks the entries that an earlier process left, and builds the tree for them. Returns false if
 * no driver can have left this content.
 */
static bool undo_take_over(struct undo *undo)
{
	u64 count = undo->head->count;

	if (count > undo->room)
		return false;
	while (undo->count < count) {
		u64 piece = undo_entry_at(undo, undo->count)->piece;

		if (piece >= undo->pieces || undo_find(undo, piece) != NULL)
			return false;
		undo_enter(undo, piece);
	}
	return true;
}

static void undo_begin_empty(struct undo *undo)
{
	undo->head->number = 0;
	undo->head->count = 0;
	undo->head->problem = DISK_UNDO_WHOLE;
	__atomic_store_n(&undo->head->number, undo->number, __ATOMIC_RELEASE);
}

void undo_extend(struct undo *undo, u64 bytes)
{
	undo->bytes = bytes;
	undo->room = disk_undo_room(bytes);
	undo->low = false;
}

void undo_open(struct undo *undo, const struct disk_undo_given *given, u64 sectors)
{
	*undo = (struct undo){.number = given->number,
			      .pieces = (sectors + UNDO_PIECE_SECTORS - 1) / UNDO_PIECE_SECTORS};
	if (undo->number == 0)
		return;
	undo->head = (struct undo_head *)(uintptr_t)given->at;
	undo_extend(undo, given->bytes);
	if (undo->head->number != undo->number)
		undo_begin_empty(undo);
	else if (undo->head->problem != DISK_UNDO_WHOLE)
		undo_give_up(undo, (enum disk_undo_problem)undo->head->problem);
	else if (!undo_take_over(undo))
		undo_give_up(undo, DISK_UNDO_BROKEN);
}

/*
 * Adds a piece. Adds one to `count` only when the entry is complete, so this process may die at any
 * time.
 */
void undo_add(struct undo *undo, u64 piece, const u8 *data)
{
	struct undo_entry *entry = undo_entry_at(undo, undo->count);

	if (data != NULL)
		memcpy(undo_data(entry), data, UNDO_PIECE_BYTES);
	else
		memset(undo_data(entry), 0, UNDO_PIECE_BYTES);
	*entry = (struct undo_entry){.piece = piece};
	undo_enter(undo, piece);
	__atomic_store_n(&undo->head->count, undo->count, __ATOMIC_RELEASE);
}

void undo_lay_over(const struct undo *undo, u64 sector, u32 sectors, u8 *data)
{
	u64 end = sector + sectors;

	while (sector < end) {
		u64 piece = sector / UNDO_PIECE_SECTORS;
		u64 next = MIN(end, (piece + 1) * UNDO_PIECE_SECTORS);
		u64 bytes = (next - sector) * BLOCK_SECTOR_BYTES;
		const struct undo_entry *entry = undo_find(undo, piece);

		if (entry != NULL)
			memcpy(data,
			       undo_data(entry) + sector % UNDO_PIECE_SECTORS * BLOCK_SECTOR_BYTES,
			       bytes);
		data += bytes;
		sector = next;
	}
}

void undo_give_up(struct undo *undo, enum disk_undo_problem problem)
{
	undo->problem = problem < DISK_UNDO_PROBLEM_COUNT ? problem : DISK_UNDO_BROKEN;
	__atomic_store_n(&undo->head->problem, undo->problem, __ATOMIC_RELEASE);
}

u32 undo_run(const struct undo *undo, u64 first, u32 most)
{
	u64 end = MIN(undo->count,
		      align_down(first, DISK_UNDO_GROUP_PIECES) + DISK_UNDO_GROUP_PIECES);
	const struct undo_entry *entry = undo_entry_at(undo, first);
	u32 count = 0;

	while (count < most && first + count < end && entry[count].changed != 0 &&
	       entry[count].piece == entry->piece + count)
		count++;
	return count;
}

void undo_put_back(struct undo *undo)
{
	for (u64 i = 0; i < undo->count; i++)
		undo_entry_at(undo, i)->changed = 0;
}
