/* SPDX-License-Identifier: MIT */
#include "vmm/driver/disk/undo.h"

#include "lib/bits.h"
#include "lib/string.h"

#define HASH_FACTOR 0x9e3779b97f4a7c15ull /* 2^64 by the golden ratio: spreads neighbours */

static u64 undo_pages_for(u64 bytes)
{
	return align_up(bytes, PAGE_SIZE) / PAGE_SIZE;
}

static u64 undo_table_size_of(u64 room)
{
	u64 size = 2;

	while (size < 2 * room)
		size *= 2;
	return size;
}

/* As many pieces as go into so many pages, with all that belongs to them. */
static void undo_lay_out(struct undo *undo, u8 *memory, u64 pages)
{
	u64 room = pages != 0 ? pages - 1 : 0;
	u64 entries;
	u64 table;

	for (;; room--) {
		entries = undo_pages_for(room * sizeof(struct undo_entry));
		table = undo_pages_for(undo_table_size_of(room) * sizeof(u32));
		if (room == 0 || 1 + entries + table + room <= pages)
			break;
	}
	undo->room = room;
	undo->table_size = undo_table_size_of(room);
	undo->head = (struct undo_head *)(uintptr_t)memory;
	undo->entry = (struct undo_entry *)(uintptr_t)(memory + PAGE_SIZE);
	undo->table = (u32 *)(uintptr_t)(memory + (1 + entries) * PAGE_SIZE);
	undo->data = memory + (1 + entries + table) * PAGE_SIZE;
}

/* The piece's place in the table, or a free one: it is never more than half full. */
static u64 undo_place_of(const struct undo *undo, u64 piece)
{
	u64 at = (piece * HASH_FACTOR >> 32) & (undo->table_size - 1);

	while (undo->table[at] != 0 && undo->entry[undo->table[at] - 1].piece != piece)
		at = (at + 1) & (undo->table_size - 1);
	return at;
}

struct undo_entry *undo_find(const struct undo *undo, u64 piece)
{
	u32 number = undo->table[undo_place_of(undo, piece)];

	return number != 0 ? &undo->entry[number - 1] : NULL;
}

/* The next entry into the table. */
static void undo_enter(struct undo *undo, u64 piece)
{
	undo->table[undo_place_of(undo, piece)] = (u32)undo->count + 1;
	undo->count++;
}

/* False: this is nothing that a driver would have left. */
static bool undo_take_over(struct undo *undo)
{
	u64 count = undo->head->count;

	if (count > undo->room)
		return false;
	while (undo->count < count) {
		u64 piece = undo->entry[undo->count].piece;

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

void undo_open(struct undo *undo, const struct disk_undo_given *given, u64 sectors)
{
	*undo = (struct undo){.number = given->number,
			      .pieces = (sectors + UNDO_PIECE_SECTORS - 1) / UNDO_PIECE_SECTORS};
	if (undo->number == 0)
		return;
	undo_lay_out(undo, (u8 *)(uintptr_t)given->at, given->bytes / PAGE_SIZE);
	memset(undo->table, 0, undo->table_size * sizeof(undo->table[0]));
	if (undo->head->number != undo->number)
		undo_begin_empty(undo);
	else if (undo->head->problem != DISK_UNDO_WHOLE)
		undo_give_up(undo, (enum disk_undo_problem)undo->head->problem);
	else if (!undo_take_over(undo))
		undo_give_up(undo, DISK_UNDO_BROKEN);
}

/* Wherever this process may die: the entry counts when all of it is there. */
void undo_add(struct undo *undo, u64 piece, const u8 *data)
{
	struct undo_entry *entry = &undo->entry[undo->count];

	if (data != NULL)
		memcpy(undo_data(undo, entry), data, UNDO_PIECE_BYTES);
	else
		memset(undo_data(undo, entry), 0, UNDO_PIECE_BYTES);
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
			       undo_data(undo, entry) +
				       sector % UNDO_PIECE_SECTORS * BLOCK_SECTOR_BYTES,
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
	u32 count = 0;

	while (count < most && first + count < undo->count &&
	       undo->entry[first + count].changed != 0 &&
	       undo->entry[first + count].piece == undo->entry[first].piece + count)
		count++;
	return count;
}

void undo_put_back(struct undo *undo)
{
	for (u64 i = 0; i < undo->count; i++)
		undo->entry[i].changed = 0;
}
