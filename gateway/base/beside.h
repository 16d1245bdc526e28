/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * Begins a process that core has started: it ends with core, leaves the signals of a terminal and
 * of lost connections alone, has that name in lists of processes, and shows its memory, in which
 * keys and tokens are, to no other process of its user's and to no core file.
 */
void beside_begin(const char *name);
