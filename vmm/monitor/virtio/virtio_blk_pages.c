/* SPDX-License-Identifier: MIT */
/*
 * Finds the data of a request in RAM: its segments as a chain, and its pages for direct access
 * (DMA) by the host's disk controller. Called by virtio_blk_request.c; reads the guest's
 * descriptors as already copied.
 */
#include "vmm/monitor/virtio/virtio_blk_pages.h"

#include "lib/bits.h"
#include "vmm/monitor/virtio/virtio_blk_request.h"

void blk_load_chain(const struct blk_request *request, struct virtio_chain *chain)
{
	chain->head = request->head;
	chain->readable_count = request->readable_count;
	chain->count = request->segment_count;
	chain->front = NULL;
	chain->readable_bytes = 0;
	chain->writable_bytes = 0;
	for (u32 i = 0; i < chain->count; i++) {
		chain->segment[i] = request->segment[i];
		if (i < chain->readable_count)
			chain->readable_bytes += request->segment[i].bytes;
		else
			chain->writable_bytes += request->segment[i].bytes;
	}
}

/* A position in the data of a request's segments, which moves on as pages are found. */
struct blk_place {
	u32 segment;
	/* the number behind the last segment with data: those to be read or those to be written */
	u32 end;
	u64 offset;
};

static void blk_skip(const struct blk_request *request, struct blk_place *place, u64 bytes)
{
	place->offset += bytes;
	while (place->segment < place->end &&
	       place->offset >= request->segment[place->segment].bytes) {
		place->offset -= request->segment[place->segment].bytes;
		place->segment++;
	}
}

static struct blk_place blk_data_at(const struct blk_protocol *protocol,
				    const struct blk_request *request)
{
	bool reads = request->operation == BLOCK_READ;
	struct blk_place place = {
		.segment = reads ? request->readable_count : 0,
		.end = reads ? request->segment_count : request->readable_count,
	};

	blk_skip(request, &place,
		 (reads ? protocol->answer_bytes : protocol->header_bytes) +
			 (u64)request->done * BLOCK_SECTOR_BYTES);
	return place;
}

/*
 * Returns where the `bytes` bytes at `place` lie in RAM; NULL if they are not in one segment and at
 * a page's start.
 */
static u8 *blk_find_page(const struct guest_memory *memory, const struct blk_request *request,
			 const struct blk_place *place, u32 bytes)
{
	const struct virtio_segment *segment;
	gpa_t gpa;

	if (place->segment == place->end)
		return NULL;
	segment = &request->segment[place->segment];
	gpa = GPA(segment->gpa.value + place->offset);
	if (segment->bytes - place->offset < bytes || gpa.value % PAGE_SIZE != 0)
		return NULL;
	return guest_memory_near(memory, gpa, bytes);
}

bool blk_find_pages(const struct virtio_blk *blk, const struct blk_request *request, u32 bytes,
		    u32 *page)
{
	const struct guest_memory *memory = blk->device->memory;
	struct blk_place place = blk_data_at(blk->protocol, request);

	if (memory->host == NULL)
		return false;
	for (u32 done = 0, i = 0; done < bytes; i++) {
		u32 part = MIN(bytes - done, (u32)PAGE_SIZE);
		u8 *found = blk_find_page(memory, request, &place, part);

		if (found == NULL)
			return false;
		/*
		 * The access makes the page present, as part of the guest's RAM, before the driver
		 * looks for it.
		 */
		(void)*(const volatile u8 *)found;
		page[i] = (u32)((u64)(found - memory->host) / PAGE_SIZE);
		blk_skip(request, &place, part);
		done += part;
	}
	return true;
}
