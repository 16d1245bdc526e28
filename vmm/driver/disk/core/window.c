/* SPDX-License-Identifier: MIT */
/*
 * Maps a client's RAM for the device (DMA) and translates the pages of direct requests. Called by
 * client.c. Owns the state of the client's window, whose address range the manager has mapped in
 * the DMA space; populates that range by system calls.
 */
#include "vmm/driver/disk/core/window.h"

#include "lib/bits.h"
#include "lib/string.h"
#include "vmm/rt/start.h"
#include "vmm/rt/syscall.h"

void window_change(struct window *window, const struct disk_client_part *part)
{
	*window = (struct window){
		.number = part->window,
		.at = part->window_at,
		.pages = MIN(part->window_pages, WINDOW_CHUNKS * WINDOW_CHUNK_PAGES),
	};
}

void window_close(struct window *window)
{
	window->number = 0;
}

/*
 * Populates a whole chunk of the client's RAM, as `populated` has one bit for it. Returns false if
 * there is no memory for page tables.
 */
static bool window_populate(const struct window *window, u64 chunk)
{
	handle_t space = start_handle(START_DMA_SPACE);
	u64 page = chunk * WINDOW_CHUNK_PAGES;
	u64 end = MIN(page + WINDOW_CHUNK_PAGES, window->pages);

	while (page < end) {
		u64 bytes = 0;
		/* pages with write access serve requests of both directions */
		enum status status = sys_space_populate(space, window->at + page * PAGE_SIZE,
							RIGHT_WRITE, &bytes);

		if (status == STATUS_AGAIN)
			continue;
		if (status != STATUS_OK || bytes < PAGE_SIZE)
			return false;
		page += bytes / PAGE_SIZE;
	}
	return true;
}

static bool window_is_there(const struct window *window, u32 page)
{
	u32 chunk = page / WINDOW_CHUNK_PAGES;

	return (window->populated[chunk / 64] >> chunk % 64 & 1) != 0;
}

/* Has all pages of a checked request populated. Returns false if there is no memory for that. */
static NOINLINE bool window_populate_all(struct window *window, const struct block_request *request,
					 u32 count)
{
	for (u32 i = 0; i < count; i++) {
		u32 chunk = request->page[i] / WINDOW_CHUNK_PAGES;

		if (window_is_there(window, request->page[i]))
			continue;
		if (!window_populate(window, chunk))
			return false;
		window->populated[chunk / 64] |= BIT(chunk % 64);
	}
	return true;
}

static u32 window_pages_of(const struct block_request *request)
{
	return (u32)(((u64)request->sectors * BLOCK_SECTOR_BYTES + PAGE_SIZE - 1) / PAGE_SIZE);
}

enum block_status window_check(struct window *window, const struct block_request *request)
{
	u32 count = window_pages_of(request);
	bool there = true;

	if (window->number == 0 || request->window != window->number)
		return BLOCK_COPY;
	for (u32 i = 0; i < count; i++) {
		if (request->page[i] >= window->pages)
			return BLOCK_REFUSED;
		there &= window_is_there(window, request->page[i]);
	}
	return likely(there) || window_populate_all(window, request, count) ? BLOCK_OK : BLOCK_COPY;
}

void window_addresses(const struct window *window, const struct block_request *request,
		      u64 *address)
{
	u32 count = window_pages_of(request);

	for (u32 i = 0; i < count; i++)
		address[i] = window->at + (u64)request->page[i] * PAGE_SIZE;
}
