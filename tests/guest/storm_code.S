/* SPDX-License-Identifier: MIT */
/* The start code of the other CPUs in storm.c, which is that of smp.c. */
#include "tests/guest/smp_code.S"
