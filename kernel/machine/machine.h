/* SPDX-License-Identifier: MIT */
#pragma once

#include "kernel/abi/pages.h"
#include "lib/types.h"

/* The facts about the host that boot finds; nothing changes them afterwards. */
struct machine {
	hpa_t image_hpa;	  /* physical address of the kernel image */
	hva_t image_base;	  /* address at which the kernel image runs */
	struct kernel_page *page; /* the host's counters, shown to the manager */
};

extern struct machine machine;

/* Returns the physical address of a variable or function inside the kernel image. */
hpa_t machine_image_hpa(const void *address);

/*
 * Resets the host for SYS_MACHINE_RESET: writes `value` to `port` if that is not 0, then asks the
 * keyboard controller, then causes a triple fault. Halts for good if nothing resets the host.
 */
NORETURN void machine_reboot(u16 port, u8 value);
