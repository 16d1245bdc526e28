/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * The device by which a guest shares a window of memory with guests of other VMs, and rings their
 * bells. vmm/rt/window.h has its registers and what the window holds.
 */
#include "vmm/monitor/pci/pci.h"
#include "vmm/rt/window.h"

#define WINDOW_BAR_REGISTERS 0u
#define WINDOW_BAR_MEMORY    2u
#define WINDOW_PCI_DEVICE    0x0f01u

struct window_state {
	struct pci_function_state pci;
	u32 rung; /* the bells that were rung, and that the guest has not taken */
	u32 value;
	u32 status;  /* enum window_status */
	u32 call;    /* the call that the monitor has yet to take, enum window_call; 0: none */
	u64 waiting; /* a bit for each vCPU that halts until a bell is rung */
};

/*
 * The window itself, which outlives the device: a load of a saved state makes that anew. The
 * monitor has mapped `memory`; the guest's accesses reach it without an exit where show() has put
 * it.
 */
struct window_link {
	u64 bytes; /* the size of the window; 0: the VM has none */
	u32 place;
	struct window_bells *bells;
	u8 *memory;
	u64 shown_at; /* where the guest finds the window; 0: it has switched it off */
	void (*show)(struct window_link *link, u64 at); /* puts the window there; 0: nowhere */
	void (*ring)(struct window_link *link, u32 place, u32 bell);
};

struct window {
	struct pci_function function;
	struct window_state state;
	struct window_link *link;
};

/* Attaches the device; does nothing where the VM has no window. */
enum status window_attach(struct platform *platform,
			  const struct platform_config *config) MUST_CHECK;
/* Notes that the bells were rung, a bit each, and sends their interrupts. */
void window_rang(struct window *window, u32 rung);
/* Rings a bell as the guest's word says: the bell in bits 15:0, the place above. */
void window_ring(struct window_link *link, u32 word);
/* Returns what the monitor of the VM at the link's place says there of its runs. */
static inline struct window_head *window_head_of(const struct window_link *link)
{
	return (struct window_head *)(void *)link->memory + link->place;
}
