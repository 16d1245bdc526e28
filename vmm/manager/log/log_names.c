/* SPDX-License-Identifier: MIT */
/*
 * Names levels and categories of the log, and finds them by name. Called by the log's texts, by
 * options and by the log commands. Holds no state.
 */
#include "vmm/manager/log/log_names.h"

static const char level_names[LOG_LEVEL_COUNT + 1][8] = {
	[LOG_DEBUG] = "debug", [LOG_INFO] = "info",	  [LOG_WARNING] = "warning",
	[LOG_ERROR] = "error", [LOG_LEVEL_COUNT] = "off",
};

static const char category_names[LOG_CATEGORY_COUNT][8] = {
	[LOG_BOOT] = "boot",	 [LOG_CPU] = "cpu",	  [LOG_MEMORY] = "memory",
	[LOG_VIRT] = "virt",	 [LOG_SCHED] = "sched",	  [LOG_PROCESS] = "process",
	[LOG_VM] = "vm",	 [LOG_DEVICE] = "device", [LOG_CONSOLE] = "console",
	[LOG_CONFIG] = "config", [LOG_AUDIT] = "audit",
};

const char *log_level_name(u32 level)
{
	return level <= LOG_LEVEL_COUNT ? level_names[level] : "?";
}

const char *log_category_name(u32 category)
{
	return category < LOG_CATEGORY_COUNT ? category_names[category] : "?";
}

bool log_level_parse(struct text word, u32 *level)
{
	for (u32 i = 0; i <= LOG_LEVEL_COUNT; i++) {
		if (text_equal(word, level_names[i])) {
			*level = i;
			return true;
		}
	}
	return false;
}

bool log_category_parse(struct text word, enum log_category *category)
{
	for (u32 i = 0; i < LOG_CATEGORY_COUNT; i++) {
		if (text_equal(word, category_names[i])) {
			*category = (enum log_category)i;
			return true;
		}
	}
	return false;
}
