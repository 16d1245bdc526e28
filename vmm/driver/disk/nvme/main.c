/* SPDX-License-Identifier: MIT */
/*
 * The program of an NVMe driver: binds nvme_start.c and nvme_request.c to the common disk driver
 * (driver.c), which calls `driver_ops`. Owns the controller whose registers the manager has mapped.
 */
#include "vmm/driver/disk/nvme/nvme.h"
#include "vmm/rt/clock.h"
#include "vmm/rt/start.h"
#include "vmm/rt/syscall.h"

/* The interval of health checks, which are rare because the registers are slow to read. */
#define LOOK_NS (100 * NS_PER_MS)

static struct nvme nvme;
static u64 look_tsc;

void nvme_pause(void)
{
	(void)!sys_thread_yield(HANDLE_NONE);
}

static bool main_start(struct driver_disk *disk, char *problem, size_t size)
{
	const struct start_entry *registers = start_find(START_REGISTERS);

	if (registers != NULL) {
		nvme.registers = (volatile u8 *)(uintptr_t)registers->offset;
		nvme.register_bytes = registers->value;
	}
	nvme.memory = driver_dma();
	nvme.interrupts = start_handle(START_IRQ) != HANDLE_NONE;
	return nvme_start(&nvme, disk, problem, size);
}

static bool main_submit(struct driver_request *request)
{
	return nvme_submit(&nvme, request);
}

static void main_poll(void)
{
	const char *failure = NULL;

	nvme_poll(&nvme);
	if (nvme.bad >= NVME_BAD_MAX || (nvme.busy > 0 && clock_tsc() >= look_tsc)) {
		look_tsc = clock_tsc() + clock_ns_to_tsc(LOOK_NS);
		failure = nvme_failure(&nvme);
	}
	if (failure != NULL)
		driver_give_up("%s", failure);
}

const struct driver_ops driver_ops = {
	.start = main_start, .submit = main_submit, .poll = main_poll};
