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

/* SYS_MACHINE_RESET. If nothing resets the machine, it halts for good. */
NORETURN void machine_reboot(u16 port, u8 value);
NORETURN void machine_halt(void);
