/* SPDX-License-Identifier: MIT */
#pragma once

#include "vmm/monitor/state/record.h"
#include "vmm/monitor/state/section_types.h"

/* Writes all sections of a list to bytes[size], 8-byte aligned; STATUS_TOO_BIG. Sets *used. */
enum status state_list_save(const struct state_list *list, const char *name,
			    enum state_vendor vendor, void *bytes, size_t size,
			    size_t *used) MUST_CHECK;

/*
 * Whether a state can be loaded: it is sound, has a record for each section that is not optional
 * and for nothing else, each of the same version and size, with valid content. False with *problem
 * filled in.
 */
bool state_list_check(const struct state_list *list, enum state_vendor vendor, const void *bytes,
		      size_t size, struct state_problem *problem) MUST_CHECK;

/* Loads a state of which that check has found that it can be. */
void state_list_take(const struct state_list *list, const void *bytes);

/* Loads a state if that check finds no problem, else nothing of it. */
bool state_list_load(const struct state_list *list, enum state_vendor vendor, const void *bytes,
		     size_t size, struct state_problem *problem) MUST_CHECK;

/* The problem in words: which record, and what was found and wanted. */
void state_problem_text(const struct state_problem *problem, char *text, size_t size);
/* The name of a kind of section, "unknown" if there is none. */
const char *state_kind_name(u32 kind);
