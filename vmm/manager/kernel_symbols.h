/* SPDX-License-Identifier: MIT */
#pragma once

#include "lib/symbols.h"

/* The kernel's table, mapped when it is first asked for; NULL: there is none. */
const struct symbol_table *kernel_symbols(void);
