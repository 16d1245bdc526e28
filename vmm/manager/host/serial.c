/* SPDX-License-Identifier: MIT */
/*
 * Drives the host's UARTs: COM1 to COM3. Called by the console, the machine channels, gdb/ and the
 * event loop. Owns the received bytes; sending never waits.
 */
#include "vmm/hw/uart.h"
#include "vmm/manager/process/events.h"
#include "vmm/manager/host/machine.h"
#include "vmm/manager/host/port_io.h"
#include "vmm/manager/host/serial.h"
#include "vmm/rt/clock.h"
#include "vmm/rt/start.h"
#include "vmm/rt/syscall.h"

#define FLUSH_NS (100 * NS_PER_MS)
#define POLL_NS	 NS_PER_MS
#define LOOK_NS	 NS_PER_S
/*
 * the most bytes given to the UART in one call of serial_send, even if the UART takes more at once
 */
#define SEND_BURST_MAX 512u
/* the most bytes of an unfinished line; then they are taken without its end */
#define LINE_BYTES 256u
/* the most bytes taken from a UART at a time: an endless sender must not hold up the event loop */
#define DRAIN_MAX 4096u

struct serial {
	u16 port;
	u32 line; /* the port's ISA interrupt */
	bool present;
	/* the port has no interrupt: COM3 shares COM1's, other ports may have none */
	bool polled;
	bool interrupt_lost; /* a lost interrupt was not reported yet */
	/* bytes waited in the UART without an interrupt when serial_poll last looked */
	bool waits;
	u8 ier;
	u32 fifo_bytes; /* bytes that the UART takes at once when its transmitter is empty */
	handle_t irq;
	u32 written; /* index in the buffer of the next received byte to write, free-running */
	u32 read;
	/*
	 * the buffer of received bytes is full: bytes are left in the UART, and RTS asks the sender
	 * to wait
	 */
	bool full;
	u64 lost; /* total of lost bytes, as reported once all bytes before the loss were taken */
	u64 gap;  /* bytes lost just before gap_at, a position among the received bytes */
	u32 gap_at;
	u8 received[SERIAL_RECEIVE_BYTES];
};

static struct serial ports[SERIAL_COUNT] = {
	[SERIAL_COM1] = {.port = UART_COM1, .line = UART_COM1_IRQ},
	[SERIAL_COM2] = {.port = UART_COM2, .line = UART_COM2_IRQ},
	[SERIAL_COM3] = {.port = UART_COM3, .polled = true},
};

/* the TSC at which serial_poll looks at UARTs that have an interrupt, in case one was lost */
static u64 look_tsc;

static u8 serial_reg_read(const struct serial *serial, enum uart_reg reg)
{
	return port_in8((u16)(serial->port + reg));
}

static void serial_reg_write(const struct serial *serial, enum uart_reg reg, u32 value)
{
	port_out8((u16)(serial->port + reg), (u8)value);
}

/*
 * Returns whether there is a UART at the ports: the scratch register keeps a value, and the upper
 * half of IER reads as 0.
 */
static bool serial_uart_answers(const struct serial *serial)
{
	for (u32 value = 0x5a; value <= 0xa5; value += 0xa5 - 0x5a) {
		serial_reg_write(serial, UART_SCR, value);
		if (serial_reg_read(serial, UART_SCR) != value)
			return false;
	}
	return (serial_reg_read(serial, UART_IER) & ~(u32)UART_IER_MASK) == 0;
}

static void serial_take_bytes(struct serial *serial);

static void serial_uart_configure(struct serial *serial)
{
	serial_reg_write(serial, UART_IER, 0);
	serial_reg_write(serial, UART_LCR, UART_LCR_DLAB);
	serial_reg_write(serial, UART_DLL, UART_DIVISOR_115200);
	serial_reg_write(serial, UART_DLM, 0);
	serial_reg_write(serial, UART_LCR, UART_LCR_8N1);
	/* turning the FIFO on drops bytes typed during the boot (PC16550D, FCR) */
	serial_take_bytes(serial);
	serial_reg_write(serial, UART_FCR, UART_FCR_ENABLE | UART_FCR_TRIGGER_8);
	serial_reg_write(serial, UART_MCR, UART_MCR_DTR | UART_MCR_RTS | UART_MCR_OUT2);
	serial->fifo_bytes = (serial_reg_read(serial, UART_IIR) & UART_IIR_FIFO) == UART_IIR_FIFO
				     ? UART_FIFO_BYTES
				     : 1;
}

bool serial_present(enum serial_name name)
{
	return ports[name].present;
}

static u8 serial_receive_ier(const struct serial *serial)
{
	return serial->full || serial->polled ? 0 : UART_IER_RECEIVED;
}

/*
 * Has the UART's interrupt signal the event loop; returns false if ACPI's tables name no I/O APIC,
 * as then none comes.
 */
static bool serial_listen(struct serial *serial, enum serial_name name)
{
	return machine_isa_irq(serial->line, 0, &serial->irq) == STATUS_OK &&
	       events_bind(serial->irq, EVENT_SERIAL, name) == STATUS_OK;
}

bool serial_open(enum serial_name name)
{
	struct serial *serial = &ports[name];

	if (sys_ports_grant(start_handle(START_ROOT), start_handle(START_SELF), serial->port,
			    UART_PORT_COUNT) != STATUS_OK ||
	    !serial_uart_answers(serial))
		return false;
	serial_uart_configure(serial);
	serial->polled = serial->polled || !serial_listen(serial, name);
	serial->present = true;
	serial->ier = serial_receive_ier(serial);
	serial_interrupt(name);
	return true;
}

/*
 * Counts bytes lost in a full UART: at least one, as the UART does not count them (PC16550D, LSR
 * bit 1).
 */
static void serial_note_overrun(struct serial *serial)
{
	if (serial->gap++ == 0)
		serial->gap_at = serial->written + serial->fifo_bytes;
}

/* Returns the line status. Reading it clears an overrun, so each reader has to note it. */
static u8 serial_line_status(struct serial *serial)
{
	u8 status = serial_reg_read(serial, UART_LSR);

	if ((status & UART_LSR_OVERRUN) != 0)
		serial_note_overrun(serial);
	return status;
}

static void serial_take_bytes(struct serial *serial)
{
	for (u32 i = 0; i < DRAIN_MAX; i++) {
		serial->full = serial->written - serial->read == SERIAL_RECEIVE_BYTES;
		if (serial->full)
			return;
		if ((serial_line_status(serial) & UART_LSR_DATA_READY) == 0)
			return;
		serial->received[serial->written++ % SERIAL_RECEIVE_BYTES] =
			serial_reg_read(serial, UART_RBR);
	}
}

/*
 * Moves received bytes from the UART to the buffer; RTS asks the sender to wait while there is no
 * room.
 */
static void serial_drain(struct serial *serial)
{
	bool was_full = serial->full;

	serial_take_bytes(serial);
	if (serial->full != was_full)
		serial_reg_write(serial, UART_MCR,
				 UART_MCR_DTR | UART_MCR_OUT2 | (serial->full ? 0 : UART_MCR_RTS));
}

/* Moves the bytes that were left in the UART to the buffer, as this has room again. */
static void serial_drain_again(struct serial *serial)
{
	serial_drain(serial);
	serial->ier |= serial_receive_ier(serial);
	serial_reg_write(serial, UART_IER, serial->ier);
}

void serial_interrupt(enum serial_name name)
{
	struct serial *serial = &ports[name];

	if (!serial->present)
		return;
	serial->waits = false;
	serial_drain(serial);
	if (serial->polled)
		return;
	sys_irq_unmask(serial->irq);
	/*
	 * The line is edge-triggered: a cause that came while it was masked would go unnoticed.
	 * Turning the causes off and on again makes a new edge if one of them is still there.
	 * THR-empty always is: serial_send turns it on when it has bytes left.
	 */
	serial_reg_write(serial, UART_IER, 0);
	serial->ier = serial_receive_ier(serial);
	serial_reg_write(serial, UART_IER, serial->ier);
}

static void serial_tell_gap(struct serial *serial)
{
	serial->lost += serial->gap;
	serial->gap = 0;
}

u32 serial_receive(enum serial_name name, void *bytes, u32 size, u64 *lost)
{
	struct serial *serial = &ports[name];
	u8 *to = bytes;
	u32 count = 0;

	while (count < size && serial->read != serial->written) {
		if (serial->gap != 0 && serial->read == serial->gap_at)
			serial_tell_gap(serial);
		to[count++] = serial->received[serial->read++ % SERIAL_RECEIVE_BYTES];
	}
	if (serial->full && serial->written - serial->read <= SERIAL_RECEIVE_BYTES / 2)
		serial_drain_again(serial);
	if (lost != NULL)
		*lost = serial->lost;
	return count;
}

u32 serial_received(enum serial_name name)
{
	return ports[name].written;
}

u32 serial_waiting(enum serial_name name)
{
	return ports[name].written - ports[name].read;
}

u32 serial_find(enum serial_name name, u8 byte)
{
	const struct serial *serial = &ports[name];

	for (u32 at = serial->read; at != serial->written; at++) {
		if (serial->received[at % SERIAL_RECEIVE_BYTES] == byte)
			return at + 1 - serial->read;
	}
	return 0;
}

bool serial_began_line(enum serial_name name)
{
	return ports[name].gap == 0 && serial_waiting(name) < LINE_BYTES &&
	       serial_find(name, '\n') == 0;
}

static void serial_set_ier(struct serial *serial, u8 ier)
{
	if (serial->ier == ier || serial->polled)
		return;
	serial->ier = ier;
	serial_reg_write(serial, UART_IER, ier);
}

u32 serial_send(enum serial_name name, const u8 *bytes, u32 count)
{
	struct serial *serial = &ports[name];
	u32 sent = 0;

	if (!serial->present)
		return count;
	while (sent < count && sent < SEND_BURST_MAX &&
	       (serial_line_status(serial) & UART_LSR_THR_EMPTY) != 0) {
		for (u32 i = 0; i < serial->fifo_bytes && sent < count; i++)
			serial_reg_write(serial, UART_THR, bytes[sent++]);
	}
	serial_set_ier(serial,
		       serial_receive_ier(serial) | (sent < count ? UART_IER_THR_EMPTY : 0));
	return sent;
}

static bool serial_is_polled(enum serial_name name)
{
	return ports[name].present && ports[name].polled;
}

static bool serial_listens(const struct serial *serial)
{
	return serial->present && !serial->polled && (serial->ier & UART_IER_RECEIVED) != 0;
}

/* Handles bytes that still wait in the UART since the last look: their interrupt was lost. */
static void serial_look(enum serial_name name)
{
	struct serial *serial = &ports[name];

	if (!serial_listens(serial) || (serial_line_status(serial) & UART_LSR_DATA_READY) == 0) {
		serial->waits = false;
	} else if (!serial->waits) {
		serial->waits = true;
	} else {
		serial->interrupt_lost = true;
		serial_interrupt(name);
	}
}

bool serial_lost_interrupt(enum serial_name name)
{
	bool lost = ports[name].interrupt_lost;

	ports[name].interrupt_lost = false;
	return lost;
}

void serial_poll(void)
{
	bool due = clock_tsc() >= look_tsc;

	if (due)
		look_tsc = clock_tsc() + clock_ns_to_tsc(LOOK_NS);
	for (enum serial_name name = SERIAL_COM1; name <= SERIAL_COM2; name++) {
		if (serial_is_polled(name))
			serial_interrupt(name);
		else if (due)
			serial_look(name);
	}
}

u64 serial_deadline(void)
{
	if (serial_is_polled(SERIAL_COM1) || serial_is_polled(SERIAL_COM2))
		return clock_tsc() + clock_ns_to_tsc(POLL_NS);
	return serial_listens(&ports[SERIAL_COM1]) || serial_listens(&ports[SERIAL_COM2]) ? look_tsc
											  : ~0ull;
}

void serial_flush(enum serial_name name)
{
	u64 deadline = clock_tsc() + clock_ns_to_tsc(FLUSH_NS);

	while (ports[name].present && clock_tsc() < deadline &&
	       (serial_reg_read(&ports[name], UART_LSR) & UART_LSR_IDLE) == 0)
		;
}
