/* SPDX-License-Identifier: MIT */
/*
 * Included by the compiler before every file: -fvisibility says nothing about what is declared
 * only, and would leave accesses to it going through a GOT, which is of no use before relocation.
 */
#pragma GCC visibility push(hidden)
