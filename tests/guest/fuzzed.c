/* SPDX-License-Identifier: MIT */
/*
 * A target of afl-fuzz without an operating system: has itself set back to where it waits for its
 * next input, which its harness puts into the window that both share (tests/guest/afl/area.h). What
 * it reads there is the harness's, and read once.
 */
#include "lib/read_once.h"
#include "tests/guest/afl/area.h"
#include "tests/guest/afl/parser.h"
#include "tests/guest/rt/devices.h"
#include "tests/guest/rt/pci.h"

#define VENDOR	    0x1af4u
#define DEVICE	    0x0f01u
#define ENTRY_BYTES 16u
#define NMI	    2u
#define LAST_FAULT  31u

static word registers;
static struct area *area;
static u32 number; /* of the input of this run; 0: it waits for one */
static u8 input[AREA_INPUT_BYTES];

void __sanitizer_cov_trace_pc(void)
{
	parser_passed(area->map, AREA_MAP_BYTES, (uintptr_t)__builtin_return_address(0));
}

static u32 call(u32 what, u32 value)
{
	*register32(registers + WINDOW_VALUE) = value;
	*register32(registers + WINDOW_CALL) = what;
	while (*register32(registers + WINDOW_STATUS) == WINDOW_BUSY)
		relax();
	return *register32(registers + WINDOW_STATUS);
}

static void on_fault(struct trap_frame *frame)
{
	(void)frame;
	say("PANIC", call(WINDOW_CALL_PANIC, number));
	finish();
}

/* The harness rings this bell too late at times: the run that it is for has ended then. */
static void on_stop(struct trap_frame *frame)
{
	(void)frame;
	if (__atomic_exchange_n(&area->stop, 0, __ATOMIC_SEQ_CST) != 0)
		call(WINDOW_CALL_PANIC, number);
}

/* Has AREA_BELL_STOP come as an NMI, which a loop with interrupts off hears, too. */
static void use_stop(u32 slot)
{
	u32 capability = pci_capability(slot, PCI_CAP_MSIX, 0);
	word entry = registers + WINDOW_AT_MSIX + AREA_BELL_STOP * ENTRY_BYTES;

	*register32(entry) = 0xfee00000u;
	*register32(entry + 8) = APIC_NMI << APIC_DELIVERY_SHIFT;
	*register32(entry + 12) = 0;
	pci_put(slot, PCI_COMMAND, 2, pci_get(slot, PCI_COMMAND, 2) | PCI_COMMAND_BUS_MASTER);
	pci_put(slot, capability + PCI_MSIX_CONTROL, 2, PCI_MSIX_ENABLE);
}

/* Returns only if the VM does not go back: a status. */
static u32 run(void)
{
	u32 bytes;

	while ((number = READ_ONCE(area->asked)) == 0) {
		(void)*register32(registers + WINDOW_RUNG);
		if (READ_ONCE(area->asked) == 0)
			*register32(registers + WINDOW_WAIT) = 0;
	}
	area->asked = 0;
	bytes = MIN(READ_ONCE(area->bytes), AREA_INPUT_BYTES);
	for (u32 i = 0; i < bytes; i++)
		input[i] = READ_ONCE(area->input[i]);
	(void)parser_sum(input, bytes);
	return call(WINDOW_CALL_DONE, number);
}

void guest_main(void)
{
	u32 slot = pci_find(VENDOR, DEVICE);
	u32 ring = (u32)option_number("harness", 0) << 16;
	u32 place;
	u32 status;

	traps_init();
	lapic_enable();
	if (slot == PCI_NO_SLOT) {
		fail("device", "there is none");
		return;
	}
	registers = (word)pci_bar(slot, 0);
	place = *register32(registers + WINDOW_PLACE);
	ring |= place % WINDOW_VECTORS;
	area = (struct area *)((word)pci_bar(slot, 2) + area_at(place));
	for (u32 vector = 0; vector <= LAST_FAULT; vector++)
		trap_set_hook(vector, on_fault);
	trap_set_hook(NMI, on_stop);
	use_stop(slot);
	do {
		status = call(WINDOW_CALL_SNAPSHOT, ring);
		if (status == WINDOW_DONE)
			status = run();
	} while (status == WINDOW_GONE); /* someone has dropped the snapshot */
	say("STATUS", status);
	fail("runs", "a call was refused, see the VM's log");
}
