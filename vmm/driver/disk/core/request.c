/* SPDX-License-Identifier: MIT */
/*
 * The table of requests with the device. A client and its layers take requests from it on the way
 * to the device; the device's driver ends them here, and `done` of the request is called. Owns the
 * requests; knows neither clients nor layers nor the device.
 */
#include "vmm/driver/disk/core/request.h"

#include <stddef.h>

#include "lib/bits.h"

static struct driver_channel *channel;
static struct driver_request requests[DISK_UNIT_MAX][DRIVER_DEPTH];
static u64 request_set[DISK_UNIT_MAX];	 /* the busy requests of each disk, a bit for each */
static u32 request_count[DISK_UNIT_MAX]; /* the number of busy requests of each disk */
static u32 request_sum;			 /* the number of busy requests of all disks */

_Static_assert(DRIVER_DEPTH <= 64, "a bit for each");

void request_init(struct driver_channel *shared)
{
	channel = shared;
}

/* Clears all of a request but `pages`, which only requests that fill them in refer to. */
static void request_clear(struct driver_request *request)
{
	__builtin_memset(request, 0, offsetof(struct driver_request, pages));
	request->status = BLOCK_OK;
}

struct driver_request *request_take(u32 unit)
{
	struct driver_request *request;
	u32 number;

	if (request_count[unit] == DRIVER_DEPTH)
		return NULL;
	number = bit_lowest(~request_set[unit]);
	request = &requests[unit][number];
	request_clear(request);
	request->busy = true;
	request->unit = unit;
	request_set[unit] |= BIT(number);
	request_count[unit]++;
	request_sum++;
	return request;
}

void request_release(struct driver_request *request)
{
	request->busy = false;
	request_set[request->unit] &= ~BIT(request - requests[request->unit]);
	request_count[request->unit]--;
	request_sum--;
}

void request_finish(struct driver_request *request, enum block_status status)
{
	request->status = status;
	request_release(request);
	channel->finished++;
	if (request->done != NULL)
		request->done(request, status);
}

u32 request_waiting_for(u32 unit)
{
	return request_count[unit];
}

u32 request_waiting(void)
{
	return request_sum;
}
