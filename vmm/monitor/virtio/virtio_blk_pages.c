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
 * Writes the numbers of the pages from `found` on that have `bytes` bytes of data. Returns the
 * place behind the last number.
 */
static ALWAYS_INLINE u32 *blk_put_pages(const u8 *found, u64 number, u64 bytes, u32 *page)
{
	for (u64 at = 0; at < bytes; at += PAGE_SIZE) {
		/*
		 * The access makes the page present, as part of the guest's RAM, before the driver
		 * looks for it.
		 */
		(void)*(const volatile u8 *)(found + at);
		*page++ = (u32)number++;
	}
	return page;
}

bool blk_find_pages(const struct virtio_blk *blk, const struct blk_request *request, u64 bytes,
		    u32 *page)
{
	const struct guest_memory *memory = blk->device->memory;
	const struct guest_region near = memory->region[0];
	const u8 *ram = memory->host;
	struct blk_place place = blk_data_at(blk->protocol, request);
	const struct virtio_segment *segment = &request->segment[place.segment];
	const struct virtio_segment *end = &request->segment[place.end];

	if (ram == NULL)
		return false;
	for (u64 offset = place.offset; segment != end; segment++, offset = 0) {
		u64 at = segment->gpa.value + offset;
		u64 part = MIN(segment->bytes - offset, bytes);
		const u8 *found = guest_region_near(&near, memory, GPA(at), part);

		/* each part begins at a page's start, and ends at a page's end, but for the last */
		if (found == NULL || at % PAGE_SIZE != 0 ||
		    (part % PAGE_SIZE != 0 && part != bytes))
			return false;
		page = blk_put_pages(found, (u64)(found - ram) / PAGE_SIZE, part, page);
		bytes -= part;
		if (bytes == 0)
			return true;
	}
	return false;
}
