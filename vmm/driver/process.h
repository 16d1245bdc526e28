/* SPDX-License-Identifier: MIT */
#pragma once

#include "vmm/io/driver_channel.h"
#include "vmm/rt/start.h"

/*
 * What the processes behind devices have in common: the manager's channel, one queue to wait on, at
 * most one interrupt, memory that the device uses. A driver is one thread, that serves one function
 * of one device.
 */
enum process_key {
	PROCESS_NOBODY,	     /* the deadline has come */
	PROCESS_MANAGER,     /* the channel has something new */
	PROCESS_DEVICE,	     /* process_interrupt_taken once it has been looked at */
	PROCESS_OTHERS = 16, /* what the driver binds itself, from here on */
};

/* Memory that the device may read and write. */
struct driver_dma {
	u8 *memory;
	const u64 *address; /* host-physical, of each page; NULL: it does no DMA */
	u64 pages;
};

/* Once, before all others; ends the process where something is missing. */
struct driver_channel *process_open(void);
handle_t process_queue(void);
/* Whether the device has an interrupt. */
bool process_has_interrupt(void);
/* Whether that is a line, which stays raised until the device has been asked why. */
bool process_has_line(void);
/* The first pages, for the driver's own reading, and the others, which are the device driver's. */
struct driver_dma process_own_memory(void);
struct driver_dma driver_dma(void);
/* The registers of that name, and how many bytes they are; NULL: it has none of that name. */
volatile u8 *process_registers(const char *name, u64 *bytes);

/* Has the manager look at the channel. */
void process_tell_manager(void);
/* Tells the manager, which asks from time to time, that it lives. */
void process_answer(void);
/* From now on what the channel says of the device is the manager's to read. */
void process_ready(void);
/* The device does what nobody could have asked for: ends the process with these words. */
NORETURN void driver_give_up(const char *pattern, ...) PRINTF_LIKE(1, 2);

/* Waits for a signal until then; says which, an enum process_key. */
u64 process_wait(u64 deadline_tsc);
/* A line that stays raised interrupts no more until this. */
void process_interrupt_taken(void);
/* While the device is waited for: lets others run. */
void process_pause(void);
