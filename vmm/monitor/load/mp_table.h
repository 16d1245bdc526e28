/* SPDX-License-Identifier: MIT */
#pragma once

#include "lib/types.h"

/* The table's facts about each processor: values of CPUID leaf 1. */
struct mp_cpu {
	u32 signature; /* EAX of CPUID leaf 1: family, model, stepping */
	u32 features;  /* EDX of CPUID leaf 1: features */
};

/*
 * Writes the floating pointer structure and the configuration table of the MultiProcessor
 * Specification 1.4 to LAYOUT_MP of the guest's RAM, which starts at `ram`, for kernels that do not
 * read ACPI tables. vcpu_count is 1 to 255; `pci` adds a PCI bus and the pins of its slots.
 */
void mp_table_write(u8 *ram, u32 vcpu_count, struct mp_cpu cpu, bool pci);
