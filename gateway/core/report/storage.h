/* SPDX-License-Identifier: MIT */
#pragma once

#include "gateway/core/report/report.h"

/* What the sections and the rules of a profile both read of disks, volumes and backups. */

/*
 * Returns the section of the configuration of that kind whose member `key` is `value`, the first
 * one if `key` is NULL; NULL: there is none, or the configuration is not known.
 */
const json_t *storage_section_of(const struct report_facts *facts, const char *section,
				 const char *key, const char *value);
/*
 * Returns {"kind", "name", "encrypted", "used_by"} of each disk and volume, and of each store whose
 * volumes are not known; a new reference.
 */
json_t *storage_items(const struct report_facts *facts);
/* Returns whether all of what storage_items() shows is known: "known", "partly" or "unknown". */
const char *storage_status(const struct report_facts *facts);

/* Returns the UTC seconds of a moment of a backup, 14 digits; 0: the text is none. */
int64_t storage_moment(const char *text);

/*
 * The scheduled backups of a VM that are kept, and how the last or the next one stands: "failed" if
 * either has.
 */
struct storage_backup {
	unsigned kept;
	int64_t newest_s; /* of the disk that is worst off, in UTC seconds; 0: there is none */
	const char *state, *problem; /* borrowed; `problem` may be NULL */
};
struct storage_backup storage_backup_of(const struct report_facts *facts, const char *vm);
