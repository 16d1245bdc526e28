/* SPDX-License-Identifier: MIT */
/* Executables with a PVH note. */
/*
 * Counted elsewhere: vmm/monitor/load/bzimage vmm/monitor/load/multiboot1
 * vmm/monitor/load/start_state.c
 */
#include "tests/fuzz/fuzz.h"

#include "tests/fuzz/load.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	return fuzz_load(bytes, size);
}
