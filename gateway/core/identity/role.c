/* SPDX-License-Identifier: MIT */
/*
 * The roles: their names, and which roles each one contains. Tokens, users, handlers and the
 * description of the API ask here; the file holds nothing but constants.
 */

#include "gateway/core/identity/role.h"

#include <string.h>

#include "gateway/core/identity/identity.h"

const char *const role_names[ROLE_COUNT] = {"viewer",	    "operator",	     "admin", "auditor",
					    "console-read", "console-write", "guest", "content"};

unsigned role_imply(unsigned roles)
{
	if (roles & ROLE_ADMIN)
		roles |= ROLE_OPERATOR;
	if (roles & ROLE_OPERATOR)
		roles |= ROLE_VIEWER;
	if (roles & ROLE_CONSOLE_WRITE)
		roles |= ROLE_CONSOLE_READ;
	return roles;
}

json_t *role_json(unsigned roles)
{
	json_t *list = json_array();

	for (unsigned i = 0; i < ROLE_COUNT; i++) {
		if (roles & 1u << i)
			json_array_append_new(list, json_string(role_names[i]));
	}
	return list;
}

unsigned role_of_json(const json_t *list)
{
	unsigned roles = 0;
	json_t *role;
	size_t i;

	json_array_foreach(list, i, role)
	{
		for (unsigned bit = 0; bit < ROLE_COUNT; bit++) {
			if (json_is_string(role) &&
			    !strcmp(json_string_value(role), role_names[bit]))
				roles |= 1u << bit;
		}
	}
	return roles;
}
