/* SPDX-License-Identifier: MIT */
#pragma once

#include "kernel/abi/pages.h"
#include "kernel/abi/syscall.h"
#include "lib/types.h"

/* What is known about the machine. Not changed after boot. */
struct machine {
	hpa_t image_hpa;	  /* where the image lies */
	hva_t image_base;	  /* and runs */
	struct kernel_page *page; /* shown to the manager */
};

extern struct machine machine;

/* Physical address of something inside the kernel image. */
hpa_t machine_image_hpa(const void *address);

/* SYS_MACHINE_RESET. If nothing resets the machine, it halts for good. */
NORETURN void machine_reboot(u16 port, u8 value);
