/* SPDX-License-Identifier: MIT */
/* Kernels of the Linux boot protocol. */
#include "tests/fuzz/fuzz.h"

#include "tests/fuzz/load.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	return fuzz_load(bytes, size);
}
