/* SPDX-License-Identifier: MIT */
#pragma once

#include "arch/x86_64/cpu/features.h"
#include "arch/x86_64/cpu/percpu.h"
#include "boot/boot_info.h"
#include "boot/init/acpi.h"
#include "lib/status.h"

/*
 * The boot sequence from the image's entry into C to the manager. Like the rest of boot/, its code
 * and constants are unmapped before the first process runs (kernel_space_seal); its variables stay.
 */

/* Reads the running CPU's features from CPUID and MSRs. */
struct cpu_features features_read(void);
/*
 * Turns on, on the running CPU, the features that the kernel always runs with: CR0.WP, NE, MP and
 * TS; CR4.OSFXSR and OSXMMEXCPT and, if supported, DE, MCE, SMEP, SMAP, UMIP, OSXSAVE; PAT as after
 * RESET; the speculation controls. EFER.NXE was set on the way into long mode. Returns false,
 * without effect, if the CPU lacks a feature that the boot CPU has.
 */
bool features_enable(void);

/* Returns the mitigations of speculative execution that are needed, by its argument alone. */
struct speculation speculation_decide(const struct speculation_cpu *cpu);
/* Sets, on the running CPU, the mitigations that are set once per CPU, at its start. */
void speculation_enable(const struct speculation *speculation);

/*
 * Loads GDT, IDT, TSS and the system-call MSRs on the running CPU from cpu->idt, stack_top and ist.
 * Without UMIP ring 3 can read the tables' addresses: `cpu` and cpu->idt must not reveal where the
 * image lies.
 */
void tables_load(struct cpu *cpu);

/*
 * Gives the host's RAM to the page allocator. Memory regions may overlap; partial pages at their
 * ends are left out. The pages in info->used and page 0 are never given out. Returns false if there
 * is no room for the array of struct page.
 */
bool page_init(const struct boot_info *info) MUST_CHECK;
/*
 * Moves the pages of a range to a NUMA node, and splits free blocks of the allocator so that none
 * spans two nodes. Must be called while only one CPU runs.
 */
void page_node_set(hpa_t base, u64 length, u8 node);

/*
 * Takes over the page tables that the boot code made, drops their identity mapping and prepares the
 * area of addresses for stacks and devices. All later changes lie below the top level, so that
 * processes can copy that level.
 */
enum status kernel_space_init(const struct boot_info *info) MUST_CHECK;
/*
 * Maps memory a second time, read-only, at an address that does not reveal the first; `hpa` is
 * page-aligned. The user views of the page tables also show the mappings of this function and the
 * next two, except that of a stack they show only its highest page and the stub. Returns NULL if
 * there is no memory.
 */
const void *kernel_map_constant(hpa_t hpa, u64 bytes);

/*
 * Allocates a stack of KERNEL_STACK_BYTES, aligned to its size, with an unmapped page below it. The
 * page at `stub` is mapped above it, executable; if `stub` is 0, nothing is. Returns the stack's
 * lowest address, or NULL if there is no memory. The stack is permanent, like all mappings of the
 * kernel.
 */
void *kernel_stack_alloc(hpa_t stub);

/*
 * Allocates zeroed pages, mapped outside the direct map, for good; returns NULL if there is no
 * memory.
 */
void *kernel_pages_alloc(u64 page_count);

/*
 * Fills the constants of the page of counters that the kernel shows to the manager (struct
 * kernel_page).
 */
void kernel_page_init(const struct boot_info *info);

/* Sets up ACPI tables, interrupt controllers, the clock and virtualization, on the boot CPU. */
void machine_init(const struct boot_info *info, struct acpi_info *acpi);
/*
 * Sets up the running CPU's own hardware: local APIC, timer, machine checks and virtualization;
 * fails if virtualization cannot be turned on.
 */
enum status machine_cpu_init(struct cpu *cpu, const struct acpi_info *acpi);

/*
 * Measures the TSC against channel 2 of the PIT (some 10 ms, up to a second on a busy host) and
 * falls back on CPUID. Returns the TSC's rate in kHz, 0 if neither works.
 */
u32 tsc_calibrate(void);

/*
 * Turns on the local APIC of the running CPU, in x2APIC mode if supported. `registers` is the
 * mapped (uncached) register page, not used in x2APIC mode. LINT0 is masked, LINT1 delivers NMI.
 */
void lapic_enable(volatile void *registers, u8 spurious_vector);
/*
 * Prepares the running CPU's timer to raise `vector`, once for each lapic_timer_set. Without TSC
 * deadline mode the first call measures the timer's rate against the TSC.
 */
void lapic_timer_init(u8 vector);

/* Makes this_cpu() work on the boot stack, and an exception there a panic. `features` is filled. */
void cpus_adopt_boot(void);
/*
 * Creates the boot CPU's final struct, with guarded stacks, and loads its tables; still on the boot
 * stack.
 */
struct cpu *cpus_create_boot(void);
/*
 * Starts the other CPUs of the MADT, one after the other, until `limit` CPUs run; 0: all. A CPU
 * that does not answer is named in the log and left out.
 */
void cpus_start(const struct acpi_info *acpi, u32 limit);

/*
 * Creates the manager, the one process that the kernel starts itself, with every handle it holds:
 * the root, the kernel's pages of counters and logs, the programs built into the image, and the
 * boot modules.
 */
void manager_create(const struct boot_info *info);
