/* SPDX-License-Identifier: MIT */
#pragma once

#include <stdbool.h>

/* Returns whether the VM's name fits the pattern. */
bool scope_has(const char *scope, const char *vm);

/* Returns whether every name that fits `inner` certainly fits `outer`, too. */
bool scope_within(const char *inner, const char *outer);

/* Returns whether `scope` is a name of at most 63 characters, in which * and ? may stand. */
bool scope_valid(const char *scope);
