/* SPDX-License-Identifier: MIT */
#pragma once

#include "lib/types.h"

/*
 * Returns the command whose name is closest to the one or two typed words, or NULL if none is
 * close.
 */
const char *command_near(const char *first, const char *second);
