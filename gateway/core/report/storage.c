/* SPDX-License-Identifier: MIT */
/*
 * Finds the facts about disks, volumes and backups. The sections about them and the rules of a
 * profile call it; it reads the facts and nothing else, which contain neither a key nor a key's
 * name.
 */
#include "gateway/core/report/storage.h"

#include <stdio.h>
#include <time.h>

#include "gateway/base/string.h"
#include "gateway/core/report/report_row.h"
#include "gateway/core/report/section.h"

const json_t *storage_section_of(const struct report_facts *facts, const char *section,
				 const char *key, const char *value)
{
	json_t *row;
	size_t i;

	json_array_foreach(facts->asked[REPORT_CONFIG].rows, i, row)
	{
		if (row_is(row, "section", section) && (!key || row_is(row, key, value)))
			return row;
	}
	return NULL;
}

/* Returns whether a disk is encrypted: true, false, "by volume" if it holds a store, or null. */
static json_t *storage_disk_encrypted(const struct report_facts *facts, const char *name)
{
	const json_t *disk = storage_section_of(facts, "disk", "name", name);

	if (storage_section_of(facts, "store", "disk", name))
		return json_string("by volume");
	return section_truth(disk != NULL, *row_text(disk, "encrypt"));
}

static void storage_add_volume(json_t *items, const json_t *row)
{
	char name[200];
	json_t *encrypt = json_object_get(row, "encrypt");

	snprintf(name, sizeof(name), "%.90s/%.90s", row_text(row, "store"), row_text(row, "name"));
	row_cut(name);
	json_array_append_new(
		items,
		json_pack("{s:s, s:s, s:o, s:o}", "kind",
			  json_is_true(json_object_get(row, "snapshot")) ? "snapshot" : "volume",
			  "name", name, "encrypted",
			  section_truth(json_is_string(encrypt), *row_text(row, "encrypt") != '\0'),
			  "used_by", row_copy(row, "users")));
}

/*
 * Returns whether Skerry lists the volumes of a store; it lists none of a store that it cannot
 * read.
 */
static bool storage_lists(const json_t *store)
{
	return row_is(store, "state", "ready") || row_is(store, "state", "empty");
}

json_t *storage_items(const struct report_facts *facts)
{
	json_t *items = json_array(), *row;
	size_t i;

	json_array_foreach(facts->asked[REPORT_DISKS].rows, i, row)
	{
		json_array_append_new(
			items, json_pack("{s:s, s:o, s:o, s:o}", "kind", "disk", "name",
					 row_copy(row, "name"), "encrypted",
					 storage_disk_encrypted(facts, row_text(row, "name")),
					 "used_by", row_copy(row, "users")));
	}
	json_array_foreach(facts->asked[REPORT_STORES].rows, i, row)
	{
		if (!storage_lists(row))
			json_array_append_new(
				items, json_pack("{s:s, s:o, s:n, s:n}", "kind", "store", "name",
						 row_copy(row, "name"), "encrypted", "used_by"));
	}
	json_array_foreach(facts->asked[REPORT_VOLUMES].rows, i, row)
	{
		storage_add_volume(items, row);
	}
	return items;
}

const char *storage_status(const struct report_facts *facts)
{
	static const enum report_command needed[] = {REPORT_DISKS, REPORT_STORES, REPORT_VOLUMES,
						     REPORT_CONFIG};
	unsigned known = 0, partial = 0;
	json_t *row;
	size_t at;

	for (size_t i = 0; i < ARRAY_COUNT(needed); i++) {
		known += facts->asked[needed[i]].rows != NULL;
		partial += facts->asked[needed[i]].partial;
	}
	json_array_foreach(facts->asked[REPORT_STORES].rows, at, row)
	{
		partial += !storage_lists(row);
	}
	return !known ? "unknown" : known < ARRAY_COUNT(needed) || partial ? "partly" : "known";
}

int64_t storage_moment(const char *text)
{
	struct tm utc = {0};
	char *end;

	if (strlen(text) != 14 || strspn(text, "0123456789") != 14)
		return 0;
	end = strptime(text, "%Y%m%d%H%M%S", &utc);
	return end && !*end ? (int64_t)timegm(&utc) : 0;
}

struct storage_backup storage_backup_of(const struct report_facts *facts, const char *vm)
{
	struct storage_backup found = {.state = "none"};
	int64_t oldest_s = INT64_MAX, newest_s = 0;
	const char *disk = NULL;
	json_t *row;
	size_t i;

	json_array_foreach(facts->asked[REPORT_BACKUPS].rows, i, row)
	{
		int64_t moment = storage_moment(row_text(row, "moment"));

		if (!row_is(row, "name", vm))
			continue;
		if (row_is(row, "state", "kept")) {
			found.kept++;
			/*
			 * Skerry lists the kept backups disk by disk, so another disk begins here.
			 */
			if (disk && !row_is(row, "disk", disk)) {
				oldest_s = newest_s < oldest_s ? newest_s : oldest_s;
				newest_s = 0;
			}
			disk = row_text(row, "disk");
			newest_s = moment > newest_s ? moment : newest_s;
		} else if (strcmp(found.state, "failed")) {
			found.state = row_text(row, "state");
			found.problem = row_text(row, "problem");
		}
	}
	found.newest_s = newest_s < oldest_s ? newest_s : oldest_s;
	return found;
}
