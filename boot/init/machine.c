/* SPDX-License-Identifier: MIT */
/*
 * Sets up the host's hardware: ACPI tables, interrupt controllers, the clock, virtualization, and
 * each CPU's own part of it. boot/init/main.c and boot/init/cpus.c call it. It stops with a
 * sentence on COM1 if the host cannot run Skerry.
 */
#include "arch/x86_64/cpu/cpus.h"
#include "arch/x86_64/cpu/instructions.h"
#include "arch/x86_64/cpu/ioapic.h"
#include "arch/x86_64/cpu/lapic.h"
#include "arch/x86_64/cpu/tsc.h"
#include "arch/x86_64/cpu/uart.h"
#include "boot/init/init.h"
#include "boot/init/pic.h"
#include "boot/init/virt.h"
#include "kernel/log/log.h"
#include "kernel/machine/machine.h"
#include "kernel/cpu/machine_check.h"
#include "arch/x86_64/cpu/panic.h"
#include "lib/checked.h"
#include "mm/address.h"
#include "mm/kernel_space.h"
#include "mm/page.h"
#include "vmm/hw/cpuid.h"

static const struct boot_info *boot;
static void *lapic_mapped; /* the local APIC's mapped page; not used in x2APIC mode */

/*
 * Returns a pointer to a firmware table. RAM and ACPI tables are in the direct map; a table in ROM
 * gets a mapping of its own.
 */
static const void *machine_firmware(hpa_t address, u64 length)
{
	if (!range_within(address.value, length, 1ull << features.physical_bits))
		return NULL;
	for (u32 i = 0; i < boot->region_count; i++) {
		const struct boot_region *region = &boot->region[i];

		if (address.value < region->base ||
		    !range_within(address.value - region->base, length, region->length))
			continue;
		if (region->type == BOOT_REGION_RAM || region->type == BOOT_REGION_ACPI)
			return hpa_to_pointer(address);
	}
	return kernel_map_device(address, length);
}

static void machine_acpi_init(struct acpi_info *acpi)
{
	hpa_t rsdp = boot->rsdp;
	enum status status;

	if (rsdp.value == 0 && boot->rsdp_bytes != 0)
		rsdp = machine_image_hpa(boot->rsdp_copy);
	status = acpi_read(rsdp, machine_firmware, acpi);
	if (status != STATUS_OK)
		log_warning(LOG_BOOT, "no usable ACPI tables, status %u", status);
}

_Static_assert(ACPI_NODE_MAX <= NODE_MAX, "each has its counters");

static void machine_nodes_init(const struct acpi_info *acpi)
{
	for (u32 i = 0; i < acpi->range_count; i++)
		page_node_set(acpi->range[i].base, acpi->range[i].length, (u8)acpi->range[i].node);
	if (acpi->node_count > 1)
		log_info(LOG_MEMORY, "%u nodes of memory", acpi->node_count);
}

/* Turns on the running CPU's local APIC, its timer, machine checks and virtualization. */
enum status machine_cpu_init(struct cpu *cpu, const struct acpi_info *acpi)
{
	enum status status;

	lapic_enable(lapic_mapped, VECTOR_SPURIOUS);
	cpu->apic_id = lapic_id();
	for (u32 i = 0; i < acpi->cpu_count; i++) {
		if (acpi->cpu[i].apic_id == cpu->apic_id)
			cpu->node = (u8)acpi->cpu[i].node;
	}
	lapic_timer_init(VECTOR_TIMER);
	machine_check_enable();
	status = virt_cpu_enable(cpu->virt_area);
	cpu->virt_on = status == STATUS_OK;
	return status;
}

void machine_init(const struct boot_info *info, struct acpi_info *acpi)
{
	struct cpu *cpu = this_cpu();
	const char *reason;
	u32 khz;

	boot = info;
	machine_acpi_init(acpi);
	machine_nodes_init(acpi);
	pic_disable(VECTOR_PIC_FIRST);
	if (!features.x2apic)
		lapic_mapped = kernel_map_device(acpi->lapic, PAGE_SIZE);
	for (u32 i = 0; i < acpi->ioapic_count; i++)
		ioapic_add(kernel_map_device(acpi->ioapic[i].address, PAGE_SIZE),
			   acpi->ioapic[i].gsi_base);
	khz = tsc_calibrate();
	if (khz == 0)
		uart_unfit("the TSC's rate cannot be found out: no PIT, nothing in CPUID");
	tsc_set_khz(khz);

	virt = virt_probe(&reason);
	if (virt == NULL)
		uart_unfit(reason);
	cpus_virt_disable = virt->cpu_disable;
	if (page_alloc_cleared(0, PAGE_CONTROL, NULL, &cpu->virt_area) != STATUS_OK)
		panic("no page for virtualization");
	if (machine_cpu_init(cpu, acpi) != STATUS_OK)
		uart_unfit("this CPU cannot turn virtualization on");
	if ((cpuid(CPUID_VERSION, 0).edx & CPUID_1_EDX_APIC) == 0)
		uart_unfit("this CPU has no local APIC that can be turned on");
	log_info(LOG_CPU, "TSC %u kHz, APIC id %u, %u CPUs and %u I/O APICs in the MADT", tsc_khz(),
		 cpu->apic_id, acpi->cpu_count, acpi->ioapic_count);
}
