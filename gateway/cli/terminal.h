/* SPDX-License-Identifier: MIT */
#pragma once

#include <stdbool.h>

/*
 * Makes the terminal on stdin hand on each key as it is pressed, and show none by itself, until
 * terminal_restore() or the program's end. Returns false, and changes nothing, if stdin is none.
 */
bool terminal_raw(void);
void terminal_restore(void);
/* Returns whether the terminal is as terminal_raw() has made it. */
bool terminal_is_raw(void);
/* Finds the size of the terminal on stdin, or else 24 rows of 80 columns. */
void terminal_size(unsigned *rows, unsigned *columns);
