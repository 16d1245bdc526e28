/* SPDX-License-Identifier: MIT */
/*
 * Formats and prints text on COM1, for panics and for errors while booting. Only panic.c,
 * kernel/log/log_last.c and boot call it. It writes to the UART alone, needs no memory and takes no
 * lock.
 */
#include "arch/x86_64/cpu/print.h"
#include "arch/x86_64/cpu/uart.h"

static void print_number(u64 value, unsigned int base, unsigned int digits)
{
	char text[65];
	char *at = &text[sizeof(text) - 1];

	*at = '\0';
	do {
		*--at = "0123456789abcdef"[value % base];
		value /= base;
	} while (at != text && (value != 0 || &text[sizeof(text) - 1] - at < digits));
	uart_puts(at);
}

void print_va(const char *text, va_list arguments)
{
	for (; *text != '\0'; text++) {
		unsigned int width = 0;
		bool is_long;

		if (*text != '%') {
			uart_put(*text);
			continue;
		}
		text++;
		if (*text == '#') {
			uart_puts("0x");
			text++;
		}
		for (; *text >= '0' && *text <= '9'; text++)
			width = 10 * width + (unsigned int)(*text - '0');
		is_long = *text == 'l';
		text += is_long;
		if (*text == 's')
			uart_puts(va_arg(arguments, const char *));
		else
			print_number(is_long ? va_arg(arguments, u64) : va_arg(arguments, u32),
				     *text == 'x' ? 16 : 10, width);
	}
}

void print(const char *text, ...)
{
	va_list arguments;

	va_start(arguments, text);
	print_va(text, arguments);
	va_end(arguments);
}
