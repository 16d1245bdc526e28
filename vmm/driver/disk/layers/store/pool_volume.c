/* SPDX-License-Identifier: MIT */
/*
 * Adds, drops, resizes and renames the volumes of a store, and gives one the content of another.
 * Called by the store's commands. A volume's record lies in a node, like all metadata; pool_map.c
 * keeps the volume's content.
 */
#include "lib/bits.h"
#include "lib/string.h"
#include "vmm/driver/disk/layers/store/pool.h"

static struct store_record *pool_record_at(const struct pool *pool, u32 number)
{
	u32 block = number < STORE_VOLUME_MAX ? pool->super.volumes[number / STORE_RECORDS] : 0;

	return block != 0 ? &pool_node(pool, block)->record[number % STORE_RECORDS] : NULL;
}

const struct store_record *pool_record(const struct pool *pool, u32 number)
{
	const struct store_record *record = pool_record_at(pool, number);

	return record != NULL && record->id != 0 ? record : NULL;
}

/* Returns the number of the volume's record, or STORE_VOLUME_MAX. */
static u32 pool_number_of(const struct pool *pool, u64 id)
{
	for (u32 i = 0; i < STORE_VOLUME_MAX; i++) {
		if (pool->super.volumes[i / STORE_RECORDS] == 0) {
			i += STORE_RECORDS - 1 - i % STORE_RECORDS;
			continue;
		}
		if (pool_record_at(pool, i)->id == id)
			return i;
	}
	return STORE_VOLUME_MAX;
}

const struct store_record *pool_find(const struct pool *pool, u64 id)
{
	return id != 0 ? pool_record_at(pool, pool_number_of(pool, id)) : NULL;
}

const struct store_record *pool_find_again(const struct pool *pool, u64 id, u32 *number)
{
	const struct store_record *record = pool_record_at(pool, *number);

	if (id != 0 && record != NULL && record->id == id)
		return record;
	*number = pool_number_of(pool, id);
	return pool_find(pool, id);
}

const struct store_record *pool_find_name(const struct pool *pool, const char *name)
{
	for (u32 i = 0; i < STORE_VOLUME_MAX; i++) {
		const struct store_record *record = pool_record(pool, i);

		if (record != NULL && string_equal(record->name, name))
			return record;
	}
	return NULL;
}

/*
 * Returns the record with that number, for a change: first copies its node unless the node belongs
 * to the generation `now`. Returns NULL if there is no free node.
 */
static struct store_record *pool_change_number(struct pool *pool, u32 number)
{
	u32 *block = &pool->super.volumes[number / STORE_RECORDS];
	u32 own = pool_own_node(pool, *block, STORE_NODE_VOLUMES);

	if (own == 0)
		return NULL;
	*block = own;
	pool->dirty = true;
	return &pool_node(pool, own)->record[number % STORE_RECORDS];
}

struct store_record *pool_change(struct pool *pool, u64 id)
{
	u32 number = pool_number_of(pool, id);

	return number < STORE_VOLUME_MAX ? pool_change_number(pool, number) : NULL;
}

/* Returns the number of a free record, or STORE_VOLUME_MAX. */
static u32 pool_free_record(const struct pool *pool)
{
	u32 number = 0;

	while (number < STORE_VOLUME_MAX && pool_record(pool, number) != NULL)
		number++;
	return number;
}

/*
 * Returns whether `chunks` more chunks can be reserved for volumes beside those reserved already.
 */
static bool pool_has_room(const struct pool *pool, u64 chunks)
{
	u32 all = pool->data_chunks;

	return (pool->super.flags & STORE_OVERCOMMIT) != 0 ||
	       chunks <= all - MIN(pool->reserved_chunks, all);
}

static enum store_status pool_may_add(const struct pool *pool, const struct store_item *item,
				      const struct store_record *from, u64 reserve)
{
	if (item->volume != 0 && from == NULL)
		return STORE_MISSING;
	if (item->sectors == 0 || item->sectors % STORE_SIZE_SECTORS != 0 ||
	    pool_levels(pool_chunks_of(pool, item->sectors)) > STORE_LEVELS_MAX ||
	    (from != NULL && item->sectors < from->sectors))
		return STORE_BAD;
	if (pool_find_name(pool, item->name) != NULL)
		return STORE_EXISTS;
	if (pool_free_record(pool) == STORE_VOLUME_MAX)
		return STORE_NO_ROOM;
	return pool_has_room(pool, reserve) && pool_has_blocks(pool) ? STORE_OK : STORE_NO_SPACE;
}

/*
 * Adds nodes on top of a tree's root until the tree covers the volume's new size. Returns false if
 * there is no free node, which pool_has_blocks has ruled out.
 */
static bool pool_raise(struct pool *pool, struct store_record *record, u64 old_sectors)
{
	u32 levels = pool_levels(pool_chunks_of(pool, record->sectors));

	for (u32 i = pool_levels(pool_chunks_of(pool, old_sectors)); i < levels; i++) {
		u32 top;

		if (record->root == 0)
			return true;
		top = pool_own_node(pool, 0, STORE_NODE_INNER);
		if (top == 0)
			return false;
		pool_node(pool, top)->word[0] = record->root;
		record->root = top;
	}
	return true;
}

enum store_status pool_add(struct pool *pool, const struct store_item *item, u64 from, u32 flags,
			   u64 now_s, u64 *id)
{
	const struct store_record *source = pool_find(pool, from);
	u64 reserve = pool_chunks_of(pool, item->sectors);
	enum store_status status = pool_may_add(pool, item, source, reserve);
	struct store_record *record;
	struct store_record copy;

	if (status != STORE_OK)
		return status;
	copy = source != NULL ? *source : (struct store_record){.id = 0};
	record = pool_change_number(pool, pool_free_record(pool));
	if (record == NULL)
		return STORE_NO_SPACE;
	*record = (struct store_record){
		.id = pool->super.next_id++,
		.parent = from,
		.sectors = item->sectors,
		.made_s = now_s,
		.flags = flags,
		.root = copy.root,
		.key_id = item->key.id,
		.key_tag = item->key.tag,
	};
	string_copy(record->name, sizeof(record->name), item->name);
	memcpy(record->key, item->key.name, sizeof(record->key));
	pool_use_block(pool, record->root);
	pool->reserved_chunks += reserve;
	pool->record_count++;
	*id = record->id;
	if (source == NULL || pool_raise(pool, record, copy.sectors))
		return STORE_OK;
	(void)pool_drop(pool, *id);
	return STORE_NO_SPACE;
}

enum store_status pool_drop(struct pool *pool, u64 id)
{
	struct store_record *record = pool_change(pool, id);

	if (record == NULL)
		return pool_find(pool, id) != NULL ? STORE_NO_SPACE : STORE_MISSING;
	pool->reserved_chunks -= pool_chunks_of(pool, record->sectors);
	pool->record_count--;
	pool_lose_block(pool, record->root);
	*record = (struct store_record){.id = 0};
	return STORE_OK;
}

enum store_status pool_may_roll_back(struct pool *pool, u64 id, u64 other, s64 *more)
{
	const struct store_record *from = pool_find(pool, other);
	const struct store_record *record = pool_find(pool, id);

	if (from == NULL || record == NULL)
		return STORE_MISSING;
	*more += (s64)pool_chunks_of(pool, from->sectors) -
		 (s64)pool_chunks_of(pool, record->sectors);
	if (*more > 0 && !pool_has_room(pool, (u64)*more))
		return STORE_NO_SPACE;
	return pool_change(pool, id) != NULL ? STORE_OK : STORE_NO_SPACE;
}

enum store_status pool_roll_back(struct pool *pool, u64 id, u64 other)
{
	s64 more = 0;
	enum store_status status = pool_may_roll_back(pool, id, other, &more);
	struct store_record *record;
	struct store_record copy;

	if (status != STORE_OK)
		return status;
	copy = *pool_find(pool, other);
	record = pool_change(pool, id);
	pool->reserved_chunks += (u64)more;
	pool_use_block(pool, copy.root);
	pool_lose_block(pool, record->root);
	record->root = copy.root;
	record->sectors = copy.sectors;
	return STORE_OK;
}

enum store_status pool_rekey(struct pool *pool, u64 id, const struct store_key *key)
{
	struct store_record *record = pool_change(pool, id);

	if (record == NULL)
		return pool_find(pool, id) != NULL ? STORE_NO_SPACE : STORE_MISSING;
	record->key_id = key->id;
	record->key_tag = key->tag;
	memcpy(record->key, key->name, sizeof(record->key));
	return STORE_OK;
}

enum store_status pool_resize(struct pool *pool, u64 id, u64 sectors)
{
	const struct store_record *present = pool_find(pool, id);
	struct store_record *record;
	u64 more;
	u64 old;

	if (present == NULL)
		return STORE_MISSING;
	old = present->sectors;
	if (sectors < old || sectors % STORE_SIZE_SECTORS != 0 ||
	    pool_levels(pool_chunks_of(pool, sectors)) > STORE_LEVELS_MAX)
		return STORE_BAD;
	more = pool_chunks_of(pool, sectors) - pool_chunks_of(pool, old);
	if (!pool_has_room(pool, more) || !pool_has_blocks(pool))
		return STORE_NO_SPACE;
	record = pool_change(pool, id);
	if (record == NULL)
		return STORE_NO_SPACE;
	record->sectors = sectors;
	if (!pool_raise(pool, record, old)) {
		record->sectors = old;
		return STORE_NO_SPACE;
	}
	pool->reserved_chunks += more;
	return STORE_OK;
}

enum store_status pool_rename(struct pool *pool, u64 id, const char *name, u64 key_tag)
{
	struct store_record *record;

	if (pool_find(pool, id) == NULL)
		return STORE_MISSING;
	if (pool_find_name(pool, name) != NULL)
		return STORE_EXISTS;
	record = pool_change(pool, id);
	if (record == NULL)
		return STORE_NO_SPACE;
	record->key_tag = key_tag;
	memset(record->name, 0, sizeof(record->name));
	string_copy(record->name, sizeof(record->name), name);
	return STORE_OK;
}
