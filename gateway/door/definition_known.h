/* SPDX-License-Identifier: MIT */
#pragma once

#include <stdbool.h>
#include <stddef.h>

/*
 * Returns whether a description of a VM may have this element or attribute with this text; if not,
 * writes a sentence that names it.
 */
bool definition_known(const char *path, const char *text, char *problem, size_t size);
