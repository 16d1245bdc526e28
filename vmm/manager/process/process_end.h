/* SPDX-License-Identifier: MIT */
#pragma once

#include "kernel/abi/object.h"

/*
 * How a process has ended, in words that go on after "died": " of a page fault",
 * " of exception 13", ": queue" where it has ended itself; "" if that is not known. Returns `text`.
 */
#define PROCESS_END_BYTES 48u
const char *process_end_text(handle_t process, char text[PROCESS_END_BYTES]);
/* The whole sentence, of `what` it was. Returns `text`. */
#define PROCESS_DIED_BYTES 128u
const char *process_died_text(handle_t process, const char *what, char text[PROCESS_DIED_BYTES]);
