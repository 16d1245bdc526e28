/* SPDX-License-Identifier: MIT */
/*
 * The compiler includes this file before every source: -fvisibility does not apply to extern
 * declarations, and accesses to such symbols would go through a GOT, which is unusable before
 * relocation.
 */
#pragma GCC visibility push(hidden)
