/* SPDX-License-Identifier: MIT */
#pragma once

#include "lib/types.h"

/*
 * A process's heap: blocks of powers of two from 32 bytes, each size with its free list, carved
 * from one memory object that is populated at first touch. Blocks are zeroed; NULL: it is full.
 */
void *heap_alloc(size_t bytes);
void heap_free(void *block);
/* Returns the bytes allocated and not yet freed, rounded up to block sizes. */
size_t heap_used(void);
