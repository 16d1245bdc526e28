/* SPDX-License-Identifier: MIT */
/*
 * A disk in memory of constant latency, however many requests it has: SLOW_NS for each MiB of its
 * size. An emulator's slow disks go by the host's clock, not by the emulated machine's.
 */
#include "lib/bits.h"
#include "vmm/driver/disk/core/client.h"
#include "vmm/rt/clock.h"
#include "vmm/rt/start.h"

#define SLOW_NS 25000ull

void __real_request_finish(struct driver_request *request, enum block_status status);
void __wrap_request_finish(struct driver_request *request, enum block_status status);
void __real_client_publish(void);
void __wrap_client_publish(void);
u64 __real_process_wait(u64 deadline_tsc);
u64 __wrap_process_wait(u64 deadline_tsc);

/* In order: all take the same time. */
static struct {
	struct driver_request *request;
	enum block_status status;
	u64 at_tsc;
} late[DRIVER_DEPTH];
static u32 first;
static u32 count;

void __wrap_request_finish(struct driver_request *request, enum block_status status)
{
	u64 ns = start_info->parameter[DRIVER_DISK_BYTES] / MIB * SLOW_NS;
	u32 place = (first + count) % DRIVER_DEPTH;

	if (request->client == NULL) {
		__real_request_finish(request, status);
		return;
	}
	late[place].request = request;
	late[place].status = status;
	late[place].at_tsc = clock_tsc() + clock_ns_to_tsc(ns);
	count++;
}

void __wrap_client_publish(void)
{
	u64 now = clock_tsc();

	for (; count > 0 && late[first].at_tsc <= now; count--) {
		__real_request_finish(late[first].request, late[first].status);
		first = (first + 1) % DRIVER_DEPTH;
	}
	__real_client_publish();
}

u64 __wrap_process_wait(u64 deadline_tsc)
{
	return __real_process_wait(count > 0 ? MIN(deadline_tsc, late[first].at_tsc)
					     : deadline_tsc);
}
