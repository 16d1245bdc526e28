/* SPDX-License-Identifier: MIT */
#pragma once

#include "vmm/manager/config/config.h"

/*
 * Sets where the log goes besides the store, as text or JSON lines; by default JSON goes to COM2
 * and text to COM1, which is the operator's console. A slow reader loses the oldest lines and gets
 * a line that says how many; no writer of the log waits for it.
 */
void log_export_set(enum config_export target, enum config_log_format form);
enum config_export log_export_get(void);
enum config_log_format log_export_form(void);

/* Sends as many lines of the log as the target takes now; returns whether there were any. */
bool log_export_step(void);

/* Returns the number of lines for which the target was too slow. */
u64 log_export_lost(void);
