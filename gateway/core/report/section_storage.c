/* SPDX-License-Identifier: MIT */
/*
 * The sections of a report about what is stored: what is encrypted, and which backups there are.
 * report_json() calls them; they read the facts and nothing else. A key is never among those, nor
 * its name.
 */
#include "gateway/core/report/section.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "gateway/base/string.h"
#include "gateway/core/report/report_row.h"
#include "gateway/core/report/storage.h"

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
	json_array_append_new(
		items,
		json_pack("{s:s, s:s, s:o, s:o}", "kind",
			  json_is_true(json_object_get(row, "snapshot")) ? "snapshot" : "volume",
			  "name", name, "encrypted",
			  section_truth(json_is_string(encrypt), *row_text(row, "encrypt") != '\0'),
			  "used_by", row_copy(row, "users")));
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
	json_array_foreach(facts->asked[REPORT_VOLUMES].rows, i, row)
	{
		storage_add_volume(items, row);
	}
	return items;
}

const char *storage_status(const struct report_facts *facts)
{
	static const enum report_command needed[] = {REPORT_DISKS, REPORT_VOLUMES, REPORT_CONFIG};
	unsigned known = 0, partial = 0;

	for (size_t i = 0; i < ARRAY_COUNT(needed); i++) {
		known += facts->asked[needed[i]].rows != NULL;
		partial += facts->asked[needed[i]].partial;
	}
	return !known ? "unknown" : known < ARRAY_COUNT(needed) || partial ? "partly" : "known";
}

json_t *section_encryption(const struct report_facts *facts)
{
	const char *status = storage_status(facts);

	return section_make("encryption", "What is encrypted", status,
			    strcmp(status, "known")
				    ? "Skerry did not say all of it: what is missing is "
				      "unknown, not free of secrets."
				    : "As the configuration and the stores say it. A disk that "
				      "holds a store is encrypted volume by volume. What a guest "
				      "encrypts by itself is not seen.",
			    json_pack("{s:s}", "saved_vms",
				      "always encrypted: without a key Skerry saves none"),
			    storage_items(facts));
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
	json_t *row;
	size_t i;

	json_array_foreach(facts->asked[REPORT_BACKUPS].rows, i, row)
	{
		int64_t moment = storage_moment(row_text(row, "moment"));

		if (!row_is(row, "name", vm))
			continue;
		if (row_is(row, "state", "kept")) {
			found.kept++;
			if (moment > found.newest_s)
				found.newest_s = moment;
		} else {
			found.state = row_text(row, "state");
			found.problem = row_text(row, "problem");
		}
	}
	return found;
}

json_t *section_backups(const struct report_facts *facts)
{
	const struct report_asked *asked = &facts->asked[REPORT_BACKUPS];
	bool known = facts->vms && asked->rows;
	json_t *items = json_array(), *vm;
	size_t i;

	json_array_foreach(facts->vms, i, vm)
	{
		struct storage_backup backup = storage_backup_of(facts, row_text(vm, "name"));
		json_t *schedule = row_copy(vm, "backup");
		int64_t age_s = facts->time_s - backup.newest_s;

		if (json_is_true(json_object_get(vm, "known")) && !*row_text(vm, "backup")) {
			json_decref(schedule);
			schedule = json_string("none");
		}
		json_array_append_new(
			items, json_pack("{s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "vm",
					 row_copy(vm, "name"), "schedule", schedule, "kept",
					 known ? json_integer(backup.kept) : json_null(), "newest",
					 known && !backup.newest_s ? json_string("none")
								   : section_time(backup.newest_s),
					 "age_hours",
					 !known		   ? json_null()
					 : backup.newest_s ? json_integer(age_s / 3600)
							   : json_string("none"),
					 "last", known ? json_string(backup.state) : json_null(),
					 "problem",
					 known ? json_string(backup.problem ? backup.problem : "")
					       : json_null()));
	}
	return section_make("backups", "Backups and their age",
			    known ? section_status(asked) : "unknown",
			    known	   ? "Ages are by the gateway's clock; a moment is by the "
					     "clock of the host that made the backup. That a "
					     "backup can be restored is not tried here."
			    : !asked->rows ? asked->why
					   : "The VMs are not known: the link is down.",
			    NULL, items);
}
