/* SPDX-License-Identifier: MIT */
#pragma once

#include "kernel/abi/log.h"
#include "vmm/manager/text/text.h"

#define LOG_LEVEL_WORDS	   "debug info warning error off"
#define LOG_CATEGORY_WORDS "boot cpu memory virt sched process vm device console config audit"

/* Return a name, never NULL: "?" for a number out of range. */
const char *log_level_name(u32 level);
const char *log_category_name(u32 category);
/* Find the number of a level or category by its name; the level "off" is LOG_LEVEL_COUNT. */
bool log_level_parse(struct text word, u32 *level);
bool log_category_parse(struct text word, enum log_category *category);
