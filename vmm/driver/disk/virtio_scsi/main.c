/* SPDX-License-Identifier: MIT */
/*
 * The program of a virtio SCSI controller's driver: binds scsi_start.c and scsi_task.c to the
 * common disk driver (driver.c), which calls `driver_ops`. Owns the controller and serves its
 * disks.
 */
#include "vmm/driver/disk/virtio_scsi/scsi_host.h"
#include "vmm/rt/clock.h"
#include "vmm/rt/format.h"
#include "vmm/rt/syscall.h"

/* The interval of health checks, which are rare because the registers are slow to read. */
#define LOOK_NS (100 * NS_PER_MS)

static struct vscsi vscsi;
static u64 look_tsc;

void virtio_host_pause(void)
{
	process_pause();
}

static bool vscsi_main_start(struct driver_disk *disk, char *problem, size_t size)
{
	if (disk->unit == 0 && !virtio_host_find(&vscsi.host)) {
		format(problem, size, "the controller's registers are missing");
		return false;
	}
	if (disk->unit == 0 &&
	    !vscsi_start(&vscsi, (u32)start_info->parameter[DRIVER_UNITS], problem, size))
		return false;
	return vscsi_start_disk(&vscsi, disk, problem, size);
}

static bool vscsi_main_submit(struct driver_request *request)
{
	return vscsi_submit(&vscsi, request);
}

static void vscsi_main_poll(void)
{
	const char *failure = NULL;

	vscsi_poll(&vscsi);
	if (vscsi.ring.bad >= VIRTIO_HOST_BAD_MAX || (vscsi.busy > 0 && clock_tsc() >= look_tsc)) {
		look_tsc = clock_tsc() + clock_ns_to_tsc(LOOK_NS);
		failure = vscsi_failure(&vscsi);
	}
	if (failure != NULL)
		driver_give_up("%s", failure);
}

const struct driver_ops driver_ops = {
	.start = vscsi_main_start, .submit = vscsi_main_submit, .poll = vscsi_main_poll};
