/* SPDX-License-Identifier: MIT */
/*
 * The local APIC by its MSRs: the base, the TSC deadline and x2APIC's registers. Called by
 * exits_apic.c and exits_msr.c; changes the local APIC only.
 */
#include "arch/x86_64/hw/msr.h"
#include "vmm/monitor/irqchip/irqchip.h"

#define X2APIC_MSR_COUNT 0x100u

bool lapic_owns_msr(u32 msr)
{
	return msr == MSR_APIC_BASE || msr == MSR_TSC_DEADLINE ||
	       msr - MSR_X2APIC_BASE < X2APIC_MSR_COUNT;
}

/*
 * Writes IA32_APIC_BASE: x2APIC mode is entered from xAPIC mode and left to "disabled" only; EXTD
 * without EN is invalid (SDM vol. 3, 11.12.5).
 */
static bool lapic_base_write(struct lapic *lapic, u64 value, u32 physical_bits)
{
	u64 defined = APIC_BASE_BSP | APIC_BASE_EXTD | APIC_BASE_EN | BITS(physical_bits - 1, 12);
	enum lapic_mode old = lapic_mode(lapic);
	bool enabled = value & APIC_BASE_EN;
	bool extended = value & APIC_BASE_EXTD;

	if (value & ~defined || (extended && !enabled))
		return false;
	if ((extended && old == LAPIC_OFF) || (enabled && !extended && old == LAPIC_X2APIC))
		return false;

	lapic->state.apic_base = value;
	if (!enabled && old != LAPIC_OFF)
		lapic_reset_registers(lapic);
	else if (lapic_mode(lapic) != old)
		lapic_set_id_registers(lapic);
	irqchip_lint0_changed(lapic->irqchip, lapic);
	return true;
}

/*
 * Returns the bits that a WRMSR may set; none for read-only registers and for ESR, which takes
 * zero.
 */
static u32 lapic_writable_bits(u32 offset)
{
	switch (offset) {
	case LAPIC_TPR:
		return 0xff;
	case LAPIC_SVR:
		return 0x13ff;
	case LAPIC_LVT_TIMER:
		return 0x710ff;
	case LAPIC_LVT_THERMAL:
	case LAPIC_LVT_PERF:
		return 0x117ff;
	case LAPIC_LVT_LINT0:
	case LAPIC_LVT_LINT1:
		return 0x1f7ff;
	case LAPIC_LVT_ERROR:
		return 0x110ff;
	case LAPIC_TIMER_INITIAL:
		return ~0u;
	case LAPIC_TIMER_DIVIDE:
		return 0xb;
	default:
		return 0;
	}
}

/*
 * Returns whether a register of xAPIC mode exists in x2APIC mode, too: all but these do (SDM vol.
 * 3, table 11-6).
 */
static bool lapic_msr_x2apic_readable(u32 offset)
{
	switch (offset) {
	case LAPIC_APR:
	case LAPIC_EOI:
	case LAPIC_RRD:
	case LAPIC_DFR:
	case LAPIC_ICR_HIGH:
		return false;
	default:
		return lapic_register_exists(offset);
	}
}

static bool lapic_msr_x2apic_read(struct lapic *lapic, u32 offset, u64 *value)
{
	if (!lapic_msr_x2apic_readable(offset))
		return false;
	*value = lapic_read(lapic, offset);
	if (offset == LAPIC_ICR)
		*value |= (u64)lapic_get(lapic, LAPIC_ICR_HIGH) << 32;
	return true;
}

static bool lapic_icr_write(struct lapic *lapic, u64 value)
{
	/* x2APIC has no delivery status: the bit is ignored, as by CPUs (SDM vol. 3, figure 11-28)
	 */
	if (value & (BITS(31, 20) | BITS(17, 16) | BIT(13)))
		return false;
	value &= ~LAPIC_ICR_PENDING;
	lapic_set(lapic, LAPIC_ICR, (u32)value);
	lapic_set(lapic, LAPIC_ICR_HIGH, (u32)(value >> 32));
	lapic_send(lapic, value);
	return true;
}

/*
 * Writes a register of x2APIC mode. The three that a guest writes for every interrupt are looked
 * for first.
 */
static bool lapic_msr_x2apic_write(struct lapic *lapic, u32 offset, u64 value)
{
	u32 writable;

	if (offset == LAPIC_EOI && value == 0) {
		lapic_eoi(lapic);
		return true;
	}
	if (offset == LAPIC_ICR)
		return lapic_icr_write(lapic, value);
	if (offset == LAPIC_SELF_IPI && value <= 0xff) {
		/* an illegal vector, both sent and received (SDM vol. 3, 11.5.3) */
		if (unlikely(value < 16))
			lapic_error(lapic, LAPIC_ESR_SEND_ILLEGAL_VECTOR);
		lapic_deliver(lapic, APIC_FIXED, (u32)value, false);
		return true;
	}
	writable = lapic_writable_bits(offset);
	if ((value & ~(u64)writable) != 0 || (writable == 0 && offset != LAPIC_ESR))
		return false;
	lapic_write(lapic, offset, (u32)value);
	return true;
}

bool lapic_msr_read(struct lapic *lapic, u32 msr, u64 *value)
{
	switch (msr) {
	case MSR_APIC_BASE:
		*value = lapic->state.apic_base;
		return true;
	case MSR_TSC_DEADLINE:
		lapic_tick(lapic);
		*value = lapic_timer_get_deadline(lapic);
		return true;
	default:
		if (lapic_mode(lapic) != LAPIC_X2APIC || msr - MSR_X2APIC_BASE >= X2APIC_MSR_COUNT)
			return false;
		return lapic_msr_x2apic_read(lapic, (msr - MSR_X2APIC_BASE) << 4, value);
	}
}

bool lapic_msr_write(struct lapic *lapic, u32 msr, u64 value, u32 physical_bits)
{
	switch (msr) {
	case MSR_APIC_BASE:
		return lapic_base_write(lapic, value, physical_bits);
	case MSR_TSC_DEADLINE:
		lapic_timer_set_deadline(lapic, value);
		return true;
	default:
		if (lapic_mode(lapic) != LAPIC_X2APIC || msr - MSR_X2APIC_BASE >= X2APIC_MSR_COUNT)
			return false;
		return lapic_msr_x2apic_write(lapic, (msr - MSR_X2APIC_BASE) << 4, value);
	}
}
