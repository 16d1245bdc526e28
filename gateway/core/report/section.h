/* SPDX-License-Identifier: MIT */
#pragma once

#include "gateway/core/report/report.h"

/*
 * A section of a report: {"id", "title", "status", "note", "facts", "items"}. `status` is "known",
 * "partly" or "unknown", and the note then says why. A fact, or a member of an item, that is null
 * is unknown. All items of a section have the same members.
 */
json_t *section_make(const char *id, const char *title, const char *status, const char *note,
		     json_t *facts, json_t *items);
/* Returns the status of a section that is made of Skerry's answer to one command. */
const char *section_status(const struct report_asked *asked);

/* Returns a time as text, such as 2026-11-30T10:00:00Z, or null for 0; a new reference. */
json_t *section_time(int64_t time_s);
/*
 * Returns the words of a list with a blank between them, or null if `list` is no list; a new
 * reference.
 */
json_t *section_words(const json_t *list);
/* Returns the value, or null if it is not known; a new reference. */
json_t *section_truth(bool known, bool value);

/* Each of these functions makes one section; a new reference. */
json_t *section_version(const struct report_facts *facts);
json_t *section_sbom(const struct report_facts *facts);
json_t *section_mitigations(const struct report_facts *facts);
json_t *section_access(const struct report_facts *facts);
json_t *section_audit(const struct report_facts *facts);
json_t *section_pages(const struct report_facts *facts);
json_t *section_encryption(const struct report_facts *facts);
json_t *section_backups(const struct report_facts *facts);
