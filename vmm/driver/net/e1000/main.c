/* SPDX-License-Identifier: MIT */
/*
 * The program of a gigabit card's driver: binds e1000_start.c and e1000_ring.c to the common card
 * driver (card.c), which calls `card_ops`. Owns the card whose registers the manager has mapped.
 */
#include "vmm/driver/net/e1000/e1000.h"

static struct e1000 e1000;

void e1000_pause(void)
{
	process_pause();
}

static bool e1000_main_start(struct card *card, char *problem, size_t size)
{
	e1000.registers = process_registers("0", &e1000.register_bytes);
	e1000.memory = driver_dma();
	e1000.is_82574 = start_info->parameter[DRIVER_PCI_DEVICE] == E1000_DEVICE_82574;
	e1000.interrupts = process_has_interrupt();
	return e1000_start(&e1000, card, problem, size);
}

static bool e1000_main_transmit(const u8 *frame, u32 bytes)
{
	return e1000_transmit(&e1000, frame, bytes);
}

static void e1000_main_flush(void)
{
	e1000_flush(&e1000);
}

static bool e1000_main_poll(bool look)
{
	const char *failure;

	if (look)
		e1000_look(&e1000);
	e1000_receive(&e1000);
	failure = e1000_failure(&e1000);
	if (failure != NULL)
		driver_give_up("%s", failure);
	return !e1000_is_idle(&e1000);
}

static bool e1000_main_may_wait(void)
{
	return e1000_is_idle(&e1000);
}

const struct card_ops card_ops = {
	.start = e1000_main_start,
	.transmit = e1000_main_transmit,
	.flush = e1000_main_flush,
	.poll = e1000_main_poll,
	.may_wait = e1000_main_may_wait,
};
