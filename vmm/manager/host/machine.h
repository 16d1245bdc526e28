/* SPDX-License-Identifier: MIT */
#pragma once

#include "kernel/abi/object.h"
#include "kernel/abi/pages.h"
#include "lib/status.h"
#include "vmm/manager/host/host_acpi.h"
#include "vmm/manager/host/host_lines.h"

/* The machine as a whole: the kernel's counters, wall clock, power. */
enum status machine_init(void) MUST_CHECK;

const struct kernel_page *machine_page(void);

/* The configuration space of the PCI buses that the MCFG names; returns how many entries. */
u32 machine_ecam(const struct host_ecam **found);

/* The lines of the I/O APICs. */
const struct host_lines *machine_lines(void);
/* An interrupt of ISA's line of that number. `flags`: IRQ_NMI or 0. */
enum status machine_isa_irq(u32 line, u32 flags, handle_t *irq) MUST_CHECK;

/* From now on that I/O APIC raises its lines through an IOMMU, by the kernel's number. */
void machine_lines_remap(u32 ioapic, u64 unit, u16 requester);

/*
 * The firmware's ACPI table of that signature, valid until the next is opened or this one closed;
 * NULL: there is none.
 */
const u8 *machine_acpi_open(const char *signature, u32 *bytes);
void machine_acpi_close(void);

/* Nanoseconds since the kernel started, as the log counts them. */
u64 machine_time_ns(void);

/* Unix time at that value of the TSC; 0 when the machine's clock cannot be read. */
u64 machine_wall_seconds(u64 tsc);

/* The clock's reading when it was read, and the TSC then: the same for all that begins with it. */
void machine_wall_base(u64 *seconds, u64 *tsc);

/* Unix time in nanoseconds at which the log's time was 0; 0 when the clock cannot be read. */
u64 machine_start_unix_ns(void);

/* Why the machine could not be switched off, in words; NULL: it can. */
const char *machine_power_problem(void);
/* Each returns only on failure: why not, in words. */
const char *machine_power_off(void);
const char *machine_reboot(void);
