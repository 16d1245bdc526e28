/* SPDX-License-Identifier: MIT */
#pragma once

#include "vmm/io/driver_channel.h"
#include "vmm/rt/start.h"

/*
 * The environment of a process behind a device: the memory shared with the manager (its channel),
 * one queue to wait on, at most one interrupt, and memory for DMA. A driver is one thread, which
 * serves one function of one device.
 */
enum process_key {
	PROCESS_NOBODY,	 /* process_wait's deadline has passed */
	PROCESS_MANAGER, /* the manager has changed something in the channel */
	/* a signal of the device, after which the driver calls process_interrupt_taken */
	PROCESS_DEVICE,
	/* the first key for events that the driver itself binds to the queue */
	PROCESS_OTHERS = 16,
};

/* Memory that the device may read and write. */
struct driver_dma {
	u8 *memory;
	/* the host-physical address of each page; NULL if the device does no DMA */
	const u64 *address;
	u64 pages;
};

/*
 * Opens the channel to the manager; call it once, before all other functions. Ends the process if a
 * resource is missing.
 */
struct driver_channel *process_open(void);
handle_t process_queue(void);
/* Returns whether the device has an interrupt. */
bool process_has_interrupt(void);
/* Returns whether the interrupt is a line, which stays raised until the device's cause is read. */
bool process_has_line(void);
/*
 * Return the DMA memory: its first DRIVER_OWN_PAGES pages, for requests of the common part's own,
 * and the others, for the device's driver.
 */
struct driver_dma process_own_memory(void);
struct driver_dma driver_dma(void);
/* Returns the registers with that name and their size in bytes, or NULL if there are none. */
volatile u8 *process_registers(const char *name, u64 *bytes);
/* Returns the first I/O port of the range with that name, or 0 if there is none. */
u16 process_ports(const char *name);

/* Signals the manager that something in the channel has changed. */
void process_tell_manager(void);
/* Answers the manager's periodic question whether this process is alive. */
void process_answer(void);
/*
 * Tells the manager that the device is ready, so that it reads the channel's facts about the
 * device.
 */
void process_ready(void);
/* Ends the process with this text after a fault of the device or an impossible state. */
NORETURN void driver_give_up(const char *pattern, ...) PRINTF_LIKE(1, 2);

/* Waits for a signal until the deadline. Returns the signal's key, an enum process_key. */
u64 process_wait(u64 deadline_tsc);
/* Re-enables a line interrupt of the device, which is masked until this call. */
void process_interrupt_taken(void);
/* Lets other threads run during a wait for the device. */
void process_pause(void);
