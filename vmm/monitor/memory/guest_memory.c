/* SPDX-License-Identifier: MIT */
/*
 * Accesses a guest's RAM by guest-physical address with bounds. Called by devices, loaders and the
 * emulator; touches RAM that the guest's CPUs may change at any time.
 */
#include "vmm/monitor/memory/guest_memory.h"
#include "lib/string.h"
#include "vmm/monitor/memory/layout.h"

/*
 * Adds a region: bytes [start, end) of the RAM object, as far as the RAM reaches, are guest memory
 * from address `gpa` on.
 */
static void guest_memory_add_region(struct guest_memory *memory, u64 gpa, u8 *host, u64 start,
				    u64 end, u64 bytes)
{
	end = MIN(end, bytes);
	if (start < end)
		memory->region[memory->count++] = (struct guest_region){
			.gpa = GPA(gpa), .length = end - start, .host = host + start};
}

void guest_memory_init(struct guest_memory *memory, u8 *host, u64 bytes)
{
	*memory = (struct guest_memory){.host = host, .physical_bits = 52};
	guest_memory_add_region(memory, LAYOUT_VGA_END, host, LAYOUT_VGA_END, LAYOUT_LOW_END,
				bytes);
	guest_memory_add_region(memory, LAYOUT_ABOVE_4G, host, LAYOUT_LOW_END, bytes, bytes);
	guest_memory_add_region(memory, 0, host, 0, LAYOUT_VGA, bytes);
}

static u8 *guest_region_pointer(const struct guest_region *region, gpa_t gpa, u64 length)
{
	u64 offset = gpa.value - region->gpa.value;

	/* An address below the region makes `offset` wrap past its length. */
	return offset < region->length && length <= region->length - offset ? region->host + offset
									    : NULL;
}

u8 *guest_memory_pointer(const struct guest_memory *memory, gpa_t gpa, u64 length)
{
	for (u32 i = 0; i < memory->count; i++) {
		const struct guest_region *region = &memory->region[i];
		u64 offset = gpa.value - region->gpa.value;

		/* An address below the region makes `offset` wrap past its length. */
		if (offset < region->length && length <= region->length - offset)
			return region->host + offset;
	}
	return NULL;
}

/*
 * Copies memory. A builtin copy of constant size is one load and one store on x86, on which guests
 * rely for shared words.
 */
static void guest_memory_copy(void *to, const void *from, u64 length)
{
	switch (length) {
	case 2:
		__builtin_memcpy(to, from, 2);
		break;
	case 4:
		__builtin_memcpy(to, from, 4);
		break;
	case 8:
		__builtin_memcpy(to, from, 8);
		break;
	default:
		memcpy(to, from, length);
		break;
	}
}

bool guest_memory_read(const struct guest_memory *memory, gpa_t gpa, void *buffer, u64 length)
{
	const u8 *guest = guest_memory_pointer(memory, gpa, length);

	if (guest == NULL)
		guest = guest_region_pointer(&memory->rom, gpa, length);
	if (guest == NULL)
		return false;
	guest_memory_copy(buffer, guest, length);
	return true;
}

bool guest_memory_write(const struct guest_memory *memory, gpa_t gpa, const void *buffer,
			u64 length)
{
	u8 *guest = guest_memory_pointer(memory, gpa, length);

	if (guest == NULL)
		return false;
	guest_memory_copy(guest, buffer, length);
	return true;
}
