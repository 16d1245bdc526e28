/* SPDX-License-Identifier: MIT */
#pragma once

#include <stdbool.h>

/*
 * Forbids the system calls that no process of this program ever makes: debugging, mounting,
 * modules, clocks, other name spaces. Processes that it starts inherit that, and have lists of
 * their own besides. Returns false if the filter could not be set.
 */
bool sandbox_forbid(void);
