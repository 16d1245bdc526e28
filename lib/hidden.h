/* SPDX-License-Identifier: MIT */
/*
 * Included by the compiler before every file: -fvisibility does not apply to extern declarations,
 * and accesses to such symbols would go through a GOT, which is unusable before relocation.
 */
#pragma GCC visibility push(hidden)
