/* SPDX-License-Identifier: MIT */
#include <stdio.h>
#include <string.h>

#include "gateway/core/audit.h"
#include "gateway/core/machine.h"
#include "gateway/core/share.h"

/*
 * What was denied. Whoever asks for what it may not have would fill the disk, or drive what others
 * did out of the files that are kept: each credential, and all who have none, get so many lines of
 * their own; what is denied beyond is counted, and the count has a line.
 */
enum {
	DENIED_COUNT = 64,  /* credentials at a time */
	DENIED_BURST = 20,  /* lines that have been saved up */
	DENIED_EACH_S = 10, /* then one line in so many seconds */
	DENIED_TELL_S = 60, /* between the lines with the count */
};

struct denied {
	struct identity who;
	bool used;
	double left, seen_s;
};

static struct {
	struct denied list[DENIED_COUNT];
	uint64_t counted, untold;
	double told_s;
} denied;

static struct denied *denied_find(const struct identity *who, double now_s)
{
	struct denied *oldest = &denied.list[0];

	for (size_t i = 0; i < DENIED_COUNT; i++) {
		struct denied *each = &denied.list[i];

		if (each->used && share_same(&each->who, who) && each->who.roles == who->roles)
			return each;
		if (!each->used || (oldest->used && each->seen_s < oldest->seen_s))
			oldest = each;
	}
	*oldest = (struct denied){.who = *who, .used = true, .left = DENIED_BURST, .seen_s = now_s};
	return oldest;
}

static bool denied_has_line(const struct identity *who)
{
	double now_s = machine_now_s();
	struct denied *each = denied_find(who, now_s);

	each->left += (now_s - each->seen_s) / DENIED_EACH_S;
	if (each->left > DENIED_BURST)
		each->left = DENIED_BURST;
	each->seen_s = now_s;
	if (each->left < 1)
		return false;
	each->left -= 1;
	return true;
}

void audit_denied(const struct identity *who, const char *action, const char *target,
		  const char *from, const char *result)
{
	static const struct identity nobody;
	char actor[65] = "?";

	if (!denied_has_line(who ? who : &nobody)) {
		denied.counted++;
		denied.untold++;
		return;
	}
	if (who)
		identity_actor(who, actor, sizeof(actor));
	audit_begin(actor, action, target, from, result);
}

uint64_t audit_denied_counted(void)
{
	return denied.counted;
}

void audit_denied_tell(bool at_once)
{
	double now_s = machine_now_s();

	if (!denied.untold || (!at_once && now_s - denied.told_s < DENIED_TELL_S))
		return;
	denied.told_s = now_s;
	if (audit_count("audit.denied", denied.untold))
		denied.untold = 0;
}
