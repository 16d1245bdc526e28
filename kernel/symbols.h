/* SPDX-License-Identifier: MIT */
#pragma once

#include "lib/types.h"

/* The symbol of the kernel that an address lies in, and how far behind its start; NULL: none. */
const char *symbol_name(u64 address, u64 *distance);
