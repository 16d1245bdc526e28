/* SPDX-License-Identifier: MIT */
/*
 * The table of things for which a rule is pending or fires. Each rule has a hash table of lists, in
 * which every sample is looked up. alert.c calls it; it holds nothing else.
 */
#include "gateway/core/alert/alert_subject.h"

#include <stdlib.h>
#include <string.h>

#include "gateway/base/string.h"
#include "gateway/core/alert/alert.h"

enum { SUBJECT_LISTS = 64 }; /* lists of each rule */

static struct alert_subject *subject_lists[ALERT_RULES][SUBJECT_LISTS];
static unsigned subject_counts[ALERT_RULES];

/* Returns the list of a subject, by the hash FNV-1a. */
static struct alert_subject **subject_list(unsigned rule, const char *what)
{
	uint32_t hash = 2166136261u;

	for (; *what; what++)
		hash = (hash ^ (unsigned char)*what) * 16777619u;
	return &subject_lists[rule][(hash ^ hash >> 16) % SUBJECT_LISTS];
}

struct alert_subject *alert_subject_find(unsigned rule, const char *what)
{
	struct alert_subject *subject = *subject_list(rule, what);

	while (subject && (subject->rule != rule || strcmp(subject->what, what) != 0))
		subject = subject->next;
	return subject;
}

struct alert_subject *alert_subject_add(unsigned rule, const char *what)
{
	struct alert_subject **list = subject_list(rule, what);
	struct alert_subject *subject =
		subject_counts[rule] < ALERT_SUBJECTS ? calloc(1, sizeof(*subject)) : NULL;

	if (!subject)
		return NULL;
	subject->rule = rule;
	string_copy(subject->what, sizeof(subject->what), what);
	subject->next = *list;
	*list = subject;
	subject_counts[rule]++;
	return subject;
}

void alert_subject_remove(struct alert_subject *subject)
{
	struct alert_subject **at = subject_list(subject->rule, subject->what);

	while (*at != subject)
		at = &(*at)->next;
	*at = subject->next;
	subject_counts[subject->rule]--;
	free(subject);
}

void alert_subject_each_of(unsigned rule,
			   void (*take)(struct alert_subject *subject, void *context),
			   void *context)
{
	struct alert_subject *subject, *next;

	for (unsigned i = 0; i < SUBJECT_LISTS && subject_counts[rule]; i++) {
		for (subject = subject_lists[rule][i]; subject; subject = next) {
			next = subject->next;
			take(subject, context);
		}
	}
}

void alert_subject_each(void (*take)(struct alert_subject *subject, void *context), void *context)
{
	for (unsigned i = 0; i < ALERT_RULES; i++)
		alert_subject_each_of(i, take, context);
}
