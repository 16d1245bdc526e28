/* SPDX-License-Identifier: MIT */
#pragma once

#include "kernel/abi/object.h"
#include "kernel/abi/pages.h"
#include "lib/status.h"
#include "vmm/manager/host/host_acpi.h"
#include "vmm/manager/host/host_lines.h"

/* The host as a whole: the kernel's counters, the wall clock, power. */
enum status machine_init(void) MUST_CHECK;

const struct kernel_page *machine_page(void);

/*
 * Returns the number of MCFG entries, and in *found the entries, which say where PCI's
 * configuration space lies.
 */
u32 machine_ecam(const struct host_ecam **found);

/* Returns the lines of the I/O APICs. */
const struct host_lines *machine_lines(void);
/* Makes an irq object for an ISA line. `flags` is IRQ_NMI or 0. */
enum status machine_isa_irq(u32 line, u32 flags, handle_t *irq) MUST_CHECK;

/*
 * Notes that an I/O APIC raises its lines through an IOMMU from now on; `unit` is the kernel's
 * number of that IOMMU.
 */
void machine_lines_remap(u32 ioapic, u64 unit, u16 requester);

/*
 * Returns the firmware's ACPI table of that signature, valid until the next call or
 * machine_acpi_close, or NULL if there is none.
 */
const u8 *machine_acpi_open(const char *signature, u32 *bytes);
void machine_acpi_close(void);

/* Copies the firmware's UUID of this host. Returns false if the firmware has none. */
bool machine_uuid(u8 id[16]);

/* Returns the nanoseconds since the kernel started, as the log counts them. */
u64 machine_time_ns(void);

/*
 *  Returns the Unix time at a value of the TSC, or 0 if the host's clock cannot be read.
 */
u64 machine_wall_seconds(u64 tsc);

/*
 * Returns the CMOS clock's reading at the host's start and the TSC at that moment, so that all
 * users compute the same time.
 */
void machine_wall_base(u64 *seconds, u64 *tsc);

/*
 * Returns the Unix time in nanoseconds at which the log's time was 0, or 0 if the host's clock
 * cannot be read.
 */
u64 machine_start_unix_ns(void);

/*
 *  Returns why the host cannot be switched off, or NULL if it can.
 */
const char *machine_power_problem(void);
/* Switch the host off, or reset it. They return only on failure, with the reason in words. */
const char *machine_power_off(void);
const char *machine_reboot(void);
