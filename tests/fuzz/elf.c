/* SPDX-License-Identifier: MIT */
/* Executables with a PVH note. */
#include "tests/fuzz/fuzz.h"

#include "tests/fuzz/load.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	return fuzz_load(bytes, size);
}
