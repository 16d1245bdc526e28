/* SPDX-License-Identifier: MIT */
#pragma once

/* The manager's and the driver's side of a link to a disk. Include cmocka.h before. */
#include <stdlib.h>

#include "vmm/monitor/disk/disk_client.h"

#define DISK_SECTORS 4096u

static struct link_memory *disk_memory;
static struct link_end disk_server;
static u32 disk_rings;
static UNUSED u32 disk_signals; /* how often the driver has had to signal an answer */
static u8 disk_bytes[DISK_SECTORS * BLOCK_SECTOR_BYTES];

/* what the driver does as soon as it is woken; NULL: nothing */
static UNUSED void (*disk_woken)(void);

static UNUSED void disk_ring(void *context)
{
	(void)context;
	disk_rings++;
	if (disk_woken != NULL)
		disk_woken();
}

static UNUSED struct block_about *disk_about(void)
{
	return (struct block_about *)(void *)disk_memory->about;
}

/* A driver has been started, and sees it. */
static UNUSED void disk_new_driver(void)
{
	disk_memory->generation++;
	assert_true(link_renewed(&disk_server));
}

static UNUSED void disk_make(u32 features)
{
	free(disk_memory);
	disk_memory = calloc(1, BLOCK_LINK_BYTES);
	*disk_about() = (struct block_about){
		.sectors = DISK_SECTORS,
		.block_bytes = 512,
		.features = features,
		.direct_pages = BLOCK_REQUEST_PAGES,
	};
	slot_open(&disk_server, disk_memory, LINK_SERVER);
	disk_new_driver();
	disk_rings = 0;
	disk_signals = 0;
	disk_woken = NULL;
	for (u32 i = 0; i < sizeof(disk_bytes); i++)
		disk_bytes[i] = (u8)(i / BLOCK_SECTOR_BYTES * 7 + i);
}

static UNUSED void disk_end(void)
{
	free(disk_memory);
	disk_memory = NULL;
}

static UNUSED u8 *disk_pool(const struct block_request *request)
{
	return (u8 *)disk_memory + SLOT_POOL_OFFSET + request->offset;
}

static UNUSED struct block_request disk_take(void)
{
	struct block_request request;

	assert_true(slot_take(&disk_server, &request));
	(void)!link_publish(&disk_server);
	return request;
}

static UNUSED void disk_expect_nothing(void)
{
	struct block_request request;

	assert_false(slot_take(&disk_server, &request));
}

static UNUSED void disk_answer(u64 id, u32 status)
{
	const struct block_answer answer = {.id = id, .status = status};

	assert_true(link_room(&disk_server) != 0);
	slot_put(&disk_server, &answer);
	disk_signals += link_publish(&disk_server);
}

/* Does a request as a driver with a good disk does it. */
static UNUSED void disk_do(const struct block_request *request)
{
	u8 *at = disk_bytes + request->sector * BLOCK_SECTOR_BYTES;
	u64 bytes = (u64)request->sectors * BLOCK_SECTOR_BYTES;

	assert_true(request->sector <= DISK_SECTORS &&
		    request->sectors <= DISK_SECTORS - request->sector);
	if (request->operation == BLOCK_READ || request->operation == BLOCK_WRITE)
		assert_true(bytes != 0 && bytes <= BLOCK_REQUEST_BYTES &&
			    request->offset % PAGE_SIZE == 0 &&
			    request->offset <= BLOCK_POOL_BYTES - bytes);
	if (request->operation == BLOCK_READ)
		memcpy(disk_pool(request), at, bytes);
	else if (request->operation == BLOCK_WRITE)
		memcpy(at, disk_pool(request), bytes);
	else if (request->operation != BLOCK_FLUSH)
		memset(at, 0, bytes);
	disk_answer(request->id, BLOCK_OK);
}

/* Returns how many there were. */
static UNUSED u32 disk_do_all(void)
{
	struct block_request request;
	u32 count = 0;

	for (; slot_take(&disk_server, &request); count++)
		disk_do(&request);
	(void)!link_publish(&disk_server);
	return count;
}
