/* SPDX-License-Identifier: MIT */
/*
 * A store's metadata: a good one in which the input changes what it likes, its sums corrected
 * afterwards if the input says so. A block that is not the one that should be there is read from
 * its copy, which is as it was. What is loaded of it is then used like any store. Before, a host
 * looks at the superblocks from time to time, as it does with a lease.
 */
#include "tests/fuzz/fuzz.h"

#include "lib/string.c"
#include "vmm/driver/disk/layers/store/pool_layout.c"
#include "vmm/driver/disk/layers/store/pool_load.c"
#include "vmm/driver/disk/layers/store/pool_map.c"
#include "vmm/driver/disk/layers/store/pool_sum.c"
#include "vmm/driver/disk/layers/store/pool_volume.c"
#include "vmm/driver/disk/layers/store/store_lease.c"
#include "vmm/rt/crc32c.c"

#define START	16384u /* 8 MiB: 64 blocks */
#define GROWN	45056u /* the size to which the good store has grown */
#define SECTORS 49152u /* 24 MiB: the disk's size, for 96 blocks */
#define BLOCKS	96u
#define CHUNK	STORE_CHUNK_LEAST
/* what the tables of a store of all of the disk take */
#define MEMORY pool_bytes(BLOCKS, SECTORS / CHUNK)
#define WIDE   (3ull * STORE_FAN * STORE_FAN * CHUNK) /* sectors of a tree of three levels */

static struct pool pool;
static u8 good[BLOCKS][STORE_BLOCK_BYTES];
static u8 disk[BLOCKS][STORE_BLOCK_BYTES];

/* --- what store_lease.c calls --- */

static struct open_store store;
static u64 now_tsc;

u64 clock_tsc(void)
{
	return now_tsc;
}

u64 clock_ns_to_tsc(u64 ns)
{
	return ns;
}

u8 *store_io_data(void)
{
	return disk[0];
}

void store_fail(struct open_store *of, enum store_state state, const char *reason)
{
	(void)reason;
	of->state = state;
}

static void correct(void)
{
	for (u32 i = 0; i < BLOCKS; i++) {
		struct store_node *node = (void *)disk[i];

		/* the sum stands at the same place in both kinds */
		node->check = store_block_check(node, &node->check);
	}
}

static u64 add(const char *name, u64 sectors, u64 from, u32 flags)
{
	struct store_item item = {.sectors = sectors, .volume = from};
	u64 id = 0;

	string_copy(item.name, sizeof(item.name), name);
	CHECK_THAT(pool_add(&pool, &item, from, flags, 0, &id) == STORE_OK);
	return id;
}

static void write_good(void)
{
	u32 fresh = pool_freeze(&pool);

	pool.super.copied = pool.super.generation;
	pool.super.version = pool.super.needs != 0 ? STORE_VERSION_NEEDS : STORE_VERSION;
	for (u32 i = 0; i < fresh; i++)
		memcpy(disk[pool.fresh[i]], pool_node(&pool, pool.fresh[i]), STORE_BLOCK_BYTES);
	memcpy(disk[pool.super.generation % 2], &pool.super, STORE_BLOCK_BYTES);
	pool_committed(&pool, fresh);
}

/* Makes volumes of one and of three levels, a clone and a snapshot that share nodes. */
static void make_good(void)
{
	struct store_superblock super = {.magic = STORE_MAGIC,
					 .version = STORE_VERSION,
					 .next_id = 1,
					 .flags = STORE_OVERCOMMIT};
	u8 *memory;
	u64 wide, flat;

	CHECK_THAT(pool_lay_out(START, CHUNK, &super) && super.blocks < BLOCKS);
	super.copies = pool_copies_for(&super);
	memory = calloc(1, MEMORY);
	pool_open(&pool, &super, memory);
	wide = add("wide", WIDE, 0, 0);
	flat = add("flat", 9 * CHUNK, 0, 0);
	for (u64 i = 0; i < 4; i++) {
		CHECK_THAT(pool_put(&pool, wide, i * STORE_FAN * 200, pool_take_chunk(&pool)));
		CHECK_THAT(pool_put(&pool, flat, 2 * i, pool_take_chunk(&pool)));
	}
	write_good();
	CHECK_THAT(pool_grow(&pool, GROWN, MEMORY) == NULL && pool.layout.area_count == 2);
	add("clone", WIDE, wide, 0);
	add("snapshot", 9 * CHUNK, flat, STORE_VOLUME_READ_ONLY | STORE_VOLUME_SNAPSHOT);
	CHECK_THAT(pool_put(&pool, wide, 1, pool_take_chunk(&pool)));
	for (u32 i = 0; i < 6; i++)
		CHECK_THAT(pool_set_sum(&pool, i, i * 77));
	write_good();
	correct();
	memcpy(good, disk, sizeof(good));
	free(memory);
}

static void change(struct fuzz *fuzz)
{
	u8 what = fuzz_u8(fuzz);
	/* the first nodes are those that are in use */
	u8 *block = disk[(what & 0x80) != 0 ? fuzz_u8(fuzz) % BLOCKS : what % 16];
	u16 place = fuzz_u16(fuzz);
	u64 value = fuzz_number(fuzz);

	switch (what >> 4 & 7) {
	case 0:
		block[place % STORE_BLOCK_BYTES] = (u8)value;
		break;
	case 1:
		memcpy(block + place % (STORE_BLOCK_BYTES / 4) * 4, &(u32){(u32)value}, 4);
		break;
	case 2:
		memcpy(block, disk[place % BLOCKS], STORE_BLOCK_BYTES);
		break;
	case 3: /* a field of a superblock or a node */
		memcpy(block + place % 16 * 8, &value, 8);
		if ((place & 0x100) != 0) { /* a lease, as it should be */
			struct store_superblock *super = (void *)disk[what % 2];

			super->version = STORE_VERSION_NEEDS;
			super->needs = STORE_NEEDS_LEASE;
			super->lease_s = MAX((u32)value % 4000, 1);
		}
		if ((place & 0x200) != 0) /* one of the sizes that the store has had */
			((struct store_superblock *)(void *)disk[what % 2])->size[place % 4] =
				value % (2 * SECTORS);
		break;
	case 4: /* a field of a volume's record */
		memcpy(block + 64 + place % 4 * 128 + (place >> 8) % 8 * 8, &value, 8);
		break;
	default: /* a word of a tree */
		memcpy(block + 64 + place % STORE_FAN * 8, &value, 8);
	}
}

static void check_place(u64 sector)
{
	u64 chunk = (sector - pool.layout.first_sector) / pool.super.chunk_sectors;

	CHECK_THAT(sector + STORE_BLOCK_SECTORS <= pool.super.sectors);
	CHECK_THAT(sector < pool.layout.first_sector ||
		   (chunk < pool.super.chunks && pool.chunk[chunk].uses == POOL_METADATA));
}

/* Returns what the disk has in a block, which lies within the store, in no chunk of data. */
static const u8 *on_disk(u32 block)
{
	check_place(pool_block_sector(&pool, block));
	if (pool.super.copies != 0)
		check_place(pool_copy_sector(&pool, block));
	return disk[block];
}

static const char *load(u8 **memory)
{
	struct store_superblock *pair = (void *)disk[0];
	const char *problem = "";
	u32 chosen = 0;
	u32 reads = 0;
	u32 block;

	if (pool_choose(pair, SECTORS, &chosen, &problem) != STORE_LOADING)
		return problem;
	CHECK_THAT(pair[chosen].sectors <= SECTORS && pair[chosen].blocks <= BLOCKS);
	CHECK_THAT(pool_bytes(pair[chosen].blocks, pair[chosen].chunks) <= MEMORY);
	*memory = malloc(MEMORY);
	if (pair[chosen].copied != pair[chosen].generation)
		pair[chosen].copies = 0;
	pool_open(&pool, &pair[chosen], *memory);
	problem = pool_load_begin(&pool);
	while (problem == NULL && (block = pool_load_next(&pool)) != 0) {
		CHECK_THAT(block < pool.super.blocks && ++reads < pool.super.blocks);
		memcpy(pool_node(&pool, block), on_disk(block), STORE_BLOCK_BYTES);
		if (pool.super.copies != 0 && pool_load_look(&pool, block) != NULL)
			memcpy(pool_node(&pool, block), good[block], STORE_BLOCK_BYTES);
		problem = pool_load_take(&pool, block);
	}
	return problem != NULL ? problem : pool_load_end(&pool);
}

static const struct store_record *record_of(struct fuzz *fuzz)
{
	u32 number = fuzz_u8(fuzz);

	return pool_record(&pool, number % 8);
}

static void look_up(const struct store_record *record, u64 index)
{
	bool alone;
	u32 chunk;

	index %= pool_chunks_of(&pool, record->sectors);
	if (pool_look_up(&pool, record, index, &chunk, &alone))
		CHECK_THAT(chunk < pool.super.chunks && pool_has_data(&pool, chunk) &&
			   (!alone || pool.chunk[chunk].uses == 1));
}

static void put(const struct store_record *record, u64 index, bool zeros)
{
	u32 chunk = zeros ? NO_CHUNK : pool_take_chunk(&pool);

	index %= pool_chunks_of(&pool, record->sectors);
	if (chunk == NO_CHUNK && !zeros)
		return;
	if (!pool_put(&pool, record->id, index, chunk) && !zeros)
		pool_give_chunk(&pool, chunk);
}

/* Does what a write to the chunk does, or a round that gives it a sum. */
static void sum(const struct store_record *record, u64 index, bool give)
{
	bool alone;
	u32 chunk;
	u32 there;

	index %= pool_chunks_of(&pool, record->sectors);
	if (!pool_look_up(&pool, record, index, &chunk, &alone))
		return;
	if (give) {
		pool.writes[chunk] = 0;
		(void)pool_set_sum(&pool, chunk, (u32)index);
		return;
	}
	if (!alone || (pool_is_summed(&pool, chunk) && !pool_unsum(&pool, chunk)))
		return;
	pool_write_begins(&pool, chunk);
	pool_write_ends(&pool, chunk);
	CHECK_THAT(!pool_is_summed(&pool, chunk));
	CHECK_THAT(!pool_sum(&pool, chunk, &there) || pool.writes[chunk] == 0);
}

static void use(struct fuzz *fuzz)
{
	u8 what = fuzz_u8(fuzz);
	const struct store_record *record = record_of(fuzz);
	u64 number = fuzz_number(fuzz);
	struct store_item item = {.sectors = number % (2 * WIDE)};
	u64 id;

	if (record == NULL || what % 11 == 0) {
		pool_committed(&pool, pool_freeze(&pool));
		return;
	}
	item.name[0] = (char)('a' + (what >> 4));
	switch (what % 11) {
	case 1:
		look_up(record, number);
		break;
	case 2:
	case 3:
		put(record, number, what % 11 == 3);
		break;
	case 4:
		item.volume = record->id;
		(void)pool_add(&pool, &item, (what & 16) != 0 ? record->id : 0, 0, 0, &id);
		break;
	case 5:
		(void)pool_drop(&pool, record->id);
		break;
	case 6:
		(void)pool_resize(&pool, record->id, item.sectors);
		break;
	case 8:
	case 9:
		sum(record, number, what % 11 == 9);
		break;
	case 10:
		(void)pool_grow(&pool, number % (SECTORS + 1), MEMORY);
		break;
	case 7:
		id = record->id;
		record = record_of(fuzz);
		if (record != NULL)
			(void)pool_roll_back(&pool, id, record->id);
		item.key = (struct store_key){.id = what};
		(void)pool_rekey(&pool, id, &item.key);
		break;
	default:
		(void)pool_sweep(&pool, 1 + what % 4);
	}
}

static void check_counts(void)
{
	u32 chunks = 0, blocks = 0;

	for (u32 i = 0; i < pool.super.chunks; i++)
		chunks += pool.chunk[i].uses == 0;
	for (u32 i = STORE_FIRST_NODE; i < pool.super.blocks; i++)
		blocks += pool.block[i].uses == 0;
	CHECK_THAT(chunks == pool.free_chunks && blocks == pool.free_blocks);
	CHECK_THAT(pool_blocks_now(&pool) <= blocks);
}

/* Whatever the volumes shared: nothing is left of them once all are dropped. */
static void drop_all(void)
{
	u32 nodes = 0;

	for (u32 i = 0; i < STORE_VOLUME_MAX; i++) {
		const struct store_record *record = pool_record(&pool, i);

		if (record != NULL && pool_drop(&pool, record->id) != STORE_OK)
			return; /* so many nodes are in use that none is left */
	}
	while (pool_sweep(&pool, 1))
		continue;
	for (u32 i = 0; i < STORE_RECORD_NODES; i++)
		nodes += pool.super.volumes[i] != 0;
	nodes += pool.super.sums != 0; /* so small a store has its sums in one leaf */
	CHECK_THAT(pool.free_chunks == pool.data_chunks && pool.reserved_chunks == 0);
	CHECK_THAT(pool.free_blocks == pool.super.blocks - STORE_FIRST_NODE - nodes);
}

/*
 * Looks at superblocks that change between the looks: whatever they hold, the store counts as
 * free only if it is this host's, has no lease, was given back, or was the same for longer than its
 * lease.
 */
static void look_at_leases(struct fuzz *fuzz)
{
	static struct store_page page;
	u32 looks = fuzz_u8(fuzz) % 8;

	store = (struct open_store){.given = {.sectors = SECTORS, .host = {fuzz_u8(fuzz) % 4}},
				    .page = &page,
				    .state = STORE_LOADING};
	now_tsc = 1;
	for (u32 i = 0; i < looks; i++) {
		struct store_superblock *pair = (void *)disk[0];
		struct store_mark seen = store.lease.seen;
		const char *problem = "";
		u32 chosen = 0;

		if (pool_choose(pair, SECTORS, &chosen, &problem) != STORE_LOADING)
			return;
		if (store_lease_look(&store, &pair[chosen]) == LEASE_FREE &&
		    pair[chosen].lease_s != 0 && !store_is_own(&store, &pair[chosen]))
			/* given back: whoever else takes it now waits and looks, too */
			CHECK_THAT(pair[chosen].session == 0
					   ? store.lease.settles
					   : store_mark_equal(&seen, &store.lease.seen) &&
						     now_tsc - store.lease.since_tsc >
							     pair[chosen].lease_s * NS_PER_S);
		store.pool.super = pair[chosen];
		now_tsc += fuzz_number(fuzz) % (8000 * NS_PER_S);
		change(fuzz);
		correct();
		seen = store.lease.seen;
		if (pool_choose(pair, SECTORS, &chosen, &problem) == STORE_LOADING &&
		    seen.generation != 0 && store_lease_confirm(&store))
			CHECK_THAT(pair[chosen].session == seen.session &&
				   pair[chosen].epoch == seen.epoch);
		store.state = STORE_LOADING;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	struct fuzz fuzz = {bytes, size};
	u8 changes = fuzz_u8(&fuzz);
	u8 *memory = NULL;

	if (good[0][0] == 0)
		make_good();
	memcpy(disk, good, sizeof(disk));
	if ((changes & 0x20) != 0)
		look_at_leases(&fuzz);
	for (u32 i = 0; i < changes % 16u; i++)
		change(&fuzz);
	if ((changes & 0x10) == 0)
		correct();
	if (load(&memory) == NULL) {
		check_counts();
		pool_committed(&pool, pool_freeze(&pool)); /* as after each start */
		while (fuzz.left > 0)
			use(&fuzz);
		check_counts();
		drop_all();
		check_counts();
	}
	free(memory);
	return 0;
}
