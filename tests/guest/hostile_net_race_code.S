/* SPDX-License-Identifier: MIT */
#include "tests/guest/smp_code.S"
