/* SPDX-License-Identifier: MIT */
/*
 * Limits the audit's lines about denied actions and about askers' actions on their own things:
 * beyond a limit, lines are only counted. The router and logins call it, in core's thread.
 */
#include "gateway/core/audit/audit.h"

#include <stdio.h>
#include <string.h>

#include "gateway/core/common/bucket.h"
#include "gateway/core/common/clock.h"
#include "gateway/core/identity/identity.h"
#include "gateway/core/identity/share.h"

/*
 * Two kinds of lines are limited: denials, and actions of askers on their own things. An asker who
 * repeats either could otherwise fill the disk, or push other lines out of the kept files. Each
 * credential, and all askers without one together, have a bucket for each kind; lines beyond it are
 * counted, and the count gets a line.
 */
enum {
	DENIED_COUNT = 64,  /* credentials that have a bucket at a time */
	DENIED_BURST = 20,  /* how many lines may be written at once when a bucket is full */
	DENIED_EACH_S = 10, /* the seconds in which a bucket gets one more line */
	DENIED_TELL_S = 60, /* the seconds between two audit lines with a count of denials */
};

enum denied_kind { DENIED, DENIED_OWN, DENIED_KINDS };

static const char *const denied_actions[DENIED_KINDS] = {"audit.denied", "audit.own"};

struct denied {
	struct identity who;
	bool used;
	struct bucket bucket;
};

static struct {
	struct denied list[DENIED_COUNT];
	uint64_t counted, untold;
	double told_s;
} denied[DENIED_KINDS];

static struct denied *denied_find(enum denied_kind kind, const struct identity *who, double now_s)
{
	struct denied *oldest = &denied[kind].list[0];

	for (size_t i = 0; i < DENIED_COUNT; i++) {
		struct denied *each = &denied[kind].list[i];

		if (each->used && share_same(&each->who, who) && each->who.roles == who->roles)
			return each;
		if (!each->used || (oldest->used && each->bucket.seen_s < oldest->bucket.seen_s))
			oldest = each;
	}
	*oldest = (struct denied){*who, true, {DENIED_BURST, now_s}};
	return oldest;
}

/* Returns whether another line of that kind about `who` may be written; if not, counts it. */
static bool denied_has_line(enum denied_kind kind, const struct identity *who)
{
	double now_s = clock_now_s();

	if (bucket_take(&denied_find(kind, who, now_s)->bucket, 1.0 / DENIED_EACH_S, DENIED_BURST,
			now_s))
		return true;
	denied[kind].counted++;
	denied[kind].untold++;
	return false;
}

void audit_denied(const struct identity *who, const char *action, const char *target,
		  const char *from, const char *result)
{
	static const struct identity nobody;
	char actor[65] = "?";

	if (!denied_has_line(DENIED, who ? who : &nobody))
		return;
	if (who)
		identity_actor(who, actor, sizeof(actor));
	audit_begin(actor, action, target, from, result);
}

bool audit_own(const struct identity *who, const char *action, const char *target, const char *from,
	       const char *result, uint64_t *line)
{
	char actor[65];

	*line = 0;
	if (!denied_has_line(DENIED_OWN, who))
		return true;
	identity_actor(who, actor, sizeof(actor));
	*line = audit_begin(actor, action, target, from, result);
	return *line != 0;
}

uint64_t audit_denied_counted(void)
{
	return denied[DENIED].counted + denied[DENIED_OWN].counted;
}

void audit_denied_tell(bool at_once)
{
	double now_s = clock_now_s();

	if (!at_once && !audit_works())
		return;
	for (size_t i = 0; i < DENIED_KINDS; i++) {
		if (!denied[i].untold || (!at_once && now_s - denied[i].told_s < DENIED_TELL_S))
			continue;
		denied[i].told_s = now_s;
		if (audit_count(denied_actions[i], denied[i].untold))
			denied[i].untold = 0;
	}
}
