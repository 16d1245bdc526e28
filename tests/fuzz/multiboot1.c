/* SPDX-License-Identifier: MIT */
/*
 * Fuzzes the loader of Multiboot 1 images, flat and ELF: no file makes it write outside the guest's
 * RAM.
 */
/*
 * Counted elsewhere: vmm/monitor/load/bzimage vmm/monitor/load/elf_pvh
 * vmm/monitor/load/start_state.c
 */
#include "tests/fuzz/fuzz.h"

#include "tests/fuzz/load.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	return fuzz_load(bytes, size);
}
