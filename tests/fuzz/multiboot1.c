/* SPDX-License-Identifier: MIT */
/* Multiboot 1 images, flat and ELF. */
#include "tests/fuzz/fuzz.h"

#include "tests/fuzz/load.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	return fuzz_load(bytes, size);
}
