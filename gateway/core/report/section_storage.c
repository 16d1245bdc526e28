/* SPDX-License-Identifier: MIT */
/*
 * The sections of a report about stored data: which disks and volumes are encrypted, and which
 * backups there are. report_json() calls them; they read the facts and nothing else.
 */
#include "gateway/core/report/section.h"

#include "gateway/core/report/report_row.h"
#include "gateway/core/report/storage.h"

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
