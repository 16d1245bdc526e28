/* SPDX-License-Identifier: MIT */
/* The quotas of a store: what counts for which, and what they refuse. */
#include "tests/unit/config_fixture.h"

#include "vmm/manager/disk/store_quota.c"

enum { MOST = 12, KIB_SECTORS = KIB / BLOCK_SECTOR_BYTES };

static struct store_config pool = {.section.name = "pool", .quota = "team-* 64K, web 8K"};
static struct store store = {.config = &pool};
static struct store_volume list[MOST];
static char problem[300];
static u32 state_now;
static u32 lines;

void log_message(enum log_level level, enum log_category category, const char *vm,
		 const char *pattern, ...)
{
	(void)level, (void)category, (void)vm, (void)pattern;
	lines++;
}

bool store_told(const struct store *in, struct store_told *told)
{
	(void)in;
	*told = (struct store_told){.state = state_now};
	return state_now != STORE_LOADING;
}

bool store_volume_at(const struct store *in, u32 index, struct store_volume *volume)
{
	(void)in;
	if (index >= MOST)
		return false;
	*volume = list[index];
	return true;
}

/* Adds a volume of so many KiB, that was made of another one (0: of none). */
static void add(u64 id, const char *name, u64 kib, u64 parent)
{
	list[id] = (struct store_volume){.id = id, .sectors = kib * KIB_SECTORS, .parent = parent};
	string_copy(list[id].name, sizeof(list[id].name), name);
}

static int clear(void **state)
{
	(void)state;
	memset(list, 0, sizeof(list));
	add(1, "team-a", 32, 0);
	add(2, "web", 8, 0);
	add(3, "other", 1000, 0);
	return 0;
}

static bool allows(enum store_operation operation, u64 volume, const char *name, u64 kib)
{
	struct store_item item = {.volume = volume, .other = volume, .sectors = kib * KIB_SECTORS};

	string_copy(item.name, sizeof(item.name), name);
	if (operation == STORE_ROLLBACK)
		item.other = kib;
	problem[0] = '\0';
	return store_quota_allows(&store, operation, &item, 1, problem, sizeof(problem));
}

static u64 used(u32 number)
{
	struct store_quota quota;
	u64 bytes;

	assert_true(store_quota_at(&store, number, &quota, &bytes));
	return bytes / KIB;
}

static void of_operations(void **state)
{
	(void)state;
	assert_int_equal(used(0), 32);
	assert_int_equal(used(1), 8);
	assert_true(allows(STORE_CREATE, 0, "team-b", 32));
	assert_false(allows(STORE_CREATE, 0, "team-b", 36));
	assert_string_equal(problem,
			    "quota team-* of store pool allows 64 KiB, of which 32 KiB are "
			    "used, so that 36 KiB more are too many; drop a volume, or "
			    "raise the quota");
	assert_true(allows(STORE_CREATE, 1, "copy", 4000));
	assert_false(allows(STORE_CREATE, 3, "team-copy", 1000));
	assert_true(allows(STORE_SNAPSHOT, 1, "team-b", 32));
	assert_false(allows(STORE_SNAPSHOT, 3, "team-b", 1000));
	assert_false(allows(STORE_SNAPSHOT, 2, "@0-1-0", 8));
	assert_true(allows(STORE_SNAPSHOT, 3, "@0-1-0", 1000));
	assert_true(allows(STORE_RESIZE, 1, "", 64));
	assert_false(allows(STORE_RESIZE, 1, "", 68));
	assert_true(allows(STORE_RESIZE, 3, "", 2000));
	assert_false(allows(STORE_RENAME, 3, "team-b", 0));
	assert_true(allows(STORE_RENAME, 2, "team-b", 0));
	assert_true(allows(STORE_RENAME, 1, "team-b", 0));
	assert_false(allows(STORE_ROLLBACK, 1, "", 3));
	assert_true(allows(STORE_ROLLBACK, 3, "", 1));
	assert_true(allows(STORE_DROP, 2, "", 0));
	/* what would run over is no quota */
	assert_false(allows(STORE_CREATE, 0, "team-b", ~0ull / KIB - 1));
}

/* The items of one command count together. */
static void of_all_items(void **state)
{
	struct store_item items[2] = {{.sectors = 20 * KIB_SECTORS, .name = "team-x"},
				      {.sectors = 12 * KIB_SECTORS, .name = "team-y"}};

	(void)state;
	assert_true(store_quota_allows(&store, STORE_CREATE, items, 2, problem, sizeof(problem)));
	items[1].sectors += KIB_SECTORS;
	assert_false(store_quota_allows(&store, STORE_CREATE, items, 2, problem, sizeof(problem)));
}

/* A VM's snapshot counts for the volume that it was taken of, whatever the store says of parents.
 */
static void of_snapshots(void **state)
{
	(void)state;
	add(4, "@0-1-0", 16, 1);
	assert_int_equal(used(0), 48);
	add(5, "@0-2-0", 8, 4);
	assert_int_equal(used(0), 56);
	add(6, "@0-3-0", 4, 6); /* a loop, and one whose volume has gone */
	add(7, "@0-3-0", 4, 99);
	assert_int_equal(used(0), 56);
	assert_int_equal(used(1), 8);
}

/* A volume's new name is that of its snapshots, too: all of them count for the quota at once. */
static void of_a_rename(void **state)
{
	(void)state;
	add(4, "@0-1-0", 16, 3);
	add(5, "@0-2-0", 8, 4);
	add(6, "@0-3-0", 4, 1);
	add(3, "other", 4, 0);
	assert_int_equal(used(0), 36);
	assert_true(allows(STORE_RENAME, 3, "team-b", 0)); /* 36 and 28 are all of the 64 KiB */
	assert_true(allows(STORE_RENAME, 1, "team-b", 0));
	add(5, "@0-2-0", 12, 4);
	assert_false(allows(STORE_RENAME, 3, "team-b", 0));
	assert_string_equal(problem,
			    "quota team-* of store pool allows 64 KiB, of which 36 KiB are "
			    "used, so that 32 KiB more are too many; drop a volume, or "
			    "raise the quota");
	assert_true(allows(STORE_RENAME, 3, "free", 0));
}

/* Other quotas replace all; a text that is not valid changes nothing. */
static void of_other_quotas(void **state)
{
	static const char *const wrong[] = {"web",    "web 1K,",     "we/b 1K",
					    "web 1Q", "web 1K x 1K", ","};
	struct store_config *config;
	char long_text[CONFIG_QUOTAS_BYTES + 1];
	int number = config_store_number(text_of("pool"));

	(void)state;
	config = config_store((u32)number);
	string_copy(config->quota, sizeof(config->quota), "team-* 64K, web 8K");
	store.config = config;
	store.said_quotas = true;
	memset(long_text, ' ', sizeof(long_text) - 1);
	long_text[sizeof(long_text) - 1] = '\0';
	assert_false(store_quota_set(&store, long_text));
	for (u32 i = 0; i < ARRAY_COUNT(wrong); i++)
		assert_false(store_quota_set(&store, wrong[i]));
	assert_string_equal(config->quota, "team-* 64K, web 8K");
	assert_true(store.said_quotas);
	assert_true(store_quota_set(&store, "other 2M"));
	assert_int_equal(used(0), 1000);
	assert_false(store.said_quotas);
	assert_true(allows(STORE_CREATE, 0, "team-b", 4000));
	assert_false(allows(STORE_RESIZE, 3, "", 4000));
	assert_true(store_quota_set(&store, ""));
	assert_true(allows(STORE_RESIZE, 3, "", 4000));
	store.config = &pool;
}

/* More may be used than a quota allows that was lowered: it is said once, and nothing is added. */
static void below_what_is_used(void **state)
{
	(void)state;
	add(1, "team-a", 128, 0);
	assert_false(allows(STORE_CREATE, 0, "team-b", 4));
	assert_true(allows(STORE_CREATE, 0, "free", 4));
	assert_true(allows(STORE_DROP, 1, "", 0));
	assert_true(allows(STORE_RENAME, 1, "team-c", 0));
	store.said_quotas = false;
	lines = 0;
	state_now = STORE_LOADING;
	store_quota_say(&store);
	assert_int_equal(lines, 0);
	state_now = STORE_READY;
	store_quota_say(&store);
	store_quota_say(&store);
	assert_int_equal(lines, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(of_operations, clear),
		cmocka_unit_test_setup(of_all_items, clear),
		cmocka_unit_test_setup(of_snapshots, clear),
		cmocka_unit_test_setup(of_a_rename, clear),
		cmocka_unit_test_setup(of_other_quotas, clear),
		cmocka_unit_test_setup(below_what_is_used, clear),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
