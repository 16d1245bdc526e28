/* SPDX-License-Identifier: MIT */
/*
 * Makes lists of the addresses under which a device finds memory. Called by driver_build.c and
 * driver_link.c. Populates pages, and maps them into the device's space if it has one.
 */
#include "vmm/manager/driver/dma_pages.h"

#include "lib/bits.h"
#include "vmm/rt/start.h"
#include "vmm/rt/syscall.h"

static enum status dma_pages_fill_window(u64 *address, const struct dma_window *window,
					 handle_t memory, u64 offset, u64 bytes)
{
	u64 ignored;
	enum status status = sys_space_map(window->space, window->at, memory, offset, bytes,
					   RIGHT_READ | RIGHT_WRITE, &ignored);

	for (u64 at = 0; at < bytes && status == STATUS_OK; at += PAGE_SIZE) {
		address[at / PAGE_SIZE] = window->at + at;
		status = sys_space_populate(window->space, window->at + at, RIGHT_WRITE, &ignored);
	}
	return status;
}

static enum status dma_pages_fill(u64 *address, handle_t memory, u64 offset, u64 bytes)
{
	enum status status = STATUS_OK;

	for (u64 at = 0; at < bytes && status == STATUS_OK; at += PAGE_SIZE)
		status = sys_memory_address(start_handle(START_ROOT), memory, offset + at,
					    &address[at / PAGE_SIZE]);
	return status;
}

enum status dma_pages_make(handle_t group, const struct dma_window *window, handle_t memory,
			   u64 offset, u64 bytes, handle_t *pages)
{
	u64 list_bytes = align_up(bytes / PAGE_SIZE * sizeof(u64), PAGE_SIZE);
	enum status status = sys_memory_create(group, list_bytes, 0, pages);
	u64 at = 0;

	if (status != STATUS_OK)
		return status;
	status = sys_space_map(start_handle(START_SPACE), 0, *pages, 0, list_bytes,
			       RIGHT_READ | RIGHT_WRITE, &at);
	if (status != STATUS_OK)
		return status;
	status =
		window->space != HANDLE_NONE
			? dma_pages_fill_window((u64 *)(uintptr_t)at, window, memory, offset, bytes)
			: dma_pages_fill((u64 *)(uintptr_t)at, memory, offset, bytes);
	sys_space_unmap(start_handle(START_SPACE), at, list_bytes);
	return status;
}
