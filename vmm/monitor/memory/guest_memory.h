/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * A guest's physical memory as the monitor reaches it: by checked addresses, with words read and
 * written once.
 */
#include "lib/types.h"

/* A guest's physical and virtual (linear) addresses have types of their own, as the host's have. */
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
	struct guest_region rom; /* memory that the guest can only read; empty: there is none */
	/*
	 * where the monitor has the RAM's first byte mapped; NULL: the RAM is not mapped as one
	 * piece
	 */
	u8 *host;
	/*
	 * width of the guest's physical addresses in bits: higher bits of page-table entries are
	 * reserved
	 */
	u32 physical_bits;
};

/*
 * Describes a guest's RAM of `bytes` bytes, mapped in one piece at `host`, with the holes of
 * load/layout.h.
 */
void guest_memory_init(struct guest_memory *memory, u8 *host, u64 bytes);

/*
 * Returns the host address of [gpa, gpa + length) if all of it lies in one region, otherwise NULL.
 */
u8 *guest_memory_pointer(const struct guest_memory *memory, gpa_t gpa, u64 length);

/*
 * Does the same as guest_memory_pointer, inline for memory that most likely lies in the region
 * `near`. A caller that looks up much has a copy of the region, which then stays in registers.
 */
static ALWAYS_INLINE u8 *guest_region_near(const struct guest_region *near,
					   const struct guest_memory *memory, gpa_t gpa, u64 length)
{
	u64 offset = gpa.value - near->gpa.value;

	if (likely(offset < near->length && length <= near->length - offset))
		return near->host + offset;
	return guest_memory_pointer(memory, gpa, length);
}

/* Does the same for memory that most likely lies in the first region. */
static ALWAYS_INLINE u8 *guest_memory_near(const struct guest_memory *memory, gpa_t gpa, u64 length)
{
	return guest_region_near(&memory->region[0], memory, gpa, length);
}

/*
 * Copy from and to guest memory. They return false, with nothing done, if not all of it lies in one
 * region. Aligned copies of 1, 2, 4 and 8 bytes are one access each.
 */
bool guest_memory_read(const struct guest_memory *memory, gpa_t gpa, void *buffer, u64 length);
bool guest_memory_write(const struct guest_memory *memory, gpa_t gpa, const void *buffer,
			u64 length);

/*
 * Words of memory that the guest may write to at any time: each is accessed once, aligned or not.
 */
struct guest_u16 {
	u16 value;
} __attribute__((packed, may_alias));
struct guest_u32 {
	u32 value;
} __attribute__((packed, may_alias));
struct guest_u64 {
	u64 value;
} __attribute__((packed, may_alias));

/*
 * Copy words of guest memory of a constant length (2, 4, 8, 12 or 16 bytes) to a buffer, or from
 * it.
 */
static ALWAYS_INLINE void guest_words_read(const u8 *guest, void *buffer, u64 length)
{
	u8 *to = buffer;

	if (length >= 16) {
		((struct guest_u64 *)to)->value = ((const volatile struct guest_u64 *)guest)->value;
		length -= 8, guest += 8, to += 8;
	}
	if (length >= 8) {
		((struct guest_u64 *)to)->value = ((const volatile struct guest_u64 *)guest)->value;
		length -= 8, guest += 8, to += 8;
	}
	if (length == 4)
		((struct guest_u32 *)to)->value = ((const volatile struct guest_u32 *)guest)->value;
	if (length == 2)
		((struct guest_u16 *)to)->value = ((const volatile struct guest_u16 *)guest)->value;
}

static ALWAYS_INLINE void guest_words_write(u8 *guest, const void *buffer, u64 length)
{
	const u8 *from = buffer;

	for (; length >= 8; length -= 8, guest += 8, from += 8)
		((volatile struct guest_u64 *)guest)->value =
			((const struct guest_u64 *)from)->value;
	if (length == 4)
		((volatile struct guest_u32 *)guest)->value =
			((const struct guest_u32 *)from)->value;
	if (length == 2)
		((volatile struct guest_u16 *)guest)->value =
			((const struct guest_u16 *)from)->value;
}

/*
 * Do the same as guest_memory_read and guest_memory_write, for a constant length of
 * guest_words_read.
 */
static ALWAYS_INLINE bool guest_memory_fetch(const struct guest_memory *memory, gpa_t gpa,
					     void *buffer, u64 length)
{
	const u8 *guest = guest_memory_near(memory, gpa, length);

	if (unlikely(guest == NULL))
		return false;
	guest_words_read(guest, buffer, length);
	return true;
}

static ALWAYS_INLINE bool guest_memory_store(const struct guest_memory *memory, gpa_t gpa,
					     const void *buffer, u64 length)
{
	u8 *guest = guest_memory_near(memory, gpa, length);

	if (unlikely(guest == NULL))
		return false;
	guest_words_write(guest, buffer, length);
	return true;
}
