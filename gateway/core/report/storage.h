/* SPDX-License-Identifier: MIT */
#pragma once

#include "gateway/core/report/report.h"

/* Facts about disks, volumes and backups that both the sections and the rules of a profile read. */

/*
 * Returns the configuration's section of that kind whose member `key` has that value, or its first
 * one if `key` is NULL. Returns NULL if there is none, or the configuration is not known.
 */
const json_t *storage_section_of(const struct report_facts *facts, const char *section,
				 const char *key, const char *value);
/*
 * Returns {"kind", "name", "encrypted", "used_by"} of each disk and volume, and of each store whose
 * volumes are not known; a new reference.
 */
json_t *storage_items(const struct report_facts *facts);
/* Returns how much of storage_items() is known: "known", "partly" or "unknown". */
const char *storage_status(const struct report_facts *facts);

/* Returns the UTC seconds of a backup's moment, 14 digits, or 0 if `text` is no such moment. */
int64_t storage_moment(const char *text);

/*
 * The kept scheduled backups of a VM, and the state of the last and the next one: "failed" if
 * either has failed.
 */
struct storage_backup {
	unsigned kept;
	int64_t newest_s; /* newest backup, in UTC seconds, of the disk worst off; 0: none */
	const char *state, *problem; /* borrowed; `problem` may be NULL */
};
struct storage_backup storage_backup_of(const struct report_facts *facts, const char *vm);
