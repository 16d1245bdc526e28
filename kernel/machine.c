/* SPDX-License-Identifier: MIT */
#include "kernel/machine.h"
#include "arch/x86_64/cpu/features.h"
#include "arch/x86_64/cpu/instructions.h"
#include "arch/x86_64/cpu/ioapic.h"
#include "arch/x86_64/cpu/lapic.h"
#include "arch/x86_64/cpu/percpu.h"
#include "arch/x86_64/cpu/pic.h"
#include "arch/x86_64/cpu/tsc.h"
#include "arch/x86_64/cpu/uart.h"
#include "kernel/cpus.h"
#include "kernel/log.h"
#include "kernel/machine_check.h"
#include "kernel/panic.h"
#include "kernel/vm.h"
#include "lib/checked.h"
#include "mm/address.h"
#include "mm/kernel_space.h"
#include "mm/page.h"
#include "mm/tlb.h"

#define KEYBOARD_COMMAND 0x64
#define KEYBOARD_RESET 0xfe

extern const char __image_start[];

struct machine machine;

static void *lapic_registers; /* not used in x2APIC mode */

hpa_t machine_image_hpa(const void *address)
{
	return HPA((u64)address - (u64)__image_start + machine.boot->image_hpa.value);
}

/* RAM and ACPI tables are in the direct map; what lies in ROM gets a mapping of its own. */
static const void *firmware(hpa_t address, u64 length)
{
	const struct boot_info *boot = machine.boot;

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

static void acpi_init(void)
{
	const struct boot_info *boot = machine.boot;
	hpa_t rsdp = boot->rsdp;
	enum status status;

	if (rsdp.value == 0 && boot->rsdp_bytes != 0)
		rsdp = machine_image_hpa(boot->rsdp_copy);
	status = acpi_read(rsdp, firmware, &machine.acpi);
	if (status != STATUS_OK)
		log_warning(LOG_BOOT, "no usable ACPI tables, status %u", status);
}

_Static_assert(ACPI_ZONE_MAX <= ZONE_MAX, "each has its counters");

static void zones_init(void)
{
	const struct acpi_info *acpi = &machine.acpi;

	for (u32 i = 0; i < acpi->range_count; i++)
		page_zone_set(acpi->range[i].base, acpi->range[i].length,
			      (u8)acpi->range[i].zone);
	if (acpi->zone_count > 1)
		log_info(LOG_MEMORY, "%u zones of memory", acpi->zone_count);
}

/* Turns on the running CPU's local APIC, its timer, machine checks and virtualization. */
enum status machine_cpu_init(struct cpu *cpu)
{
	enum status status;

	lapic_enable(lapic_registers, VECTOR_SPURIOUS);
	cpu->apic_id = lapic_id();
	for (u32 i = 0; i < machine.acpi.cpu_count; i++) {
		if (machine.acpi.cpu[i].apic_id == cpu->apic_id)
			cpu->zone = (u8)machine.acpi.cpu[i].zone;
	}
	lapic_timer_init(VECTOR_TIMER);
	machine_check_enable();
	status = virt->cpu_enable(cpu->virt_area, pointer_to_hpa(cpu->virt_area));
	cpu->virt_on = status == STATUS_OK;
	return status;
}

void machine_init(void)
{
	struct cpu *cpu = this_cpu();
	const char *reason;
	u32 khz;

	acpi_init();
	zones_init();
	pic_disable(VECTOR_PIC_FIRST);
	if (!features.x2apic)
		lapic_registers = kernel_map_device(machine.acpi.lapic, PAGE_SIZE);
	for (u32 i = 0; i < machine.acpi.ioapic_count; i++)
		ioapic_add(kernel_map_device(machine.acpi.ioapic[i].address, PAGE_SIZE),
			   machine.acpi.ioapic[i].gsi_base);
	khz = tsc_calibrate();
	if (khz == 0)
		uart_unfit("the TSC's rate cannot be found out: no PIT, nothing in CPUID");
	tsc_set_khz(khz);

	virt = virt_probe(&reason);
	if (virt == NULL)
		uart_unfit(reason);
	if (page_alloc_cleared(0, PAGE_CONTROL, NULL, &cpu->virt_area) != STATUS_OK)
		panic("no page for virtualization");
	if (machine_cpu_init(cpu) != STATUS_OK)
		uart_unfit("this CPU cannot turn virtualization on");
	if ((cpuid(CPUID_VERSION, 0).edx & CPUID_1_EDX_APIC) == 0)
		uart_unfit("this CPU has no local APIC that can be turned on");
	log_info(LOG_CPU, "TSC %u kHz, APIC id %u, %u CPUs and %u I/O APICs in the MADT", tsc_khz(),
		 cpu->apic_id, machine.acpi.cpu_count, machine.acpi.ioapic_count);
}

void machine_virt_leave(struct cpu *cpu)
{
	if (!cpu->virt_on)
		return;
	cpu->virt_on = false;
	virt->cpu_disable();
}

void machine_halt(void)
{
	for (;;) {
		cli();
		hlt();
	}
}

void machine_reboot(u16 port, u8 value)
{
	static const struct descriptor_table_register no_idt;

	cli();
	cpus_stop_others();
	machine_virt_leave(this_cpu());
	if (port != 0)
		out8(port, value);
	out8(KEYBOARD_COMMAND, KEYBOARD_RESET);
	for (u64 end = rdtsc() + tsc_from_ns(50 * NS_PER_MS); rdtsc() < end;)
		pause();
	__asm__ volatile("lidt %0; int3" : : "m"(no_idt));
	machine_halt();
}

u8 page_arch_zone(void)
{
	return this_cpu()->zone;
}

/* The processor's part of mm/tlb.h. */
void tlb_arch_load_root(hpa_t root)
{
	write_cr3(root.value);
}

u64 tlb_arch_clock_ms(void)
{
	return rdtsc() / tsc_khz();
}

u32 tlb_arch_cpu(void)
{
	return this_cpu()->id;
}

void tlb_arch_kick(u32 id)
{
	cpus_pend(cpus_get(id), PENDING_KICK);
}

bool tlb_arch_kicked(u32 id)
{
	const struct cpu *cpu = cpus_get(id);

	return cpu != this_cpu() &&
	       (__atomic_load_n(&cpu->pending, __ATOMIC_SEQ_CST) & PENDING_KICK);
}
