/* SPDX-License-Identifier: MIT */
/*
 * Stops, resets and starts one port: AHCI 1.3.1, 3.3, 10.1 and 10.4. Called by ahci_start.c, and by
 * ahci_request.c after an error; touches the registers of that port only.
 */
#include "vmm/driver/disk/ahci/ahci.h"
#include "vmm/rt/clock.h"

/* how long the driver asserts the reset signal of a port: at least 1 ms (AHCI 10.4.2) */
#define PULSE_NS (2 * NS_PER_MS)

static u32 ahci_port_place_of(const struct ahci_port *port, enum ahci_port_register at)
{
	return AHCI_FIRST_PORT + port->number * AHCI_PORT_BYTES + at;
}

u32 ahci_port_read(const struct ahci *ahci, const struct ahci_port *port,
		   enum ahci_port_register at)
{
	return ahci_read(ahci, ahci_port_place_of(port, at));
}

void ahci_port_write(const struct ahci *ahci, const struct ahci_port *port,
		     enum ahci_port_register at, u32 value)
{
	ahci_write(ahci, ahci_port_place_of(port, at), value);
}

u64 ahci_address(const struct ahci_port *port, u64 offset)
{
	return port->memory.address[offset / PAGE_SIZE] + offset % PAGE_SIZE;
}

/* Waits at most `ns` until the given bits of the port's register have the given value. */
static bool ahci_port_wait(const struct ahci *ahci, const struct ahci_port *port,
			   enum ahci_port_register at, u64 bits, u64 wanted, u64 ns)
{
	u64 until = clock_tsc() + clock_ns_to_tsc(ns);

	while ((ahci_port_read(ahci, port, at) & bits) != wanted) {
		if (clock_tsc() >= until)
			return false;
		process_pause();
	}
	return true;
}

static void ahci_port_wait_at_least(u64 ns)
{
	u64 until = clock_tsc() + clock_ns_to_tsc(ns);

	while (clock_tsc() < until)
		process_pause();
}

static void ahci_port_change_command(const struct ahci *ahci, const struct ahci_port *port, u64 off,
				     u64 on)
{
	u32 command = ahci_port_read(ahci, port, AHCI_PORT_COMMAND);

	ahci_port_write(ahci, port, AHCI_PORT_COMMAND, (command & ~(u32)off) | (u32)on);
}

/* Stops the command engine, then the receipt of FISes (AHCI 1.3.1, 10.3). */
static bool ahci_port_stop(const struct ahci *ahci, const struct ahci_port *port)
{
	ahci_port_change_command(ahci, port, AHCI_COMMAND_START, 0);
	if (!ahci_port_wait(ahci, port, AHCI_PORT_COMMAND, AHCI_COMMAND_RUNS, 0, AHCI_STOP_NS))
		return false;
	ahci_port_change_command(ahci, port, AHCI_COMMAND_FIS, 0);
	return ahci_port_wait(ahci, port, AHCI_PORT_COMMAND, AHCI_COMMAND_FIS_RUNS, 0,
			      AHCI_STOP_NS);
}

static void ahci_port_put_address(const struct ahci *ahci, const struct ahci_port *port,
				  enum ahci_port_register at, u64 address)
{
	ahci_port_write(ahci, port, at, (u32)address);
	ahci_write(ahci, ahci_port_place_of(port, at) + 4, (u32)(address >> 32));
}

static bool ahci_port_wait_disk(const struct ahci *ahci, const struct ahci_port *port)
{
	u64 since = clock_tsc();

	for (;;) {
		u32 seen = ahci_port_read(ahci, port, AHCI_PORT_STATUS) & (u32)AHCI_STATUS_DETECT;
		u64 limit = seen == 0 ? AHCI_DETECT_NS : AHCI_CONNECT_NS;

		if (seen == AHCI_STATUS_PRESENT)
			return true;
		if (clock_tsc() - since >= clock_ns_to_tsc(limit))
			return false;
		process_pause();
	}
}

bool ahci_port_reset(const struct ahci *ahci, struct ahci_port *port, u64 ns)
{
	port->resets++;
	port->events = 0;
	if (!ahci_port_stop(ahci, port))
		return false;
	ahci_port_put_address(ahci, port, AHCI_PORT_LIST, ahci_address(port, 0));
	ahci_port_put_address(ahci, port, AHCI_PORT_FIS, ahci_address(port, AHCI_FIS_AT));
	ahci_port_write(ahci, port, AHCI_PORT_CONTROL, AHCI_CONTROL_NO_SLEEP | AHCI_CONTROL_RESET);
	ahci_port_wait_at_least(PULSE_NS);
	ahci_port_write(ahci, port, AHCI_PORT_CONTROL, AHCI_CONTROL_NO_SLEEP);
	if (!ahci_port_wait_disk(ahci, port))
		return false;
	ahci_port_write(ahci, port, AHCI_PORT_ERROR, ~0u);
	ahci_port_write(ahci, port, AHCI_PORT_IS, ~0u);
	/* from here on the port receives the FIS that the disk sends after its reset */
	ahci_port_change_command(ahci, port, 0, AHCI_COMMAND_FIS);
	return ahci_port_wait(ahci, port, AHCI_PORT_TASK, ATA_STATUS_BUSY | ATA_STATUS_DATA, 0, ns);
}

void ahci_port_go(const struct ahci *ahci, const struct ahci_port *port)
{
	u32 wanted = (u32)(AHCI_INT_ENDED | AHCI_INT_FATAL | AHCI_INT_OVERFLOW);

	ahci_port_write(ahci, port, AHCI_PORT_IE, ahci->interrupts ? wanted : 0);
	ahci_port_change_command(ahci, port, 0, AHCI_COMMAND_START);
}
