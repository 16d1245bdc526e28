/* SPDX-License-Identifier: MIT */
#pragma once

#include "gateway/proxy/rule.h"

/*
 * Reads the configuration, the keys and certificates that it names, and this computer's own
 * networks. Returns the rules, which the caller frees with rule_free(); or NULL, after a sentence
 * on stderr that says what is wrong and what would be right.
 */
struct rules *config_read(const char *path);
/* Reads the name servers from the rules' file of them; without such a file there are none. */
void config_resolvers(struct rules *rules);
