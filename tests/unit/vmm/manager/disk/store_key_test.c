/* SPDX-License-Identifier: MIT */
/* The keys of volumes: which volume has which, and what a store cannot say of one. */
#include "tests/unit/config_fixture.h"

#include "vmm/manager/config/disk_key.c"
#include "vmm/manager/disk/store_key.c"
#include "vmm/rt/crypto/hkdf.h"

#define HEX "00112233445566778899aabbccddeeff"

static struct store_config pool = {.section.name = "pool"};
static struct store store = {.config = &pool};
static char problem[300];
static u8 drawn;

void random_draw(void *bytes, size_t count)
{
	memset(bytes, drawn++, count);
}

void driver_text(const char *from, size_t bytes, char *to, size_t size)
{
	(void)bytes;
	string_copy(to, size, from);
}

struct store *store_at(u32 number)
{
	return number == 0 ? &store : NULL;
}

bool store_volume_find(const struct store *in, const char *name, struct store_volume *volume)
{
	(void)in, (void)name, (void)volume;
	return false;
}

static void report(const char *text)
{
	fail_msg("%s", text);
}

static int give_keys(void **state)
{
	(void)state;
	memset(read_keys, 0, sizeof(read_keys));
	disk_key_forget();
	disk_key_read(text_of("vault = " HEX HEX), report);
	drawn = 0;
	return 0;
}

static struct store_volume made(const char *name)
{
	struct store_volume volume = {.id = 1};
	struct store_item item = {.volume = 0};

	string_copy(item.name, sizeof(item.name), name);
	assert_true(store_key_new(&store, "vault", &item, problem, sizeof(problem)));
	volume.key = item.key;
	string_copy(volume.name, sizeof(volume.name), name);
	return volume;
}

static bool is_right(const struct store_volume *volume)
{
	return store_key_check(&store, volume, problem, sizeof(problem));
}

/* A store that gives a volume the key of another one is found out, as is a wrong key. */
static void is_checked(void **state)
{
	struct store_volume one = made("one");
	struct store_volume two = made("two");
	struct store_volume lie;

	(void)state;
	assert_true(is_right(&one) && is_right(&two));
	assert_true(one.key.id != 0 && one.key.id != two.key.id);
	lie = one;
	lie.key = two.key;
	assert_false(is_right(&lie));
	lie = one;
	lie.key.id ^= 1;
	assert_false(is_right(&lie));
	string_copy(pool.section.name, sizeof(pool.section.name), "pond");
	assert_false(is_right(&one));
	string_copy(pool.section.name, sizeof(pool.section.name), "pool");
	assert_true(disk_key_take("vault", text_of(HEX "ffeeddccbbaa99887766554433221100")));
	assert_false(is_right(&one));
	assert_non_null(strstr(problem, "the key vault is wrong"));
	memset(read_keys, 0, sizeof(read_keys));
	disk_key_forget();
	assert_false(is_right(&one));
	assert_non_null(strstr(problem, "its key vault is missing"));
}

/* A copy has the volume's id, and a tag of its own; a lie is not passed on. */
static void is_passed_on(void **state)
{
	struct store_volume one = made("one");
	struct store_volume copy = {.id = 2, .name = "copy"};
	struct store_volume plain = {.id = 3, .name = "plain"};
	struct store_item item = {.name = "copy"};

	(void)state;
	assert_true(store_key_pass_on(&store, &one, &item, problem, sizeof(problem)));
	assert_true(item.key.id == one.key.id && item.key.tag != one.key.tag);
	copy.key = item.key;
	assert_true(is_right(&copy));
	copy.key = one.key;
	assert_false(store_key_pass_on(&store, &copy, &item, problem, sizeof(problem)));
	assert_true(store_key_pass_on(&store, &plain, &item, problem, sizeof(problem)));
	assert_true(item.key.id == 0 && item.key.name[0] == '\0');
}

/* A store cannot say that a volume is not encrypted where only encrypted ones are used. */
static void is_not_left_out(void **state)
{
	struct store_volume one = made("one");
	struct store_item item = {.name = "copy"};

	(void)state;
	pool.encrypted = 1;
	assert_true(is_right(&one));
	one.key = (struct store_key){.id = 0};
	assert_false(is_right(&one));
	assert_false(store_key_pass_on(&store, &one, &item, problem, sizeof(problem)));
	assert_non_null(strstr(problem, "the store says that it is not encrypted"));
	pool.encrypted = 0;
	assert_true(is_right(&one));
}

/* Volumes with the same id have the same key, others have not, nor has a disk of that name. */
static void keys_differ(void **state)
{
	u8 keys[3][DISK_KEY_BYTES];

	(void)state;
	assert_true(disk_key_make_volume("vault", 1, keys[0]));
	assert_true(disk_key_make_volume("vault", 2, keys[1]));
	assert_memory_not_equal(keys[0], keys[1], DISK_KEY_BYTES);
	assert_true(disk_key_make("vault", "0000000000000001", keys[1]));
	assert_memory_not_equal(keys[0], keys[1], DISK_KEY_BYTES);
	assert_true(disk_key_make_volume("vault", 1, keys[2]));
	assert_memory_equal(keys[0], keys[2], DISK_KEY_BYTES);
	assert_false(disk_key_make_volume("other", 1, keys[0]));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(is_checked, give_keys),
		cmocka_unit_test_setup(is_passed_on, give_keys),
		cmocka_unit_test_setup(is_not_left_out, give_keys),
		cmocka_unit_test_setup(keys_differ, give_keys),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
