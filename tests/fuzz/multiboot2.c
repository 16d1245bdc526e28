/* SPDX-License-Identifier: MIT */
/* What GRUB leaves in memory: byte 0 of the input is the information's address, the rest memory. */
#include "tests/fuzz/fuzz.h"

#include "boot/multiboot2.c"
#include "boot/parse.c"
#include "boot/regions.c"
#include "tests/fuzz/boot.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	return fuzz_boot(bytes, size, multiboot2_parse);
}
