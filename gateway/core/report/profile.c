/* SPDX-License-Identifier: MIT */
/*
 * Makes the section that says which rules of a profile a host passes and from which it deviates.
 * report_json() calls it; the rules themselves are in rule.c.
 */
#include "gateway/core/report/profile.h"

#include <stdio.h>
#include <string.h>

#include "gateway/core/report/report_row.h"
#include "gateway/core/report/rule.h"
#include "gateway/core/report/section.h"

static const char *const profile_words[RULE_RESULTS] = {
	[RULE_UNKNOWN] = "unknown",
	[RULE_PASSES] = "passes",
	[RULE_DEVIATES] = "deviates",
};

bool profile_known(const char *name)
{
	return !strcmp(name, "hardened");
}

json_t *profile_section(const struct report_facts *facts, const char *name)
{
	unsigned counts[RULE_RESULTS] = {0};
	json_t *items = json_array();
	char title[80];

	for (unsigned i = 0; i < rule_hardened_count; i++) {
		const struct rule *rule = &rule_hardened[i];
		struct rule_found found = {0};
		enum rule_result result = rule->judge(facts, &found);

		counts[result]++;
		row_cut(found.text);
		json_array_append_new(items, json_pack("{s:s, s:s, s:s, s:s, s:s}", "rule",
						       rule->id, "sentence", rule->sentence,
						       "result", profile_words[result], "found",
						       found.text, "right", rule->right));
	}
	snprintf(title, sizeof(title), "Deviations from the profile %s", name);
	return section_make("profile", title, counts[RULE_UNKNOWN] ? "partly" : "known",
			    "What a rule could not know is unknown: that is no pass.",
			    json_pack("{s:i, s:i, s:i}", "passes", (int)counts[RULE_PASSES],
				      "deviates", (int)counts[RULE_DEVIATES], "unknown",
				      (int)counts[RULE_UNKNOWN]),
			    items);
}
