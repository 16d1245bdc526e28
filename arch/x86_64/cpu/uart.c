/* SPDX-License-Identifier: MIT */
/*
 * Polled output on COM1 for fatal errors. panic.c, print.c and boot call it when nothing else can
 * report; the console of normal operation is the manager's. It owns the UART's registers while it
 * prints, waits a bounded time for a byte, and takes no lock.
 */
#include "arch/x86_64/cpu/uart.h"

#include "arch/x86_64/cpu/instructions.h"
#include "arch/x86_64/hw/uart.h"

/* The most polls for a byte: some 100 ms of port reads, while a byte takes 87 us at 115200 baud. */
#define UART_POLLS 100000u

static bool dead;

/*
 * Waits until the UART can take a byte; returns false if it cannot. The LSR of a missing UART reads
 * as all ones.
 */
static bool uart_sender_wait(void)
{
	for (unsigned int i = 0; i < UART_POLLS; i++) {
		u8 lsr = in8(UART_COM1 + UART_LSR);

		if (lsr == 0xff)
			break;
		if (lsr & UART_LSR_THR_EMPTY)
			return true;
	}
	dead = true;
	return false;
}

void uart_init(void)
{
	dead = false;
	out8(UART_COM1 + UART_IER, 0);
	out8(UART_COM1 + UART_LCR, UART_LCR_DLAB);
	out8(UART_COM1 + UART_DLL, UART_DIVISOR_115200);
	out8(UART_COM1 + UART_DLM, 0);
	out8(UART_COM1 + UART_LCR, UART_LCR_8N1);
	out8(UART_COM1 + UART_MCR, UART_MCR_DTR | UART_MCR_RTS | UART_MCR_OUT2);
}

static void uart_send(char c)
{
	if (!dead && uart_sender_wait())
		out8(UART_COM1 + UART_THR, (u8)c);
}

void uart_put(char c)
{
	if (c == '\n')
		uart_send('\r');
	uart_send(c);
}

void uart_puts(const char *text)
{
	for (; *text; text++)
		uart_put(*text);
}

void uart_unfit(const char *sentence)
{
	uart_init();
	uart_puts("skerry: ");
	uart_puts(sentence);
	uart_puts("\n");
	for (;;)
		hlt();
}
