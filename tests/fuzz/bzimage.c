/* SPDX-License-Identifier: MIT */
/* Kernels with the Linux boot protocol. */
/*
 * Counted elsewhere: vmm/monitor/load/elf vmm/monitor/load/multiboot1
 * vmm/monitor/load/start_state.c
 */
#include "tests/fuzz/fuzz.h"

#include "tests/fuzz/load.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	return fuzz_load(bytes, size);
}
