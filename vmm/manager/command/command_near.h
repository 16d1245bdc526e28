/* SPDX-License-Identifier: MIT */
#pragma once

#include "lib/types.h"

/* The command whose name is typed nearly like that, one or two words; NULL: none is. */
const char *command_near(const char *first, const char *second);
