/* SPDX-License-Identifier: MIT */
/*
 * Fuzzes the loader of executables with a PVH note: no file makes it write outside the guest's RAM.
 */
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
