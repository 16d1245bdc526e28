/* SPDX-License-Identifier: MIT */
#pragma once

#include "vmm/monitor/state/record.h"
#include "vmm/monitor/state/section_types.h"

/*
 * Writes all sections of a list to bytes[size], which is 8-byte aligned, and sets *used; returns
 * STATUS_TOO_BIG if they do not fit.
 */
enum status state_list_save(const struct state_list *list, const char *name,
			    enum state_vendor vendor, void *bytes, size_t size,
			    size_t *used) MUST_CHECK;

/*
 * Checks whether a saved state can be loaded: it is intact, each section has a record unless it is
 * optional, each record has a section, and versions, sizes and contents are right. Returns false
 * with *problem filled in.
 */
bool state_list_check(const struct state_list *list, enum state_vendor vendor, const void *bytes,
		      size_t size, struct state_problem *problem) MUST_CHECK;

/* Loads a saved state that state_list_check has found to be good. */
void state_list_take(const struct state_list *list, const void *bytes);

/* Checks a saved state and loads it; with a problem nothing of it is loaded. */
bool state_list_load(const struct state_list *list, enum state_vendor vendor, const void *bytes,
		     size_t size, struct state_problem *problem) MUST_CHECK;

/* Puts the problem into words: the record of the saved state, and its fault. */
void state_problem_text(const struct state_problem *problem, char *text, size_t size);
/* Returns the name of a kind of section, "unknown" if there is none. */
const char *state_kind_name(u32 kind);
