/* SPDX-License-Identifier: MIT */
/*
 * Functions that all sections of a report share, and the report made of the sections. The handler
 * of reports calls report_json(); nothing here asks Skerry or touches a file.
 */
#include "gateway/core/report/section.h"

#include <stdio.h>
#include <time.h>

#include "gateway/base/buffer.h"
#include "gateway/base/string.h"
#include "gateway/core/report/profile.h"

json_t *section_make(const char *id, const char *title, const char *status, const char *note,
		     json_t *facts, json_t *items)
{
	return json_pack("{s:s, s:s, s:s, s:s, s:o, s:o}", "id", id, "title", title, "status",
			 status, "note", note, "facts", facts ? facts : json_object(), "items",
			 items ? items : json_array());
}

const char *section_status(const struct report_asked *asked)
{
	return !asked->rows ? "unknown" : asked->partial ? "partly" : "known";
}

json_t *section_time(int64_t time_s)
{
	time_t seconds = (time_t)time_s;
	char text[40];
	struct tm utc;

	if (time_s <= 0 || !gmtime_r(&seconds, &utc))
		return json_null();
	strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", &utc);
	return json_string(text);
}

json_t *section_words(const json_t *list)
{
	struct buffer text = {0};
	json_t *word, *result;
	size_t i;

	if (!json_is_array(list))
		return json_null();
	json_array_foreach(list, i, word)
	{
		buffer_text(&text, i ? " " : "");
		buffer_text(&text, json_is_string(word) ? json_string_value(word) : "?");
	}
	result = json_string(text.bytes ? text.bytes : "");
	buffer_free(&text);
	return result;
}

json_t *section_truth(bool known, bool value)
{
	return known ? json_boolean(value) : json_null();
}

json_t *report_json(const struct report_facts *facts, const char *profile, const char *who)
{
	static json_t *(*const makers[])(const struct report_facts *) = {
		section_version, section_sbom,	section_mitigations, section_access,
		section_audit,	 section_pages, section_encryption,  section_backups,
	};
	json_t *sections = json_array();
	bool whole = true;

	for (size_t i = 0; i < ARRAY_COUNT(makers); i++)
		whole = json_array_append_new(sections, makers[i](facts)) == 0 && whole;
	if (profile)
		whole = json_array_append_new(sections, profile_section(facts, profile)) == 0 &&
			whole;
	if (!whole) { /* a reader would not notice that a section is missing */
		json_decref(sections);
		return NULL;
	}
	return json_pack("{s:s, s:o, s:s, s:s?, s:o}", "form", "skerry-report-1", "made",
			 section_time(facts->time_s), "asked_by", who, "profile", profile,
			 "sections", sections);
}
