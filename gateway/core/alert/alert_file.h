/* SPDX-License-Identifier: MIT */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "gateway/core/alert/alert_rule.h"

/*
 * Functions for the files alerts.json, with the rules, and alerts-firing.json, with the firing
 * alerts. Each reading function calls `take` for every entry, and returns false, after a sentence
 * on stderr, if the file is damaged.
 */
bool alert_file_read_rules(bool (*take)(const struct alert_rule *rule));
bool alert_file_write_rules(void);
void alert_file_read_firing(void (*take)(const char *name, const char *what, int64_t since,
					 double value));
bool alert_file_write_firing(void);
