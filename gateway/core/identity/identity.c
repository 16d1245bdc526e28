/* SPDX-License-Identifier: MIT */
/*
 * Functions on every kind of credential: whether it is still valid, how the audit names its holder,
 * and which roles would have no holder without it. The streams, the audit and the handlers of
 * tokens and users call it; it asks the lists of tokens and of users.
 */

#include "gateway/core/identity/identity.h"

#include <stdio.h>

#include "gateway/core/identity/account.h"
#include "gateway/core/identity/token.h"

bool identity_alive(const struct identity *identity, int64_t now)
{
	if (identity->account)
		return account_by_number(identity->account);
	return !identity->token || token_alive(identity->token, now);
}

void identity_actor(const struct identity *identity, char *actor, size_t room)
{
	if (identity->token)
		snprintf(actor, room, "%.36s via token %llu", identity->name,
			 (unsigned long long)identity->token);
	else
		snprintf(actor, room, "%.36s via %s", identity->name,
			 identity->account && !identity->local ? "password" : "socket");
}

unsigned identity_roles_lost(uint64_t token, uint64_t account)
{
	return (ROLE_ADMIN | ROLE_AUDITOR) & ~(token_kept(token) | account_kept(account));
}
