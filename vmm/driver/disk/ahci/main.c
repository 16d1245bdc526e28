/* SPDX-License-Identifier: MIT */
/*
 * The program of an AHCI driver: binds ahci_start.c and ahci_request.c to the common disk driver
 * (driver.c), which calls `driver_ops`. Owns the one controller that the manager has given.
 */
#include "vmm/driver/disk/ahci/ahci.h"
#include "vmm/rt/clock.h"
#include "vmm/rt/syscall.h"

/* The interval of health checks, which are rare because the registers are slow to read. */
#define LOOK_NS (100 * NS_PER_MS)

static struct ahci ahci;
static u64 look_tsc;

void ahci_pause(void)
{
	process_pause();
}

static bool ahci_start_controller(char *problem, size_t size)
{
	ahci.registers = process_registers("5", &ahci.register_bytes);
	ahci.memory = driver_dma();
	ahci.interrupts = process_has_interrupt();
	return ahci_start(&ahci, (u32)start_info->parameter[DRIVER_UNITS], problem, size);
}

static bool ahci_main_start(struct driver_disk *disk, char *problem, size_t size)
{
	if (disk->unit == 0 && !ahci_start_controller(problem, size))
		return false;
	return disk->unit < ahci.port_count && ahci_start_disk(&ahci, disk, problem, size);
}

static bool ahci_main_submit(struct driver_request *request)
{
	return ahci_submit(&ahci, request);
}

static void ahci_main_poll(void)
{
	ahci_poll(&ahci);
	if (ahci.failure == NULL && clock_tsc() >= look_tsc) {
		look_tsc = clock_tsc() + clock_ns_to_tsc(LOOK_NS);
		ahci_look(&ahci);
	}
	if (ahci.failure != NULL)
		driver_give_up("%s", ahci.failure);
}

const struct driver_ops driver_ops = {
	.start = ahci_main_start, .submit = ahci_main_submit, .poll = ahci_main_poll};
