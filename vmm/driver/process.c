/* SPDX-License-Identifier: MIT */
/*
 * The environment of every driver process: the memory shared with the manager (its channel), the
 * queue of signals, one interrupt and the DMA memory. Called by driver.c, net/card.c and the device
 * drivers. Owns the process's handles for these; blocks only in process_wait and process_pause.
 */
#include "vmm/driver/process.h"

#include "lib/string.h"
#include "vmm/rt/format.h"
#include "vmm/rt/syscall.h"

static struct driver_channel *channel;
static handle_t queue;
static handle_t interrupt;
static bool line;
static struct driver_dma own;
static struct driver_dma rest;

void process_tell_manager(void)
{
	(void)sys_event_signal(start_handle(START_CHANNEL_OUT));
}

void process_answer(void)
{
	__atomic_store_n(&channel->answered, __atomic_load_n(&channel->asked, __ATOMIC_RELAXED),
			 __ATOMIC_RELEASE);
}

void process_ready(void)
{
	__atomic_store_n(&channel->state, DRIVER_READY, __ATOMIC_RELEASE);
	process_tell_manager();
}

void driver_give_up(const char *pattern, ...)
{
	va_list arguments;

	va_start(arguments, pattern);
	format_va(channel->reason, sizeof(channel->reason), pattern, arguments);
	va_end(arguments);
	__atomic_store_n(&channel->state, DRIVER_FAILED, __ATOMIC_RELEASE);
	process_tell_manager();
	rt_fail("device");
}

handle_t process_queue(void)
{
	return queue;
}

bool process_has_interrupt(void)
{
	return interrupt != HANDLE_NONE;
}

bool process_has_line(void)
{
	const struct start_entry *entry = start_find(START_IRQ);

	return entry != NULL && entry->value == DRIVER_IRQ_LINE;
}

struct driver_dma process_own_memory(void)
{
	return own;
}

struct driver_dma driver_dma(void)
{
	return rest;
}

volatile u8 *process_registers(const char *name, u64 *bytes)
{
	for (const struct start_entry *entry = start_find(START_REGISTERS); entry != NULL;
	     entry = start_next(entry)) {
		if (strcmp(entry->name, name) == 0) {
			*bytes = entry->value;
			return (volatile u8 *)(uintptr_t)entry->offset;
		}
	}
	*bytes = 0;
	return NULL;
}

u16 process_ports(const char *name)
{
	for (const struct start_entry *entry = start_find(START_PORTS); entry != NULL;
	     entry = start_next(entry)) {
		if (strcmp(entry->name, name) == 0)
			return (u16)entry->offset;
	}
	return 0;
}

static void process_find_memory(void)
{
	const struct start_entry *memory = start_find(START_DMA);
	const struct start_entry *address = start_find(START_DMA_ADDRESSES);

	if (memory == NULL || memory->value < DRIVER_OWN_PAGES * PAGE_SIZE)
		rt_fail("memory");
	own.memory = (u8 *)(uintptr_t)memory->offset;
	own.address = address != NULL ? (const u64 *)(uintptr_t)address->offset : NULL;
	own.pages = DRIVER_OWN_PAGES;
	rest.memory = own.memory + DRIVER_OWN_PAGES * PAGE_SIZE;
	rest.address = own.address != NULL ? own.address + DRIVER_OWN_PAGES : NULL;
	rest.pages = memory->value / PAGE_SIZE - DRIVER_OWN_PAGES;
}

struct driver_channel *process_open(void)
{
	start_free_predecessor();
	channel = (struct driver_channel *)(uintptr_t)start_find(START_CHANNEL)->offset;
	if (sys_queue_create(start_handle(START_GROUP), &queue) != STATUS_OK ||
	    sys_object_bind(start_handle(START_CHANNEL_IN), queue, PROCESS_MANAGER) != STATUS_OK)
		rt_fail("queue");
	interrupt = start_handle(START_IRQ);
	if (interrupt != HANDLE_NONE &&
	    (sys_object_bind(interrupt, queue, PROCESS_DEVICE) != STATUS_OK ||
	     sys_irq_unmask(interrupt) != STATUS_OK))
		rt_fail("irq");
	line = process_has_line();
	process_find_memory();
	return channel;
}

u64 process_wait(u64 deadline_tsc)
{
	u64 key = PROCESS_NOBODY;

	return sys_queue_wait(queue, deadline_tsc, &key) == STATUS_OK ? key : (u64)PROCESS_NOBODY;
}

void process_interrupt_taken(void)
{
	if (line)
		(void)sys_irq_unmask(interrupt);
}

void process_pause(void)
{
	(void)!sys_thread_yield(HANDLE_NONE);
}
