/* SPDX-License-Identifier: MIT */
/*
 * The table of things for which a rule is pending or fires: a hash table of lists, as each sample
 * is looked up in it. alert.c calls it; it holds nothing else.
 */
#include "gateway/core/alert/alert_subject.h"

#include <stdlib.h>
#include <string.h>

#include "gateway/base/string.h"
#include "gateway/core/alert/alert.h"

enum { SUBJECT_LISTS = 1024 };

static struct alert_subject *subject_lists[SUBJECT_LISTS];
static unsigned subject_count;

/* Returns the list of a subject, by the hash FNV-1a. */
static struct alert_subject **subject_list(unsigned rule, const char *what)
{
	uint32_t hash = 2166136261u ^ rule;

	for (; *what; what++)
		hash = (hash ^ (unsigned char)*what) * 16777619u;
	return &subject_lists[(hash ^ hash >> 16) % SUBJECT_LISTS];
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
		subject_count < ALERT_SUBJECTS ? calloc(1, sizeof(*subject)) : NULL;

	if (!subject)
		return NULL;
	subject->rule = rule;
	string_copy(subject->what, sizeof(subject->what), what);
	subject->next = *list;
	*list = subject;
	subject_count++;
	return subject;
}

void alert_subject_remove(struct alert_subject *subject)
{
	struct alert_subject **at = subject_list(subject->rule, subject->what);

	while (*at != subject)
		at = &(*at)->next;
	*at = subject->next;
	free(subject);
	subject_count--;
}

void alert_subject_each(void (*take)(struct alert_subject *subject, void *context), void *context)
{
	struct alert_subject *subject, *next;

	for (unsigned i = 0; i < SUBJECT_LISTS && subject_count; i++) {
		for (subject = subject_lists[i]; subject; subject = next) {
			next = subject->next;
			take(subject, context);
		}
	}
}
