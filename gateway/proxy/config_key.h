/* SPDX-License-Identifier: MIT */
#pragma once

#include "gateway/proxy/rule.h"

/*
 * Reads a host's name of the configuration into PARSE_NAME_BYTES; a dot at its end means the same
 * without it. Returns false if it is none.
 */
bool config_key_name(char *name, const char *text, size_t length);
/*
 * Sets a key of the configuration: of the rule, or of the proxy when `rule` is NULL. Returns NULL,
 * or a sentence that says what would be right.
 */
const char *config_key(struct rules *rules, struct rule *rule, const char *key, char *value);
