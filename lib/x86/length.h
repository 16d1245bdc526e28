/* SPDX-License-Identifier: MIT */
#pragma once

#include "lib/x86/prefix.h"

/*
 * The length of an instruction that has made a guest exit, for CPUs that do not tell: CPUID, RDMSR,
 * WRMSR, RDTSC(P), RDPMC, HLT, PAUSE, INVD, WBINVD, XSETBV, MONITOR, MWAIT, VMCALL, VMMCALL, with
 * any prefixes. Returns 0 for everything else and for incomplete bytes.
 */
size_t x86_length_of_exit(const u8 *bytes, size_t available, enum x86_mode mode);
