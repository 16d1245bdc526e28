/* SPDX-License-Identifier: MIT */
#pragma once

#include <jansson.h>

/* JSON schemas of the routes' request and answer bodies, by the names in the table of routes. */
struct schema {
	const char *name, *text;
};

/* The list of schemas, which ends with a name of NULL. */
extern const struct schema schema_list[];

/* Returns the schema of `config`, VmConfig, as a new reference. */
json_t *schema_config(void);
/* Returns the word that tells Skerry that a VM is to have nothing for that key of `config`. */
const char *schema_config_none(const char *key);
