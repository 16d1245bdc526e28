/* SPDX-License-Identifier: MIT */
#pragma once

#include "vmm/manager/log/log_store.h"

/*
 * Takes a line into a chain: its new value is SHA-256 of the old one, which is all zero before the
 * first line, followed by "SEQUENCE TIME_NS LEVEL VM TEXT". Who keeps the lines elsewhere sees by
 * it that one was changed, left out or put in between.
 */
void log_chain_add(u8 chain[LOG_CHAIN_BYTES], const struct log_line *line);
