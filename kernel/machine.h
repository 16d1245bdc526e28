/* SPDX-License-Identifier: MIT */
#pragma once

#include "arch/x86_64/cpu/acpi.h"
#include "boot/boot_info.h"
#include "kernel/abi/pages.h"
#include "kernel/abi/syscall.h"
#include "lib/types.h"

struct cpu;

/* What is known about the machine. Not changed after boot. */
struct machine {
	struct boot_info *boot;
	struct acpi_info acpi;
	struct kernel_page *page; /* shown to the manager */
};

extern struct machine machine;

/* Physical address of something inside the kernel image. */
hpa_t machine_image_hpa(const void *address);

/* Sets up ACPI tables, interrupt controllers, the clock and virtualization, on the boot CPU. */
void machine_init(void);
/* The part of it that every CPU does for itself; fails if virtualization cannot be turned on. */
enum status machine_cpu_init(struct cpu *cpu);

/* Leaves VMX or SVM operation on this CPU; harmless to repeat. */
void machine_virt_leave(struct cpu *cpu);

/* Stops all CPUs, does what `how` says and halts for good. `width`: 1, 2 or 4 bytes. */
NORETURN void machine_stop(enum machine_stop how, u16 port, u32 value, u32 width);
NORETURN void machine_halt(void);
