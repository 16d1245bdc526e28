/* SPDX-License-Identifier: MIT */
#pragma once

#include <stddef.h>

#include "gateway/core/report/report.h"

/* A rule's verdict on a host; a rule that lacks facts gives RULE_UNKNOWN. */
enum rule_result { RULE_UNKNOWN, RULE_PASSES, RULE_DEVIATES, RULE_RESULTS };

enum { FOUND_BYTES = 240 };

/* The findings of a rule: a list of names, as many as there is room for, or a sentence. */
struct rule_found {
	char text[FOUND_BYTES];
	size_t used;
	unsigned count;
	bool cut; /* the list ends with "..." */
};

struct rule {
	const char *id, *sentence;
	const char *right; /* the sentence that says which setting would be right */
	enum rule_result (*judge)(const struct report_facts *facts, struct rule_found *found);
};

/* The rules of the profile `hardened`. */
extern const struct rule rule_hardened[];
extern const unsigned rule_hardened_count;
