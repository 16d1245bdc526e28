/* SPDX-License-Identifier: MIT */
#pragma once

#include <stddef.h>

#include "gateway/core/report/report.h"

/* What a rule says of a host; a rule that cannot know enough says RULE_UNKNOWN. */
enum rule_result { RULE_UNKNOWN, RULE_PASSES, RULE_DEVIATES, RULE_RESULTS };

enum { FOUND_BYTES = 240 };

/* What a rule has found: a list of names, as much of it as there is room for, or a sentence. */
struct rule_found {
	char text[FOUND_BYTES];
	size_t used;
	unsigned count;
	bool cut; /* the list ends with "..." */
};

struct rule {
	const char *id, *sentence;
	const char *right; /* what would be right */
	enum rule_result (*judge)(const struct report_facts *facts, struct rule_found *found);
};

/* The rules of the profile `hardened`. */
extern const struct rule rule_hardened[];
extern const unsigned rule_hardened_count;
