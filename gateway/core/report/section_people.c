/* SPDX-License-Identifier: MIT */
/*
 * The sections of a report about people: their roles, and the actions that the audit records.
 * report_json() calls them; they read the facts and nothing else, and these contain no secret.
 */
#include "gateway/core/report/section.h"

#include "gateway/core/report/report_row.h"

static int64_t people_time(const json_t *row, const char *key)
{
	return json_integer_value(json_object_get(row, key));
}

static void people_add(json_t *items, const json_t *list, const char *kind, const char *used)
{
	json_t *row;
	size_t i;

	json_array_foreach(list, i, row)
	{
		/* "never" is a known answer; null would mean that the expiry is unknown. */
		json_t *expires = section_time(people_time(row, "expires"));
		json_t *last = section_time(people_time(row, used));

		json_array_append_new(
			items,
			json_pack("{s:s, s:o, s:o, s:o, s:o, s:o, s:o}", "kind", kind, "name",
				  row_copy(row, "name"), "roles",
				  section_words(json_object_get(row, "roles")), "scope",
				  row_copy(row, "scope"), "created",
				  section_time(people_time(row, "created")), "expires",
				  json_is_null(expires) ? json_string("never") : expires,
				  "last_use", json_is_null(last) ? json_string("never") : last));
	}
}

json_t *section_access(const struct report_facts *facts)
{
	json_t *items = json_array();

	people_add(items, facts->users, "user", "last_login");
	people_add(items, facts->tokens, "token", "last_use");
	return section_make(
		"access", "Who may do what", "known",
		"Users and tokens of the gateway, without their secrets. A scope is a pattern of "
		"names of VMs. What the gateway may do at all, Skerry decides: the rights of its "
		"channel. Whoever stands at Skerry's console is not in this list.",
		json_pack("{s:s, s:o, s:s, s:s}", "unix_socket",
			  facts->socket_users
				  ? "local users have the roles of the users of the same name"
				  : "root and the user of skerryd have all roles",
			  "channel_rights", section_words(facts->rights), "certificate_sha256",
			  facts->fingerprint, "certificate",
			  facts->issued ? "issued by an authority" : "self-signed"),
		items);
}

static json_t *people_audit_items(const struct report_facts *facts)
{
	static const char *const keys[] = {"n",	     "time", "who",    "action",
					   "target", "from", "result", NULL};
	json_t *items = json_array(), *row;
	size_t i;

	json_array_foreach(json_object_get(facts->audit, "items"), i, row)
	{
		json_t *item = json_object();

		for (size_t key = 0; keys[key]; key++)
			json_object_set_new(item, keys[key], row_copy(row, keys[key]));
		json_array_append_new(items, item);
	}
	return items;
}

json_t *section_audit(const struct report_facts *facts)
{
	static const char *const notes[] = {
		[REPORT_CHAIN_UNKNOWN] = "The chain was not verified in time: ask again in a "
					 "minute, or run `skerryd "
					 "verify-audit DIR`.",
		[REPORT_CHAIN_WHOLE] =
			"Each line has the hash of the line before it; every line "
			"that was kept was verified when `verified` says. Below are the "
			"newest ones.",
		[REPORT_CHAIN_BROKEN] = "The chain is BROKEN: lines were changed, removed or lost. "
					"Nothing from the line `broken_at` on can be relied on.",
	};
	bool known = facts->chain != REPORT_CHAIN_UNKNOWN;
	bool broken = facts->chain == REPORT_CHAIN_BROKEN;
	json_t *works = json_object_get(facts->audit, "works");
	const char *head = row_text(facts->audit, "head");
	const char *anchored = row_text(facts->audit, "anchored");

	return section_make(
		"audit", "What was done by whom", known ? "known" : "partly", notes[facts->chain],
		json_pack("{s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "chain",
			  known ? json_string(broken ? "broken" : "whole") : json_null(),
			  "broken_at",
			  !known   ? json_null()
			  : broken ? json_integer((json_int_t)facts->lines.last + 1)
				   : json_string("nowhere"),
			  "first_line",
			  known ? json_integer((json_int_t)facts->lines.first) : json_null(),
			  "last_line",
			  known ? json_integer((json_int_t)facts->lines.last) : json_null(),
			  "verified", section_time(known ? facts->chain_s : 0), "head",
			  *head ? json_string(head) : json_null(), "anchored_in_skerry",
			  *anchored ? json_string(anchored) : json_null(), "can_be_written",
			  section_truth(json_is_boolean(works), json_is_true(works))),
		people_audit_items(facts));
}
