/* SPDX-License-Identifier: MIT */
#pragma once

#include "gateway/proxy/rule.h"

/*
 * Sets a key of the configuration: of the rule, or of the proxy when `rule` is NULL. Returns NULL,
 * or a sentence that says what would be right.
 */
const char *config_key(struct rules *rules, struct rule *rule, const char *key, char *value);
