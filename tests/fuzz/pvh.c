/* SPDX-License-Identifier: MIT */
/* What QEMU's -kernel leaves in memory: hvm_start_info and its lists. */
/* Counted elsewhere: boot/regions.c */
#include "tests/fuzz/fuzz.h"

#include "boot/parse.c"
#include "boot/pvh.c"
#include "boot/regions.c"
#include "tests/fuzz/boot.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	return fuzz_boot(bytes, size, pvh_parse);
}
