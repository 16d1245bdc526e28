/* SPDX-License-Identifier: MIT */
#pragma once

#include <stdbool.h>

/*
 * Makes the terminal on stdin pass on each key as it is pressed, without showing it, until
 * terminal_restore() or the program's end. Returns false, without effect, if stdin is no terminal.
 */
bool terminal_raw(void);
void terminal_restore(void);
/* Returns whether the terminal is as terminal_raw() has made it. */
bool terminal_is_raw(void);
/* Finds the size of the terminal on stdin; without one, 24 rows of 80 columns. */
void terminal_size(unsigned *rows, unsigned *columns);
