/* SPDX-License-Identifier: MIT */
#pragma once

#include "vmm/manager/text/text.h"

/*
 * Read a number, or a size or time with a unit, as people write it. The whole text must be the
 * number: they return false otherwise, and if it does not fit into 64 bits.
 */
bool parse_u64(struct text text, u64 *value);	    /* 12, 0x1f */
bool parse_size(struct text text, u64 *bytes);	    /* 4096, 64K, 128M, 2G, 1T */
bool parse_duration(struct text text, u64 *ns);	    /* 10ns, 5us, 2ms, 30s, 5m, 24h, 7d */
bool parse_percent(struct text text, u64 *percent); /* 50% */
