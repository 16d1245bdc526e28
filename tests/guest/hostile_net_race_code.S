/* SPDX-License-Identifier: MIT */
/* The start code of the other CPUs in hostile_net_race.c, which is that of smp.c. */
#include "tests/guest/smp_code.S"
