/* SPDX-License-Identifier: MIT */
#pragma once

/* All interrupt controllers of a machine with four CPUs. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "tests/unit/device_access.h"
#include "vmm/monitor/irqchip/ioapic.c"
#include "vmm/monitor/irqchip/irqchip.h"
#include "vmm/monitor/irqchip/irqchip_message.c"
#include "vmm/monitor/irqchip/lapic.c"
#include "vmm/monitor/irqchip/lapic_lend.c"
#include "vmm/monitor/irqchip/lapic_priority.c"
#include "vmm/monitor/irqchip/lapic_timer.c"
#include "vmm/monitor/irqchip/pic.c"

#define CPUS	      4u
#define PHYSICAL_BITS 40u

static struct machine_clock fixture_clock;
static struct irqchip chip;
static struct lapic_page fixture_page[CPUS];
static struct lapic *const bsp UNUSED = &chip.lapic[0];

static UNUSED int chip_setup(void **state)
{
	struct lapic_page *page[CPUS];

	(void)state;
	for (u32 i = 0; i < CPUS; i++)
		page[i] = &fixture_page[i];
	fixture_clock = (struct machine_clock){.tsc_khz = 2000000};
	irqchip_init(&chip, &fixture_clock, CPUS, page);
	return 0;
}

/* Software-enables every APIC, with spurious vector 0xff. */
static UNUSED int chip_setup_enabled(void **state)
{
	chip_setup(state);
	for (u32 i = 0; i < CPUS; i++)
		lapic_write(&chip.lapic[i], LAPIC_SVR, 0x1ff);
	return 0;
}

static UNUSED void at_ns(u64 ns)
{
	fixture_clock.now_ns = ns;
	fixture_clock.guest_tsc = ns * 2;
}

static UNUSED bool vector_requested(u32 cpu, u32 vector)
{
	return lapic_vector_test(&chip.lapic[cpu], LAPIC_IRR, vector);
}

/* Returns as bits the CPUs at which the vector is requested, and clears the requests. */
static UNUSED u32 take_requests(u32 vector)
{
	u32 cpus = 0;

	for (u32 i = 0; i < CPUS; i++) {
		if (vector_requested(i, vector))
			cpus |= 1u << i;
		lapic_vector_clear(&chip.lapic[i], LAPIC_IRR, vector);
	}
	return cpus;
}

static UNUSED u64 rdmsr(struct lapic *lapic, u32 msr)
{
	u64 value = 0xdead;

	assert_true(lapic_msr_read(lapic, msr, &value));
	return value;
}

static UNUSED bool wrmsr(struct lapic *lapic, u32 msr, u64 value)
{
	return lapic_msr_write(lapic, msr, value, PHYSICAL_BITS);
}

static UNUSED u32 x2msr(u32 offset)
{
	return MSR_X2APIC_BASE + (offset >> 4);
}

static UNUSED void enable_x2apic(u32 cpu)
{
	struct lapic *lapic = &chip.lapic[cpu];

	assert_true(wrmsr(lapic, MSR_APIC_BASE, lapic->state.apic_base | APIC_BASE_EXTD));
}
