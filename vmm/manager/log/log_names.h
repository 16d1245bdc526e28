/* SPDX-License-Identifier: MIT */
#pragma once

#include "kernel/abi/log.h"
#include "vmm/manager/text/text.h"

#define LOG_LEVEL_WORDS "debug info warning error off"
#define LOG_CATEGORY_WORDS \
	"boot cpu memory virt sched process vm device console config audit"

/* Never NULL; numbers out of range give "?". */
const char *log_level_name(u32 level);
const char *log_category_name(u32 category);
/* "off" gives LOG_LEVEL_COUNT. */
bool log_level_parse(struct text word, u32 *level);
bool log_category_parse(struct text word, enum log_category *category);
