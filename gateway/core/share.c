/* SPDX-License-Identifier: MIT */
/* Who gives up a place when all are taken: called by what has a table in core, keeps nothing. */
#include "gateway/core/share.h"

bool share_same(const struct identity *one, const struct identity *other)
{
	return one->token == other->token && one->account == other->account &&
	       one->user == other->user;
}

static size_t share_count(const struct share *places, size_t count, const struct identity *who)
{
	size_t has = 0;

	for (size_t i = 0; i < count; i++)
		has += places[i].who && share_same(places[i].who, who);
	return has;
}

static size_t share_oldest(const struct share *places, size_t count, const struct identity *who)
{
	size_t oldest = count;

	for (size_t i = 0; i < count; i++) {
		if (share_same(places[i].who, who) &&
		    (oldest == count || places[i].since < places[oldest].since))
			oldest = i;
	}
	return oldest;
}

size_t share_place(const struct share *places, size_t count, const struct identity *who, bool own)
{
	const struct identity *most = who;
	size_t has, taken;

	for (size_t i = 0; i < count; i++) {
		if (!places[i].who)
			return i;
	}
	has = taken = share_count(places, count, who);
	for (size_t i = 0; i < count; i++) {
		size_t each = share_count(places, count, places[i].who);

		if (each > has + 1 && each > taken) {
			most = places[i].who;
			taken = each;
		}
	}
	return most != who || own ? share_oldest(places, count, most) : count;
}
