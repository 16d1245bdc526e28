/* SPDX-License-Identifier: MIT */
/*
 * Decides which asker gives up a place of a table, such as that of logins, when all are taken. Each
 * table of core with shared places calls it; it keeps no state.
 */
#include "gateway/core/identity/share.h"

#include "gateway/core/common/bucket.h"
#include "gateway/core/identity/identity.h"

/*
 * Returns a hash below `count` of a holder's numbers: tokens, accounts and users are numbered one
 * after another, and would not spread by themselves.
 */
static size_t share_hash(const struct identity *who, size_t count)
{
	uint64_t mixed = who->token;

	mixed = mixed * 0x9e3779b97f4a7c15 + who->account;
	mixed = mixed * 0x9e3779b97f4a7c15 + who->user;
	mixed *= 0x9e3779b97f4a7c15;
	return (mixed >> 32) % count;
}

/*
 * Returns the first place of `who` among the places that share_count() has counted so far, or
 * `count` if there is none.
 */
static size_t share_find(const struct share *places, size_t count, const struct identity *who)
{
	size_t at = places[share_hash(who, count)].bucket;

	while (at < count && !share_same(places[at].who, who))
		at = places[at].next;
	return at;
}

/* Counts the place at index `at` for its holder. */
static void share_count(struct share *places, size_t count, size_t at)
{
	size_t first = share_find(places, count, places[at].who);
	struct share *bucket;

	if (first == count) {
		bucket = &places[share_hash(places[at].who, count)];
		places[at].next = bucket->bucket;
		places[at].oldest = at;
		bucket->bucket = first = at;
	}
	places[first].held++;
	if (places[at].since < places[places[first].oldest].since)
		places[first].oldest = at;
}

size_t share_place(struct share *places, size_t count, const struct identity *who, bool own)
{
	size_t mine, has, taken, most;

	for (size_t i = 0; i < count; i++) {
		if (!places[i].who)
			return i;
		places[i].bucket = count;
		places[i].held = 0;
	}
	if (count == 0)
		return count;
	for (size_t i = 0; i < count; i++)
		share_count(places, count, i);
	mine = share_find(places, count, who);
	has = mine < count ? places[mine].held : 0;
	/*
	 * If several holders have the most places, the holder whose first place has the lowest
	 * index gives one up.
	 */
	most = own ? mine : count;
	taken = has + 1;
	for (size_t i = 0; i < count; i++) {
		if (places[i].held > taken) {
			most = i;
			taken = places[i].held;
		}
	}
	return most < count ? places[most].oldest : count;
}
