/* SPDX-License-Identifier: MIT */
/*
 * The profile `hardened`: a table of rules, each with a sentence, a function that finds the facts,
 * and the right setting. The profile calls the functions; they read the facts and nothing else. A
 * rule that lacks facts is unknown, never passed.
 */
#include "gateway/core/report/rule.h"

#include <stdarg.h>
#include <stdio.h>

#include "gateway/base/string.h"
#include "gateway/core/report/report_row.h"
#include "gateway/core/report/section.h"
#include "gateway/core/report/storage.h"

enum {
	BACKUP_AGE_S = 48 * 3600,
	UNUSED_S = 90 * 24 * 3600,
};

__attribute__((format(printf, 2, 3))) static void rule_say(struct rule_found *found,
							   const char *format, ...)
{
	va_list list;

	va_start(list, format);
	vsnprintf(found->text, sizeof(found->text), format, list);
	va_end(list);
}

/* Adds a name to the list; a name for which there is no room is only counted. */
static void rule_add(struct rule_found *found, const char *name)
{
	size_t room = sizeof(found->text) - found->used;
	int length;

	found->count++;
	if (found->cut)
		return;
	length = snprintf(found->text + found->used, room, "%s%s", found->used ? ", " : "", name);
	if (length > 0 && (size_t)length + 16 < room)
		found->used += (size_t)length;
	else
		found->cut = snprintf(found->text + found->used, room, ", ...") > 0;
}

/*
 * Returns the result of a rule that looks for deviations; `whole` tells whether it saw all facts.
 */
static enum rule_result rule_none(struct rule_found *found, bool whole, const char *good)
{
	if (found->count)
		return RULE_DEVIATES;
	if (whole)
		rule_say(found, "%s", good);
	else
		rule_say(found, "not all of it is known");
	return whole ? RULE_PASSES : RULE_UNKNOWN;
}

/* Returns whether Skerry answered; if not, the rule's text says so. */
static bool rule_answer(struct rule_found *found, const struct report_asked *asked)
{
	if (!asked->rows)
		rule_say(found, "%s", *asked->why ? asked->why : "Skerry was not asked");
	return asked->rows != NULL;
}

/* --- the machine --- */

static enum rule_result rule_leaks(const struct report_facts *facts, struct rule_found *found)
{
	json_t *leaks = json_object_get(facts->cpu, "leaks"), *leak;
	bool whole = json_array_size(leaks) > 0;
	size_t i;

	json_array_foreach(leaks, i, leak)
	{
		if (row_is(leak, "state", "open"))
			rule_add(found, row_text(leak, "leak"));
		else if (!row_is(leak, "state", "closed") &&
			 !row_is(leak, "state", "not applicable"))
			whole = false;
	}
	return rule_none(found, whole, "no known leak is open");
}

static enum rule_result rule_dma(const struct report_facts *facts, struct rule_found *found)
{
	const char *dma = row_text(facts->cpu, "dma");

	rule_say(found, "%s", *dma ? dma : "unknown");
	return !*dma				      ? RULE_UNKNOWN
	       : !strcmp(dma, "drivers are confined") ? RULE_PASSES
						      : RULE_DEVIATES;
}

static enum rule_result rule_pages(const struct report_facts *facts, struct rule_found *found)
{
	const struct report_asked *asked = &facts->asked[REPORT_PAGES];
	json_int_t findings = -1;
	json_t *row;
	size_t i;

	if (!rule_answer(found, asked))
		return RULE_UNKNOWN;
	json_array_foreach(asked->rows, i, row)
	{
		if (json_is_integer(json_object_get(row, "findings")))
			findings = json_integer_value(json_object_get(row, "findings"));
	}
	rule_say(found, "findings: %lld", (long long)findings);
	return findings == 0 ? RULE_PASSES : findings > 0 ? RULE_DEVIATES : RULE_UNKNOWN;
}

static enum rule_result rule_sbom(const struct report_facts *facts, struct rule_found *found)
{
	int matches = report_sbom_matches(facts);

	rule_say(found, "%s",
		 matches < 0	? "there is no document, or no commit, to compare"
		 : matches == 1 ? facts->sbom.version
				: "the document is of another version or commit");
	return matches < 0 ? RULE_UNKNOWN : matches == 1 ? RULE_PASSES : RULE_DEVIATES;
}

static enum rule_result rule_password(const struct report_facts *facts, struct rule_found *found)
{
	const json_t *host = storage_section_of(facts, "host", NULL, NULL);
	json_t *set = json_object_get(host, "password_set");
	const char *after = row_text(host, "lock_after");
	bool locks = *after && strcmp(after, "0s");

	if (!json_is_boolean(set)) {
		rule_say(found, "Skerry did not say whether a password is set");
		return RULE_UNKNOWN;
	}
	rule_say(found, "password: %s, lock_after: %s", json_is_true(set) ? "set" : "none",
		 locks ? after : "not set");
	return json_is_true(set) && locks ? RULE_PASSES : RULE_DEVIATES;
}

/* --- roles and credentials --- */

static enum rule_result rule_rights(const struct report_facts *facts, struct rule_found *found)
{
	json_t *right;
	size_t i;

	json_array_foreach(facts->rights, i, right)
	{
		const char *name = json_string_value(right);

		if (name && (!strcmp(name, "inspect") || !strcmp(name, "content")))
			rule_add(found, name);
	}
	return rule_none(found, json_array_size(facts->rights) > 0,
			 "the gateway can neither look into guests nor at what volumes hold");
}

static enum rule_result rule_channels(const struct report_facts *facts, struct rule_found *found)
{
	json_t *vm;
	bool whole = facts->vms != NULL;
	size_t i;

	json_array_foreach(facts->vms, i, vm)
	{
		whole = whole && json_is_true(json_object_get(vm, "known"));
		if (*row_text(vm, "channel") && !row_is(vm, "name", facts->own))
			rule_add(found, row_text(vm, "name"));
	}
	return rule_none(found, whole, "no other VM has a machine channel");
}

static enum rule_result rule_tokens_end(const struct report_facts *facts, struct rule_found *found)
{
	json_t *token;
	size_t i;

	json_array_foreach(facts->tokens, i, token)
	{
		if (!json_integer_value(json_object_get(token, "expires")))
			rule_add(found, row_text(token, "name"));
	}
	return rule_none(found, facts->tokens != NULL, "every token ends");
}

static void rule_add_unused(const struct report_facts *facts, const json_t *list, const char *used,
			    struct rule_found *found)
{
	json_t *row;
	size_t i;

	json_array_foreach(list, i, row)
	{
		json_int_t last = json_integer_value(json_object_get(row, used));
		json_int_t made = json_integer_value(json_object_get(row, "created"));

		if (facts->time_s - (last ? last : made) > UNUSED_S)
			rule_add(found, row_text(row, "name"));
	}
}

static enum rule_result rule_used(const struct report_facts *facts, struct rule_found *found)
{
	rule_add_unused(facts, facts->tokens, "last_use", found);
	rule_add_unused(facts, facts->users, "last_login", found);
	return rule_none(found, facts->tokens && facts->users, "all were used or made lately");
}

static enum rule_result rule_certificate(const struct report_facts *facts, struct rule_found *found)
{
	rule_say(found, "%s", facts->issued ? "an authority has issued it" : "it is self-signed");
	return facts->issued ? RULE_PASSES : RULE_DEVIATES;
}

static enum rule_result rule_limits(const struct report_facts *facts, struct rule_found *found)
{
	rule_say(found, "requests %u/s, changes %u/s, connections %u (0: no limit)", facts->rate,
		 facts->change_rate, facts->per_address);
	return facts->rate && facts->change_rate && facts->per_address ? RULE_PASSES
								       : RULE_DEVIATES;
}

/* --- recorded actions --- */

static enum rule_result rule_chain(const struct report_facts *facts, struct rule_found *found)
{
	if (facts->chain == REPORT_CHAIN_UNKNOWN) {
		rule_say(found, "the chain was not verified in time");
		return RULE_UNKNOWN;
	}
	rule_say(found, "lines %llu to %llu are whole%s", (unsigned long long)facts->lines.first,
		 (unsigned long long)facts->lines.last,
		 facts->chain == REPORT_CHAIN_WHOLE ? "" : ", the next one is broken");
	return facts->chain == REPORT_CHAIN_WHOLE ? RULE_PASSES : RULE_DEVIATES;
}

static enum rule_result rule_all_lines(const struct report_facts *facts, struct rule_found *found)
{
	if (facts->chain == REPORT_CHAIN_UNKNOWN) {
		rule_say(found, "the audit was not read in time");
		return RULE_UNKNOWN;
	}
	rule_say(found, "the first line that is kept is %llu",
		 (unsigned long long)facts->lines.first);
	return facts->lines.first == 1 ? RULE_PASSES : RULE_DEVIATES;
}

static enum rule_result rule_anchored(const struct report_facts *facts, struct rule_found *found)
{
	const char *anchored = row_text(facts->audit, "anchored");

	rule_say(found, "%s",
		 *anchored ? anchored : "this gateway has anchored no line since its start");
	return *anchored ? RULE_PASSES : RULE_UNKNOWN;
}

/* --- stored data --- */

static enum rule_result rule_encrypted(const struct report_facts *facts, struct rule_found *found)
{
	bool whole = !strcmp(storage_status(facts), "known");
	json_t *items = storage_items(facts), *item;
	size_t i;

	json_array_foreach(items, i, item)
	{
		json_t *encrypted = json_object_get(item, "encrypted");

		if (json_is_false(encrypted))
			rule_add(found, row_text(item, "name"));
		whole = whole && !json_is_null(encrypted);
	}
	json_decref(items);
	return rule_none(found, whole, "every disk and volume is encrypted");
}

static enum rule_result rule_backups(const struct report_facts *facts, struct rule_found *found)
{
	const struct report_asked *asked = &facts->asked[REPORT_BACKUPS];
	json_t *vm;
	size_t i;

	if (!facts->vms) {
		rule_say(found, "the VMs are not known");
		return RULE_UNKNOWN;
	}
	if (!rule_answer(found, asked))
		return RULE_UNKNOWN;
	json_array_foreach(facts->vms, i, vm)
	{
		struct storage_backup backup = storage_backup_of(facts, row_text(vm, "name"));
		int64_t age_s = facts->time_s - backup.newest_s;

		/*
		 * A backup dated in the future shows that one of the clocks is wrong, so that its
		 * age is unknown.
		 */
		if (!backup.newest_s || age_s > BACKUP_AGE_S || age_s < -3600 ||
		    !strcmp(backup.state, "failed"))
			rule_add(found, row_text(vm, "name"));
	}
	return rule_none(found, !asked->partial, "each VM has one of the last 48 hours");
}

const struct rule rule_hardened[] = {
	{"leaks", "No known leak of the CPUs is open.",
	 "newer microcode, or a CPU that has the defence that is missing: `cpu` says which",
	 rule_leaks},
	{"dma", "Devices reach only the memory that is meant for them.",
	 "an IOMMU that is switched on in the firmware, for every device with a driver", rule_dma},
	{"pages", "The walk over every page of the machine finds nothing.",
	 "findings: 0; with any other number stop the machine and report it", rule_pages},
	{"sbom", "The SPDX document of the image that runs is at hand.",
	 "skerryd --sbom with the skerry.spdx.json of the same build", rule_sbom},
	{"password",
	 "Skerry's console asks for a password, again when nobody has typed for a while.",
	 "`password` and `lock_after` in the section [host]", rule_password},
	{"rights", "The gateway cannot see what guests compute and store.",
	 "a channel without the rights `inspect` and `content`", rule_rights},
	{"channels", "No VM has a machine channel, but for the one in which the gateway runs.",
	 "no `channel` in the sections of other VMs", rule_channels},
	{"tokens-end", "Every token has an end.", "tokens made with --expires", rule_tokens_end},
	{"unused", "No user and no token has been unused for 90 days.",
	 "users and tokens that nobody needs are removed", rule_used},
	{"certificate", "The server's certificate is issued by an authority.",
	 "cert.pem and key.pem of an authority in the state directory", rule_certificate},
	{"limits", "Requests, changes and connections have limits.",
	 "--rate, --change-rate and --per-address above 0", rule_limits},
	{"chain", "The chain of the audit is whole.",
	 "a state directory to which nobody but skerryd writes", rule_chain},
	{"all-lines", "The audit is kept from its first line on.",
	 "--audit-files 0, and older files are copied before they are moved away", rule_all_lines},
	{"anchored", "The audit's head stands in Skerry's own log.",
	 "a link to Skerry with the right `host`", rule_anchored},
	{"encrypted", "Every disk and volume is encrypted.",
	 "`encrypt` in the sections of disks, and volumes made with encrypt=KEY", rule_encrypted},
	{"backups", "Each VM has a backup that is at most 48 hours old, and the last one worked.",
	 "the key `backup` of each VM", rule_backups},
};
const unsigned rule_hardened_count = ARRAY_COUNT(rule_hardened);
