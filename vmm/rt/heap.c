/* SPDX-License-Identifier: MIT */
/*
 * * A process's heap (heap.h). No program uses it at present. Owns one memory object, whose pages
 * the kernel populates at first touch. Not for use by several threads at once.
 */
#include "vmm/rt/heap.h"
#include "lib/bits.h"
#include "lib/string.h"
#include "vmm/rt/memory.h"
#include "vmm/rt/start.h"

#define HEAP_GROW_BYTES (128 * KIB)
#define CLASS_MIN	5 /* 32 bytes */
#define CLASS_COUNT	25

/* Precedes each block; while the block is free, `next` links it in its class's list. */
struct header {
	u32 class;
	u32 magic;
	struct header *next;
};
_Static_assert(sizeof(struct header) == 16, "blocks stay 16-byte aligned");

#define HEADER_USED 0x55534544u
#define HEADER_FREE 0x46524545u

static struct header *free_list[CLASS_COUNT];
static u8 *chunk;
static size_t chunk_left;
static size_t used_bytes;

static bool heap_grow(size_t bytes)
{
	u64 address;

	bytes = MAX(align_up(bytes, PAGE_SIZE), HEAP_GROW_BYTES);
	if (memory_map(bytes, &address) != STATUS_OK)
		return false;
	chunk = (u8 *)address;
	chunk_left = bytes;
	return true;
}

static struct header *heap_carve(u32 class)
{
	size_t bytes = (size_t)1 << class;
	struct header *header;

	if (chunk_left < bytes && !heap_grow(bytes))
		return NULL;
	header = (struct header *)chunk;
	header->class = class;
	chunk += bytes;
	chunk_left -= bytes;
	return header;
}

void *heap_alloc(size_t bytes)
{
	size_t whole = MAX(bytes + sizeof(struct header), (size_t)1 << CLASS_MIN);
	u32 class = bit_highest(whole - 1) + 1;
	struct header *header;

	if (bytes > GIB || class >= CLASS_COUNT + CLASS_MIN)
		return NULL;
	header = free_list[class - CLASS_MIN];
	if (header != NULL)
		free_list[class - CLASS_MIN] = header->next;
	else
		header = heap_carve(class);
	if (header == NULL)
		return NULL;
	header->magic = HEADER_USED;
	used_bytes += (size_t)1 << class;
	return memset(header + 1, 0, bytes);
}

void heap_free(void *block)
{
	struct header *header;

	if (block == NULL)
		return;
	header = (struct header *)block - 1;
	if (header->magic != HEADER_USED)
		rt_fail("bad free");
	header->magic = HEADER_FREE;
	header->next = free_list[header->class - CLASS_MIN];
	free_list[header->class - CLASS_MIN] = header;
	used_bytes -= (size_t)1 << header->class;
}

size_t heap_used(void)
{
	return used_bytes;
}
