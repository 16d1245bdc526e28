/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * Begins a process that core has started: it ends with core, leaves the signals of a terminal and
 * of lost connections alone, and has that name in lists of processes.
 */
void beside_begin(const char *name);
