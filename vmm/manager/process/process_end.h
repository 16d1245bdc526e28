/* SPDX-License-Identifier: MIT */
#pragma once

#include "kernel/abi/object.h"

/*
 * process_end_text() writes how a process has ended, in words that follow "died": " of a page
 * fault", " of exception 13", or ": queue" if it ended itself; "" if that is not known. Returns
 * `text`.
 */
#define PROCESS_END_BYTES 48u
const char *process_end_text(handle_t process, char text[PROCESS_END_BYTES]);
/*
 * process_died_text() writes a whole sentence, which says that `what` has died and how. Returns
 * `text`.
 */
#define PROCESS_DIED_BYTES 128u
const char *process_died_text(handle_t process, const char *what, char text[PROCESS_DIED_BYTES]);
