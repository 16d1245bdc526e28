/* SPDX-License-Identifier: MIT */
/* Scheduled backups by the names of their volumes: which belong together, are due, or in excess. */
#include "tests/unit/config_fixture.h"

#include "vmm/manager/disk/backup_place.c"
#include "vmm/rt/date.h"

#define MOST  (BACKUP_PLACES_MAX + 8)
#define FIRST 20251129191604ull /* a moment */

static struct store_config sections[2] = {{.section.name = "spare"}, {.section.name = "other"}};
static struct store two_stores[2] = {{.config = &sections[0]}, {.config = &sections[1]}};
static struct store_volume list[2][MOST];
static u32 counts[2];
static char problem[224];

struct store *store_at(u32 number)
{
	return number < ARRAY_COUNT(two_stores) ? &two_stores[number] : NULL;
}

bool store_volume_at(const struct store *in, u32 index, struct store_volume *volume)
{
	u32 number = (u32)(in - two_stores);

	if (index >= counts[number])
		return false;
	*volume = list[number][index];
	return true;
}

static int clear(void **state)
{
	(void)state;
	counts[0] = counts[1] = 0;
	return 0;
}

static struct store_volume *add(u32 store, const char *name)
{
	struct store_volume *volume = &list[store][counts[store]++];

	*volume = (struct store_volume){
		.id = counts[store], .sectors = 16, .made_s = 1000 + counts[store]};
	string_copy(volume->name, sizeof(volume->name), name);
	return volume;
}

/* Adds a backup of pool/root, the FIRST + `after`. */
static void add_backup(u32 store, u64 after, u32 sequence)
{
	char name[STORE_NAME_BYTES];

	backup_place_name("web", "pool/root", FIRST + after, sequence, name);
	add(store, name);
}

static u32 count_of(const char *disk)
{
	u32 count;

	backup_places(&two_stores[0], disk, &count);
	return count;
}

static void test_names(void **state)
{
	static const char *const others[] = {
		"web",
		"@backup-00000001-0",
		"web:pool:root@20251129191604",
		":pool:root@20251129191604.0",
		"web:@20251129191604.0",
		"web:pool:root@2025112919160x.0",
		"web:pool:root@20251129191604.8",
		"web:pool:root@20251129191604.x",
		"web:pool:root@20251129191604.00",
		"web@pool:root@20251129191604.0",
		"web.pool.root@20251129191604.0",
		"",
	};
	const char *disk = "a-store-with-a-long-name-of-31c/a-volume-with-a-long-name-of-31";
	char name[STORE_NAME_BYTES];
	char other[STORE_NAME_BYTES];

	(void)state;
	assert_true(backup_moment(1764443764) == FIRST);
	assert_true(backup_moment(0) == 19700101000000);
	backup_place_name("web", "pool/root", FIRST, 3, name);
	assert_string_equal(name, "web:pool:root@20251129191604.3");
	assert_true(backup_place_is_name(name));
	assert_false(config_name_valid(text_of(name))); /* no operator makes such a name */
	/* names that are too long lose the end of the VM's, and a disk's becomes a hash */
	backup_place_name("a-machine-with-a-long-name-0001", disk, FIRST, 0, name);
	assert_int_equal(strlen(name), STORE_NAME_BYTES - 1);
	assert_memory_equal(name, "a-ma:~", 6);
	assert_true(backup_place_is_name(name));
	backup_place_name("a-machine-with-a-long-name-0001",
			  "a-store-with-a-long-name-of-31c/a-volume-with-a-long-name-of-32", FIRST,
			  0, other);
	assert_string_not_equal(name, other);
	for (u32 i = 0; i < ARRAY_COUNT(others); i++)
		assert_false(backup_place_is_name(others[i]));
}

static void test_moments(void **state)
{
	u64 moment;

	(void)state;
	assert_true(backup_moment_parse(TEXT("20251129191604"), &moment));
	assert_true(moment == FIRST);
	assert_false(backup_moment_parse(TEXT("2025112919160"), &moment));
	assert_false(backup_moment_parse(TEXT("202511291916040"), &moment));
	assert_false(backup_moment_parse(TEXT("0x251129191604"), &moment));
	assert_false(backup_moment_parse(TEXT(""), &moment));
}

/* A list has one disk's, whichever VM made them, by their moments; what is an operator's is none.
 */
static void test_lists(void **state)
{
	const struct backup_place *found;
	u32 count;

	(void)state;
	add(0, "web");
	add_backup(0, 20, 1);
	add(0, "web2:pool:root@20251129191614.0")->made_s = 77;
	add(0, "web:pool:other@20251129191604.0");
	add(0, "web:other:root@20251129191604.0");
	add(0, "web.pool:root@20251129191604.0");
	add(0, "web:pool:root@20251129191604.0")->id = 0; /* a free entry */
	found = backup_places(&two_stores[0], "pool/root", &count);
	assert_int_equal(count, 2);
	assert_true(found[0].moment == FIRST + 10 && found[1].moment == FIRST + 20);
	assert_true(found[0].made_s == 77 && found[0].volume == 3 && found[0].bytes == 8192);
	assert_int_equal(found[1].sequence, 1);
	assert_int_equal(count_of("pool/other"), 1);
	assert_int_equal(count_of("pool/none"), 0);
	/* of too many the newest are listed */
	clear(NULL);
	for (u32 i = 0; i < MOST; i++)
		add_backup(0, (u64)(MOST - i) * 1000, 0);
	found = backup_places(&two_stores[0], "pool/root", &count);
	assert_int_equal(count, BACKUP_PLACES_MAX);
	assert_true(found[0].moment == FIRST + (MOST - BACKUP_PLACES_MAX + 1) * 1000ull);
	assert_true(found[count - 1].moment == FIRST + MOST * 1000ull);
}

static void test_due(void **state)
{
	(void)state;
	assert_int_equal(backup_wait_s(1000, 0, 60), 0); /* there is none */
	assert_int_equal(backup_wait_s(1000, 1000, 60), 60);
	assert_int_equal(backup_wait_s(1059, 1000, 60), 1);
	assert_int_equal(backup_wait_s(1060, 1000, 60), 0);
	assert_int_equal(backup_wait_s(~0ull, 1000, 60), 0);
	assert_int_equal(backup_wait_s(1000, 1001, 60), 0); /* a clock that went back, or lies */
	assert_int_equal(backup_wait_s(1000, ~0ull, 60), 0);
	assert_int_equal(backup_wait_s(0, 1000, 60), 0); /* there is no clock */
}

static void places_are(const char *sequences, struct backup_place *made)
{
	for (u32 i = 0; sequences[i] != '\0'; i++)
		made[i] = (struct backup_place){.sequence = (u32)(sequences[i] - '0')};
}

static void test_excess(void **state)
{
	static const struct {
		const char *sequences;
		u32 keep, excess;
	} cases[] = {
		{"", 1, 0},	   {"0", 1, 0},	       {"012", 1, 0},	 {"0120", 1, 3},
		{"01201", 1, 3},   {"01201", 2, 0},    {"012010", 2, 3}, {"00000", 2, 3},
		{"12", 1, 0},	   {"120", 1, 2},      {"12012", 2, 0},	 {"0120130", 1, 6},
		{"0120130", 2, 3}, {"0120130", 64, 0}, {"01200", 2, 3},
	};
	struct backup_place made[8];

	(void)state;
	for (u32 i = 0; i < ARRAY_COUNT(cases); i++) {
		places_are(cases[i].sequences, made);
		assert_int_equal(
			backup_places_excess(made, (u32)strlen(cases[i].sequences), cases[i].keep),
			cases[i].excess);
	}
	places_are("0120130", made);
	assert_int_equal(backup_chain_first(made, 0), 0);
	assert_int_equal(backup_chain_first(made, 2), 0);
	assert_int_equal(backup_chain_first(made, 4), 3);
	assert_int_equal(backup_chain_first(made, 5), 6); /* the one with 2 is missing */
	places_are("12", made);
	assert_int_equal(backup_chain_first(made, 1), 2);
}

static bool finds(u64 moment, struct backup_chain *chain)
{
	problem[0] = '\0';
	return backup_chain_find("pool/root", moment, chain, problem, sizeof(problem));
}

static void test_chains(void **state)
{
	static struct backup_chain chain;

	(void)state;
	assert_false(finds(0, &chain));
	assert_non_null(strstr(problem, "there is no backup of it; "));
	add_backup(0, 1, 0);
	add_backup(0, 2, 1);
	add_backup(0, 3, 2);
	add_backup(0, 10, 0);
	assert_true(finds(0, &chain));
	assert_int_equal(chain.count, 1);
	assert_string_equal(chain.name[0], "spare/web:pool:root@20251129191614.0");
	assert_true(finds(FIRST + 2, &chain));
	assert_int_equal(chain.count, 2);
	assert_string_equal(chain.name[0], "spare/web:pool:root@20251129191605.0");
	assert_string_equal(chain.name[1], "spare/web:pool:root@20251129191606.1");
	assert_false(finds(FIRST + 4, &chain));
	assert_non_null(strstr(problem, "there is no backup of it of that moment"));
	/* the newest of all two_stores */
	add_backup(1, 30, 0);
	assert_true(finds(0, &chain));
	assert_string_equal(chain.name[0], "other/web:pool:root@20251129191634.0");
	/* one is missing, as an operator has dropped it */
	add_backup(1, 50, 2);
	assert_false(finds(0, &chain));
	assert_non_null(strstr(problem, "are missing before the one of 20251129191654"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_names, clear),
		cmocka_unit_test_setup(test_moments, clear),
		cmocka_unit_test_setup(test_lists, clear),
		cmocka_unit_test_setup(test_due, clear),
		cmocka_unit_test_setup(test_excess, clear),
		cmocka_unit_test_setup(test_chains, clear),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
