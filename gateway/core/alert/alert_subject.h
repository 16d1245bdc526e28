/* SPDX-License-Identifier: MIT */
#pragma once

#include <stdint.h>

#include "gateway/core/alert/alert_state.h"

/* A rule and a thing for which the rule is pending or fires. */
struct alert_subject {
	struct alert_subject *next;
	unsigned rule; /* the number of the rule's place */
	char what[HISTORY_WHAT_BYTES];
	struct alert_state state;
	double value;  /* the thing's last value */
	int64_t since; /* when the alert began, in seconds since 1970 */
};

/* Returns the subject of that rule and thing, or NULL. */
struct alert_subject *alert_subject_find(unsigned rule, const char *what);
/* Adds a subject, which must not exist yet. Returns NULL when the rule has too many. */
struct alert_subject *alert_subject_add(unsigned rule, const char *what);
void alert_subject_remove(struct alert_subject *subject);
/* Call `take` for each subject, of one rule or of all; `take` may remove it. */
void alert_subject_each_of(unsigned rule,
			   void (*take)(struct alert_subject *subject, void *context),
			   void *context);
void alert_subject_each(void (*take)(struct alert_subject *subject, void *context), void *context);
