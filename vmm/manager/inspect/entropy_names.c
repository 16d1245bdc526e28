/* SPDX-License-Identifier: MIT */
/* Names the sources of the kernel's entropy. Called by setup.c and `cpu`; holds no state. */
#include "vmm/manager/inspect/entropy_names.h"
#include "kernel/abi/pages.h"
#include "vmm/rt/format.h"

void entropy_names(u64 sources, char *text, size_t size)
{
	format(text, size, "%s%s%s%s", sources & ENTROPY_RDSEED ? "rdseed " : "",
	       sources & ENTROPY_RDRAND ? "rdrand " : "",
	       sources & ENTROPY_TSC_JITTER ? "tsc " : "",
	       sources & ENTROPY_LOADER ? "loader" : "");
}

bool entropy_is_weak(u64 sources)
{
	return (sources & (ENTROPY_RDSEED | ENTROPY_RDRAND)) == 0;
}
