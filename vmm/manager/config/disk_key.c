/* SPDX-License-Identifier: MIT */
/*
 * Keeps the keys of encrypted disks and derives from them a key for each disk. Called by setup.c
 * with the boot module's text, by `disk key`, `lock` and the console, and by disk.c for a VM's
 * disks. Owns the keys, of which typed ones are wiped when forgotten.
 */
#include "vmm/manager/config/disk_key.h"
#include "lib/bits.h"
#include "vmm/manager/config/config_keys.h"
#include "vmm/manager/config/config_lists.h"
#include "vmm/rt/crypto/hkdf.h"
#include "vmm/rt/crypto/secret.h"
#include "vmm/rt/format.h"

#define KEY_MAX 16u

struct named_key {
	char name[CONFIG_NAME_BYTES];
	struct state_key key;
};

static struct named_key read_keys[KEY_MAX];
static struct named_key typed_keys[KEY_MAX];

static struct named_key *disk_key_find_in(struct named_key *keys, const char *name)
{
	for (u32 i = 0; i < KEY_MAX; i++) {
		if (keys[i].key.given && string_equal(keys[i].name, name))
			return &keys[i];
	}
	return NULL;
}

static const struct named_key *disk_key_find(const char *name)
{
	const struct named_key *typed = disk_key_find_in(typed_keys, name);

	return typed != NULL ? typed : disk_key_find_in(read_keys, name);
}

static struct named_key *disk_key_find_room(struct named_key *keys)
{
	for (u32 i = 0; i < KEY_MAX; i++) {
		if (!keys[i].key.given)
			return &keys[i];
	}
	return NULL;
}

/*
 * Reads a line of the boot module with keys. Returns what is wrong, in words that show nothing of
 * the line, or NULL.
 */
static const char *disk_key_read_line(struct text line)
{
	struct named_key *room = disk_key_find_room(read_keys);
	struct text name;
	struct text digits;
	struct named_key key;
	bool good;

	if (!config_split(line, '=', &name, &digits) || !config_name_valid(text_trim(name)))
		return "this is no key; write NAME = 64 hex digits";
	text_show(key.name, sizeof(key.name), text_trim(name));
	if (disk_key_find_in(read_keys, key.name) != NULL)
		return "the key is there a second time; give each name once";
	if (room == NULL)
		return "there are more than 16 keys; the others are left out";
	good = config_parse_state_key(text_trim(digits), &key.key);
	if (good)
		*room = key;
	secret_forget(&key, sizeof(key));
	return good ? NULL : "the key is not valid; use 64 hex digits that nobody can guess";
}

void disk_key_read(struct text text, void (*report)(const char *problem))
{
	char problem[160];
	u32 number = 0;

	while (text.length > 0) {
		struct text line = text;
		struct text rest = {NULL, 0};
		const char *wrong;

		(void)config_split(text, '\n', &line, &rest);
		text = rest;
		line = text_trim(line);
		number++;
		if (line.length == 0 || line.start[0] == '#')
			continue;
		wrong = disk_key_read_line(line);
		if (wrong == NULL)
			continue;
		format(problem, sizeof(problem), "%s:%u: %s", DISK_KEY_MODULE, number, wrong);
		report(problem);
	}
}

bool disk_key_is_there(const char *name)
{
	return disk_key_find(name) != NULL;
}

/*
 * Derives a key for this purpose from the key of that name. Returns false if there is no such key.
 */
static bool disk_key_derive(const char *name, const char *purpose, u8 *key, size_t bytes)
{
	const struct named_key *named = disk_key_find(name);

	if (named != NULL)
		hkdf(named->key.bytes, sizeof(named->key.bytes), "", 0, purpose, strlen(purpose),
		     key, bytes);
	return named != NULL;
}

bool disk_key_make(const char *name, const char *disk, u8 key[DISK_KEY_BYTES])
{
	char purpose[CONFIG_NAME_BYTES + 32];

	format(purpose, sizeof(purpose), "skerry disk 1 of %s", disk);
	return disk_key_derive(name, purpose, key, DISK_KEY_BYTES);
}

bool disk_key_make_volume(const char *name, u64 id, u8 key[DISK_KEY_BYTES])
{
	char purpose[64];

	format(purpose, sizeof(purpose), "skerry volume 1 of %016llx", (unsigned long long)id);
	return disk_key_derive(name, purpose, key, DISK_KEY_BYTES);
}

bool disk_key_make_tag(const char *name, u64 id, const char *volume, u64 *tag)
{
	char purpose[CONFIG_DISK_BYTES + 64];

	format(purpose, sizeof(purpose), "skerry volume tag 1 of %016llx for %s",
	       (unsigned long long)id, volume);
	return disk_key_derive(name, purpose, (u8 *)tag, sizeof(*tag));
}

bool disk_key_take(const char *name, struct text typed)
{
	struct named_key *there = disk_key_find_in(typed_keys, name);
	struct named_key *room = there != NULL ? there : disk_key_find_room(typed_keys);
	struct state_key key = {.given = false};
	bool good = room != NULL && config_parse_state_key(typed, &key);

	if (good) {
		string_copy(room->name, sizeof(room->name), name);
		room->key = key;
	}
	secret_forget(&key, sizeof(key));
	return good;
}

void disk_key_forget(void)
{
	secret_forget(typed_keys, sizeof(typed_keys));
}
