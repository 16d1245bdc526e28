/* SPDX-License-Identifier: MIT */
/*
 * Hands requests to a port and ends them: AHCI 1.3.1, 5.5 and 6.2. Called by ahci_start.c
 * for `driver_ops`; owns the slots of each port and touches the ports' registers.
 */
#include "lib/bits.h"
#include "vmm/driver/disk/ahci/ahci.h"
#include "vmm/rt/clock.h"

static void ahci_issue(const struct ahci *ahci, struct ahci_port *port, u32 slot, bool queued)
{
	u32 bit = (u32)BIT(slot);

	ahci_make_request(port, slot, port->slot[slot].request, queued);
	port->slot[slot].deadline_tsc = clock_tsc() + clock_ns_to_tsc(AHCI_COMMAND_NS);
	if (queued)
		ahci_port_write(ahci, port, AHCI_PORT_ACTIVE, bit);
	ahci_port_write(ahci, port, AHCI_PORT_ISSUE, bit);
}

/*
 * Issues, of the port's commands that run alone, the one that has waited longest, unless a command
 * is under way.
 */
static void ahci_go_on(const struct ahci *ahci, struct ahci_port *port)
{
	u32 chosen = AHCI_SLOTS;

	if (port->queued != 0 || port->running != 0)
		return;
	for (u32 left = port->alone; left != 0; left &= left - 1) {
		u32 slot = bit_lowest(left);

		if (chosen == AHCI_SLOTS ||
		    (s32)(port->slot[slot].number - port->slot[chosen].number) < 0)
			chosen = slot;
	}
	if (chosen == AHCI_SLOTS)
		return;
	port->running = (u32)BIT(chosen);
	ahci_issue(ahci, port, chosen, false);
}

/*
 * Returns whether the port may take another request now. A command that runs alone waits until the
 * disk's queue is empty; no other command enters the queue meanwhile.
 */
static bool ahci_has_room(const struct ahci_port *port)
{
	return port->busy < port->depth && (!port->queue || port->alone == 0);
}

bool ahci_submit(struct ahci *ahci, struct driver_request *request)
{
	struct ahci_port *port = &ahci->port[request->unit];
	bool moves = request->operation == BLOCK_READ || request->operation == BLOCK_WRITE;
	bool queued = port->queue && moves;
	u32 slot;

	if (request->operation == BLOCK_FLUSH && !port->flush) {
		request_finish(request, BLOCK_OK);
		return true;
	}
	if (!ahci_has_room(port))
		return false;
	slot = bit_lowest(~(port->queued | port->alone));
	port->busy++;
	port->slot[slot] = (struct ahci_slot){.request = request, .number = port->numbers++};
	if (queued) {
		port->queued |= (u32)BIT(slot);
		ahci_issue(ahci, port, slot, true);
	} else {
		port->alone |= (u32)BIT(slot);
		ahci_go_on(ahci, port);
	}
	return true;
}

static void ahci_end(struct ahci_port *port, u32 slot, enum block_status status)
{
	struct driver_request *request = port->slot[slot].request;
	u32 others = ~(u32)BIT(slot);

	port->slot[slot].request = NULL;
	port->queued &= others;
	port->alone &= others;
	port->running &= others;
	port->busy--;
	request_finish(request, status);
}

/*
 * Resets the port, so that no earlier command touches memory any more, then retries the port's
 * requests, or fails those without attempts left.
 */
static void ahci_recover(struct ahci *ahci, struct ahci_port *port)
{
	u32 failed = port->queued | port->running;

	if (failed == 0 && ++port->alarms == AHCI_ALARMS_MAX) {
		ahci->failure = "a disk reports errors without end";
		return;
	}
	if (!ahci_port_reset(ahci, port, AHCI_READY_NS)) {
		ahci->failure = "a disk does not return from its reset";
		return;
	}
	ahci_port_go(ahci, port);
	port->alone |= port->queued;
	port->queued = 0;
	port->running = 0;
	for (; failed != 0; failed &= failed - 1) {
		u32 slot = bit_lowest(failed);

		if (++port->slot[slot].attempts == AHCI_ATTEMPTS)
			ahci_end(port, slot, BLOCK_ERROR);
	}
}

/* Returns whether the command that ran alone succeeded, as the disk reports it. */
static bool ahci_ended_well(const struct ahci *ahci, const struct ahci_port *port)
{
	return (ahci_port_read(ahci, port, AHCI_PORT_TASK) &
		(ATA_STATUS_BUSY | ATA_STATUS_DATA | ATA_STATUS_ERROR | ATA_STATUS_FAULT)) == 0;
}

/* Ends the commands that the disk has completed. Returns false if the port has to be reset. */
static bool ahci_take_ended(const struct ahci *ahci, struct ahci_port *port)
{
	u32 open = ahci_port_read(ahci, port, AHCI_PORT_ISSUE);
	u32 done;

	if (port->queued != 0)
		open |= ahci_port_read(ahci, port, AHCI_PORT_ACTIVE);
	done = (port->queued | port->running) & ~open;
	if ((done & port->running) != 0 && !ahci_ended_well(ahci, port))
		return false;
	if (done != 0)
		port->alarms = 0;
	for (; done != 0; done &= done - 1)
		ahci_end(port, bit_lowest(done), BLOCK_OK);
	return true;
}

static void ahci_poll_port(struct ahci *ahci, struct ahci_port *port)
{
	bool good = true;

	if ((port->queued | port->running) != 0)
		good = ahci_take_ended(ahci, port);
	if (!good || (port->events & AHCI_INT_FATAL) != 0)
		ahci_recover(ahci, port);
	port->events = 0;
	if (ahci->failure == NULL)
		ahci_go_on(ahci, port);
}

/*
 * Notes and clears the ports' interrupt bits, then clears the controller's (AHCI 1.3.1, 10.7.2.1):
 * a command that ends after that raises the interrupt again.
 */
static void ahci_take_events(struct ahci *ahci)
{
	u32 events = ahci_read(ahci, AHCI_IS);

	if (events == 0)
		return;
	for (u32 i = 0; i < ahci->port_count; i++) {
		struct ahci_port *port = &ahci->port[i];
		u32 port_events;

		if (!port->there || (events & BIT(port->number)) == 0)
			continue;
		port_events = ahci_port_read(ahci, port, AHCI_PORT_IS);
		ahci_port_write(ahci, port, AHCI_PORT_IS, port_events);
		port->events |= port_events;
	}
	ahci_write(ahci, AHCI_IS, events);
}

void ahci_poll(struct ahci *ahci)
{
	ahci_take_events(ahci);
	for (u32 i = 0; i < ahci->port_count && ahci->failure == NULL; i++) {
		if (ahci->port[i].there)
			ahci_poll_port(ahci, &ahci->port[i]);
	}
}

static bool ahci_is_late(const struct ahci_port *port, u64 now)
{
	for (u32 left = port->queued | port->running; left != 0; left &= left - 1) {
		if (now >= port->slot[bit_lowest(left)].deadline_tsc)
			return true;
	}
	return false;
}

/*
 * Looks for overdue commands, and also for errors of the ports: without interrupts, the
 * controller's status bits do not show these.
 */
void ahci_look(struct ahci *ahci)
{
	u64 now = clock_tsc();

	if (ahci_read(ahci, AHCI_GHC) == ~0u)
		ahci->failure = "the controller does not answer any more";
	for (u32 i = 0; i < ahci->port_count && ahci->failure == NULL; i++) {
		struct ahci_port *port = &ahci->port[i];

		if (!port->there)
			continue;
		port->events |= ahci_port_read(ahci, port, AHCI_PORT_IS) & (u32)AHCI_INT_FATAL;
		ahci_poll_port(ahci, port);
		if (ahci->failure == NULL && ahci_is_late(port, now))
			ahci_recover(ahci, port);
		if (ahci->failure == NULL)
			ahci_go_on(ahci, port);
	}
}
