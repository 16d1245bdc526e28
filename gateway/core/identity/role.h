/* SPDX-License-Identifier: MIT */
#pragma once

#include <jansson.h>

#include "gateway/core/identity/identity.h"

/* The number of roles; the order of their names is that of their bits. */
enum { ROLE_COUNT = 8 };
extern const char *const role_names[ROLE_COUNT];

/* Returns the roles with those that they contain: an operator is a viewer, and so on. */
unsigned role_imply(unsigned roles);

/* Returns the list of the roles' names, a new reference. */
json_t *role_json(unsigned roles);

/* Returns the roles of a list of names; a word that is no role counts for nothing. */
unsigned role_of_json(const json_t *list);
