/* SPDX-License-Identifier: MIT */
/*
 * The program of a virtio disk's driver: binds blk_start.c and blk_request.c to the common disk
 * driver (driver.c), which calls `driver_ops`. Owns the device that the manager has given.
 */
#include "vmm/driver/disk/virtio_blk/blk.h"
#include "vmm/rt/clock.h"
#include "vmm/rt/format.h"

/* The interval of health checks, which are rare because the registers are slow to read. */
#define LOOK_NS (100 * NS_PER_MS)

static struct vblk vblk;
static u64 look_tsc;

void virtio_host_pause(void)
{
	process_pause();
}

static bool vblk_main_start(struct driver_disk *disk, char *problem, size_t size)
{
	if (virtio_host_find(&vblk.host))
		return vblk_start(&vblk, disk, problem, size);
	format(problem, size, "the disk's registers are missing");
	return false;
}

static bool vblk_main_submit(struct driver_request *request)
{
	return vblk_submit(&vblk, request);
}

static void vblk_main_poll(void)
{
	const char *failure = NULL;

	vblk_poll(&vblk);
	if (vblk.ring.bad >= VIRTIO_HOST_BAD_MAX || (vblk.busy > 0 && clock_tsc() >= look_tsc)) {
		look_tsc = clock_tsc() + clock_ns_to_tsc(LOOK_NS);
		failure = vblk_failure(&vblk);
	}
	if (failure != NULL)
		driver_give_up("%s", failure);
}

const struct driver_ops driver_ops = {
	.start = vblk_main_start, .submit = vblk_main_submit, .poll = vblk_main_poll};
