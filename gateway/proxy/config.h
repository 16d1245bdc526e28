/* SPDX-License-Identifier: MIT */
#pragma once

#include "gateway/proxy/rule.h"

/*
 * Reads the configuration, the keys and certificates that it names, and this computer's own
 * networks. Returns the rules, which the caller frees with rule_free(); or NULL, after a sentence
 * on stderr that says what is wrong and what would be right.
 */
struct rules *config_read(const char *path);
/*
 * Reads the name servers from the rules' file of them, which is a regular file of up to 1024 lines;
 * without such a file there are none.
 */
void config_resolvers(struct rules *rules);
/* Looks at this machine's own networks again. Returns whether they have changed. */
bool config_networks(struct rules *rules);
