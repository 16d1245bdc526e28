/* SPDX-License-Identifier: MIT */
#pragma once

#include "vmm/manager/log/log_store.h"

/*
 * Adds a line to a chain: the new value is SHA-256 of the old one, which is all zero before the
 * first line, followed by "SEQUENCE TIME_NS LEVEL VM TEXT". A reader who keeps the lines elsewhere
 * can tell that one was changed, left out or inserted.
 */
void log_chain_add(u8 chain[LOG_CHAIN_BYTES], const struct log_line *line);
