/* SPDX-License-Identifier: MIT */
/*
 * Saves and loads a list of state sections, which are checked as a whole before any is loaded.
 * Called by machine_state.c; reads and writes the sections' owners.
 */
#include "vmm/monitor/state/list.h"

static u32 state_section_type(const struct state_section *section)
{
	return section->kind | (section->optional ? STATE_SKIPPABLE : 0);
}

enum status state_list_save(const struct state_list *list, const char *name,
			    enum state_vendor vendor, void *bytes, size_t size, size_t *used)
{
	struct state_section section;
	struct state_writer writer;
	enum status status = state_begin(&writer, bytes, size, name, vendor);

	for (u32 i = 0; status == STATUS_OK && list->at(list->owner, i, &section); i++) {
		void *body;

		if (section.kind == 0)
			continue;
		body = state_body(&writer, state_section_type(&section), section.instance,
				  section.version, section.bytes);
		if (body == NULL)
			return STATUS_TOO_BIG;
		section.save(section.owner, body);
		state_seal(&writer);
	}
	if (status == STATUS_OK)
		status = state_finish(&writer);
	*used = writer.used;
	return status;
}

static bool state_is_left_out(const struct state_section *section,
			      const struct state_record *record)
{
	return section->optional && (record == NULL || record->version != section->version);
}

static enum state_fault state_section_fault(const struct state_section *section,
					    const struct state_record *record,
					    struct state_problem *problem)
{
	problem->record = record != NULL ? (u32)record->sequence : ~0u;
	problem->type = section->kind;
	problem->instance = section->instance;
	problem->reason = NULL;
	if (state_is_left_out(section, record))
		return STATE_FINE;
	if (record == NULL)
		return STATE_MISSING;
	problem->found = record->version;
	problem->wanted = section->version;
	if (record->version != section->version)
		return STATE_OTHER_VERSION;
	problem->found = record->length;
	problem->wanted = section->bytes;
	if (record->length != section->bytes)
		return STATE_OTHER_SIZE;
	return section->valid(section->owner, record + 1, &problem->reason) ? STATE_FINE
									    : STATE_INVALID;
}

/*
 * Returns whether the list has the section of a record; looks from section *next on first: records
 * mostly come in the order of the list.
 */
static bool state_has_place(const struct state_list *list, const struct state_record *record,
			    u32 *next)
{
	struct state_section section;
	u32 first = *next;

	for (u32 i = first; list->at(list->owner, i, &section); i++)
		if (state_section_type(&section) == record->type &&
		    section.instance == record->instance) {
			*next = i + 1;
			return true;
		}
	for (u32 i = 0; i < first && list->at(list->owner, i, &section); i++)
		if (state_section_type(&section) == record->type &&
		    section.instance == record->instance)
			return true;
	return false;
}

/*
 * Returns whether a saved state has a record that belongs to no section of the list, or repeats an
 * earlier record.
 */
static bool state_find_surplus(const struct state_list *list, const void *bytes,
			       struct state_problem *problem)
{
	u32 next = 0;

	for (const struct state_record *record = state_first(bytes); record != NULL;
	     record = state_next(record)) {
		if (record->type == STATE_END || (record->type & STATE_SKIPPABLE) != 0)
			continue;
		if (state_has_place(list, record, &next) &&
		    state_find(bytes, record->type, record->instance) == record)
			continue;
		problem->fault = STATE_SURPLUS;
		problem->record = (u32)record->sequence;
		problem->type = record->type;
		problem->instance = record->instance;
		return true;
	}
	return false;
}

/*
 * Returns the record of a section in a saved state, or NULL. Records mostly come in the order of
 * the list: *next, behind the last one found, is tried first.
 */
static const struct state_record *state_find_on(const void *bytes,
						const struct state_section *section,
						const struct state_record **next)
{
	const struct state_record *record = *next;

	if (record == NULL || record->type != state_section_type(section) ||
	    record->instance != section->instance)
		record = state_find(bytes, state_section_type(section), section->instance);
	*next = record != NULL ? state_next(record) : NULL;
	return record;
}

bool state_list_check(const struct state_list *list, enum state_vendor vendor, const void *bytes,
		      size_t size, struct state_problem *problem)
{
	const struct state_header *header = bytes;
	const struct state_record *next = NULL;
	struct state_section section;

	if (!state_parse(bytes, size, problem))
		return false;
	if (header->vendor != vendor) {
		*problem = (struct state_problem){.fault = STATE_OTHER_VENDOR,
						  .record = ~0u,
						  .found = header->vendor,
						  .wanted = vendor};
		return false;
	}
	if (state_find_surplus(list, bytes, problem))
		return false;
	for (u32 i = 0; list->at(list->owner, i, &section); i++) {
		if (section.kind == 0)
			continue;
		problem->fault = state_section_fault(
			&section, state_find_on(bytes, &section, &next), problem);
		if (problem->fault != STATE_FINE)
			return false;
	}
	return true;
}

void state_list_take(const struct state_list *list, const void *bytes)
{
	const struct state_record *next = NULL;
	struct state_section section;

	for (u32 i = 0; list->at(list->owner, i, &section); i++) {
		const struct state_record *record;

		if (section.kind == 0)
			continue;
		record = state_find_on(bytes, &section, &next);
		if (!state_is_left_out(&section, record))
			section.load(section.owner, record + 1);
	}
}

bool state_list_load(const struct state_list *list, enum state_vendor vendor, const void *bytes,
		     size_t size, struct state_problem *problem)
{
	if (!state_list_check(list, vendor, bytes, size, problem))
		return false;
	state_list_take(list, bytes);
	return true;
}
