/* SPDX-License-Identifier: MIT */
/*
 * Names, lists and judges the volumes that hold scheduled backups. Called by the schedule of a VM's
 * backups and by the commands `disk restore`, `vm backup list` and `volume`. Owns the list that
 * backup_places returns; only reads the reports of the stores' drivers.
 */
#include "vmm/manager/disk/backup_place.h"

#include "lib/string.h"
#include "vmm/manager/text/parse_number.h"
#include "vmm/rt/crypto/sha256.h"
#include "vmm/rt/date.h"
#include "vmm/rt/format.h"

#define MOMENT_DIGITS 14u
/* The end of a name: '@', the moment, '.', and a digit for the place in the chain. */
#define TAIL_BYTES (1 + MOMENT_DIGITS + 2)
/* Room for VM:DISK, without a terminating 0. */
#define HEAD_BYTES (STORE_NAME_BYTES - 1 - TAIL_BYTES)
/* The longest text of a disk in a name, as long as '~' and a hash of 16 digits. */
#define DISK_BYTES 17u

_Static_assert(DISK_BYTES + 1 < HEAD_BYTES, "at least one character of the VM's name is there");
_Static_assert(BACKUP_CHAIN_MAX <= 10, "one digit for the place in the chain");

static struct backup_place places[BACKUP_PLACES_MAX];

/* --- moments and names --- */

u64 backup_moment(u64 unix_seconds)
{
	struct date date = date_from_seconds((s64)unix_seconds);

	return ((date.year * 100ull + date.month) * 100 + date.day) * 1000000 +
	       (date.hour * 100ull + date.minute) * 100 + date.second;
}

bool backup_moment_parse(struct text text, u64 *moment)
{
	for (size_t i = 0; i < text.length; i++) {
		if (!char_is_digit(text.start[i]))
			return false;
	}
	return text.length == MOMENT_DIGITS && parse_u64(text, moment);
}

/*
 * Writes the part of a name that stands for a disk: STORE:VOLUME, or a hash of STORE/VOLUME for
 * which no second disk can be found.
 */
static void backup_place_disk(const char *disk, char text[DISK_BYTES + 1])
{
	size_t length = strlen(disk);
	u8 digest[SHA256_BYTES];
	char *stroke;
	u64 hash;

	if (length <= DISK_BYTES) {
		string_copy(text, DISK_BYTES + 1, disk);
		stroke = strchr(text, '/');
		if (stroke != NULL)
			*stroke = ':';
		return;
	}
	sha256_finish(sha256_initial, 0, disk, length, digest);
	memcpy(&hash, digest, sizeof(hash));
	format(text, DISK_BYTES + 1, "~%016llx", (unsigned long long)hash);
}

void backup_place_name(const char *vm, const char *disk, u64 moment, u32 sequence,
		       char name[STORE_NAME_BYTES])
{
	char text[DISK_BYTES + 1];

	backup_place_disk(disk, text);
	format(name, STORE_NAME_BYTES, "%.*s:%s@%014llu.%u", (int)(HEAD_BYTES - 1 - strlen(text)),
	       vm, text, (unsigned long long)moment, sequence);
}

/*
 * Reads the end of a name, and the disk's part of it into *disk. Returns false if the name was not
 * made by backup_place_name.
 */
static bool backup_place_read(const char *name, struct text *disk, struct backup_place *place)
{
	const char *colon = strchr(name, ':');
	const char *at = strchr(name, '@');

	if (colon == NULL || colon == name || at == NULL || at <= colon + 1 ||
	    strlen(at) != TAIL_BYTES || at[TAIL_BYTES - 2] != '.' ||
	    !char_is_digit(at[TAIL_BYTES - 1]))
		return false;
	*disk = (struct text){colon + 1, (size_t)(at - colon - 1)};
	place->sequence = (u32)(at[TAIL_BYTES - 1] - '0');
	return place->sequence < BACKUP_CHAIN_MAX &&
	       backup_moment_parse((struct text){at + 1, MOMENT_DIGITS}, &place->moment);
}

bool backup_place_is_name(const char *name)
{
	struct backup_place place;
	struct text disk;

	return backup_place_read(name, &disk, &place);
}

/* --- lists --- */

/* Enters a backup by its moment. If there are too many, the oldest gives way. */
static u32 backup_places_add(u32 count, const struct backup_place *place)
{
	u32 at = count;

	while (at > 0 && places[at - 1].moment > place->moment)
		at--;
	if (count < BACKUP_PLACES_MAX) {
		memmove(&places[at + 1], &places[at], (count - at) * sizeof(places[0]));
		places[at] = *place;
		return count + 1;
	}
	if (at > 0) {
		memmove(&places[0], &places[1], (at - 1) * sizeof(places[0]));
		places[at - 1] = *place;
	}
	return count;
}

const struct backup_place *backup_places(const struct store *store, const char *disk, u32 *count)
{
	struct backup_place place;
	struct store_volume volume;
	char wanted[DISK_BYTES + 1];
	struct text has;

	backup_place_disk(disk, wanted);
	*count = 0;
	for (u32 i = 0; store_volume_at(store, i, &volume); i++) {
		if (volume.id == 0 || !backup_place_read(volume.name, &has, &place) ||
		    !text_equal(has, wanted))
			continue;
		place.made_s = volume.made_s;
		place.volume = volume.id;
		place.index = i;
		place.bytes = volume.sectors * BLOCK_SECTOR_BYTES;
		*count = backup_places_add(*count, &place);
	}
	return places;
}

void backup_place_text(const struct store *store, const struct backup_place *place,
		       char text[BACKUP_PLACE_BYTES])
{
	struct store_volume volume;
	bool stays = store_volume_at(store, place->index, &volume) && volume.id == place->volume &&
		     backup_place_is_name(volume.name);

	format(text, BACKUP_PLACE_BYTES, "%s/%s", store->config->section.name,
	       stays ? volume.name : "");
}

u32 backup_chain_first(const struct backup_place *list, u32 last)
{
	u32 first = last;

	while (list[first].sequence != 0) {
		if (first == 0 || list[first - 1].sequence + 1 != list[first].sequence)
			return last + 1;
		first--;
	}
	return first;
}

u32 backup_places_excess(const struct backup_place *list, u32 count, u64 keep)
{
	for (u32 i = count; i > 0; i--) {
		if (list[i - 1].sequence == 0 && --keep == 0)
			return i - 1;
	}
	return 0;
}

u64 backup_wait_s(u64 now, u64 last, u64 every)
{
	if (last == 0 || now < last || now - last >= every)
		return 0;
	return every - (now - last);
}

/* --- chains --- */

/*
 * Returns the index of the backup of that moment, or of the newest one for 0; `count` if there is
 * none.
 */
static u32 backup_places_find(const struct backup_place *list, u32 count, u64 moment)
{
	if (moment == 0)
		return count > 0 ? count - 1 : 0;
	for (u32 i = 0; i < count; i++) {
		if (list[i].moment == moment)
			return i;
	}
	return count;
}

/* Fills in the chain from the first to the last of a store's backups. */
static bool backup_chain_take(struct backup_chain *chain, const struct store *store,
			      const struct backup_place *list, u32 last)
{
	u32 first = backup_chain_first(list, last);

	chain->count = 0;
	chain->moment = list[last].moment;
	for (u32 i = first; i <= last; i++) {
		if (chain->count == BACKUP_CHAIN_MAX)
			return false;
		backup_place_text(store, &list[i], chain->name[chain->count++]);
	}
	return first <= last;
}

bool backup_chain_find(const char *disk, u64 moment, struct backup_chain *chain, char *problem,
		       size_t size)
{
	const struct backup_place *list;
	const struct store *store;
	bool whole = false;
	u32 count;
	u32 at;

	chain->moment = 0;
	for (u32 i = 0; (store = store_at(i)) != NULL; i++) {
		list = backup_places(store, disk, &count);
		at = backup_places_find(list, count, moment);
		if (at < count && list[at].moment > chain->moment)
			whole = backup_chain_take(chain, store, list, at);
	}
	if (chain->moment == 0)
		format(problem, size,
		       "there is no backup of it%s; `vm backup list` shows those that were made "
		       "by the key `backup`",
		       moment != 0 ? " of that moment" : "");
	else if (!whole)
		format(problem, size,
		       "backups of its chain are missing before the one of %014llu; name an "
		       "earlier moment by at=MOMENT",
		       (unsigned long long)chain->moment);
	return whole;
}
