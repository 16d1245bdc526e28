/* SPDX-License-Identifier: MIT */
#pragma once

#include "lib/types.h"

/* A guest's addresses, physical and virtual (linear), are types of their own like the host's. */
typedef struct gpa {
	u64 value;
} gpa_t;

typedef struct gva {
	u64 value;
} gva_t;

#define GPA(x) ((gpa_t){(x)})
#define GVA(x) ((gva_t){(x)})

#define GUEST_REGION_MAX 4

/* A piece of guest-physical memory and where the monitor has it mapped. */
struct guest_region {
	gpa_t gpa;
	u64 length;
	u8 *host;
};

struct guest_memory {
	struct guest_region region[GUEST_REGION_MAX];
	u32 count;
	u32 physical_bits; /* width of the guest's physical addresses, for reserved bits */
};

/* RAM of `bytes`, mapped in one piece at `host`, with the holes of load/layout.h. */
void guest_memory_init(struct guest_memory *memory, u8 *host, u64 bytes);

/* The host address of [gpa, gpa + length) when all of it lies in one region, otherwise NULL. */
u8 *guest_memory_pointer(const struct guest_memory *memory, gpa_t gpa, u64 length);

/*
 * Copy from and to guest memory; false, with nothing done, when not all of it lies in one region.
 * Aligned copies of 1, 2, 4 and 8 bytes are one access each.
 */
bool guest_memory_read(const struct guest_memory *memory, gpa_t gpa, void *buffer, u64 length);
bool guest_memory_write(const struct guest_memory *memory, gpa_t gpa, const void *buffer,
			u64 length);
