/* SPDX-License-Identifier: MIT */
/*
 * A vCPU's local APIC: registers, reset and writes (SDM vol. 3, 11). Called by irqchip.c,
 * exits_memory.c and the platform; owns the APIC's state and its page of registers.
 */
#include "vmm/monitor/irqchip/lapic.h"
#include "lib/string.h"
#include "vmm/monitor/irqchip/irqchip.h"

/* Returns the bits of an LVT register that software can write; all others read 0. */
static u32 lapic_lvt_writable(u32 offset)
{
	switch (offset) {
	case LAPIC_LVT_TIMER:
		return LAPIC_LVT_VECTOR | LAPIC_LVT_MASKED | LAPIC_LVT_TIMER_MODE;
	case LAPIC_LVT_LINT0:
	case LAPIC_LVT_LINT1:
		return LAPIC_LVT_VECTOR | LAPIC_LVT_DELIVERY_MODE | LAPIC_LVT_ACTIVE_LOW |
		       LAPIC_LVT_LEVEL | LAPIC_LVT_MASKED;
	case LAPIC_LVT_ERROR:
		return LAPIC_LVT_VECTOR | LAPIC_LVT_MASKED;
	default:
		return LAPIC_LVT_VECTOR | LAPIC_LVT_DELIVERY_MODE | LAPIC_LVT_MASKED;
	}
}

void lapic_set_id_registers(struct lapic *lapic)
{
	u32 id = lapic->state.id;

	if (lapic_mode(lapic) == LAPIC_X2APIC) {
		lapic_set(lapic, LAPIC_ID, id);
		lapic_set(lapic, LAPIC_LDR, (id >> 4) << 16 | 1u << (id & 0xf));
	} else {
		lapic_set(lapic, LAPIC_ID, id << LAPIC_XAPIC_ID_SHIFT);
	}
}

/*
 * Sets the registers to their state after power-up (SDM vol. 3, 11.4.7.1); ID and base are not
 * touched.
 */
void lapic_reset_registers(struct lapic *lapic)
{
	memset(lapic->page, 0, sizeof(*lapic->page));
	lapic_page_replaced(lapic);
	lapic_set(lapic, LAPIC_VERSION, LAPIC_VERSION_VALUE);
	lapic_set(lapic, LAPIC_DFR, LAPIC_DFR_FLAT);
	lapic_set(lapic, LAPIC_SVR, 0xff);
	for (u32 offset = LAPIC_LVT_TIMER; offset <= LAPIC_LVT_ERROR; offset += 0x10)
		lapic_set(lapic, offset, LAPIC_LVT_MASKED);
	lapic_set_id_registers(lapic);

	lapic->state.tsc_deadline = 0;
	lapic->state.timer_expiry_ns = DEADLINE_NONE;
	lapic->state.errors = 0;
}

void lapic_reset(struct lapic *lapic, u32 id)
{
	lapic->state = (struct lapic_state){
		.id = id,
		.apic_base = LAPIC_DEFAULT_ADDRESS | APIC_BASE_EN | (id == 0 ? APIC_BASE_BSP : 0),
		.wait_for_sipi = id != 0,
	};
	lapic_reset_registers(lapic);
}

void lapic_init_signal(struct lapic *lapic)
{
	lapic_reset_registers(lapic);
	lapic->state.init_pending = 0;
	lapic->state.nmi_count = 0;
	lapic->state.wait_for_sipi = !(lapic->state.apic_base & APIC_BASE_BSP);
}

void lapic_virtual_wire(struct lapic *lapic)
{
	lapic_set(lapic, LAPIC_SVR, 0xff | LAPIC_SVR_ENABLE);
	lapic_set(lapic, LAPIC_LVT_LINT0, APIC_EXTINT << APIC_DELIVERY_SHIFT);
	lapic_set(lapic, LAPIC_LVT_LINT1, APIC_NMI << APIC_DELIVERY_SHIFT);
}

/*
 * Notes an error of the APIC, a bit of ESR; further errors raise no interrupt until a write to ESR
 * has rearmed it (SDM vol. 3, 11.5.3).
 */
void lapic_error(struct lapic *lapic, u32 bit)
{
	bool armed = lapic->state.errors == 0;

	lapic->state.errors |= bit;
	if (armed)
		lapic_local(lapic, LAPIC_LVT_ERROR);
}

bool lapic_register_exists(u32 offset)
{
	switch (offset) {
	case LAPIC_ID:
	case LAPIC_VERSION:
	case LAPIC_TPR:
	case LAPIC_APR:
	case LAPIC_PPR:
	case LAPIC_EOI:
	case LAPIC_RRD:
	case LAPIC_LDR:
	case LAPIC_DFR:
	case LAPIC_SVR:
	case LAPIC_ESR:
	case LAPIC_ICR:
	case LAPIC_ICR_HIGH:
	case LAPIC_TIMER_INITIAL:
	case LAPIC_TIMER_CURRENT:
	case LAPIC_TIMER_DIVIDE:
		return true;
	default:
		return (offset >= LAPIC_ISR && offset < LAPIC_ESR) ||
		       (offset >= LAPIC_LVT_TIMER && offset <= LAPIC_LVT_ERROR);
	}
}

u32 lapic_read(struct lapic *lapic, u32 offset)
{
	if (!lapic_register_exists(offset)) {
		lapic_error(lapic, LAPIC_ESR_ILLEGAL_REGISTER);
		return 0;
	}
	switch (offset) {
	case LAPIC_EOI: /* EOI is write-only */
		return 0;
	case LAPIC_TIMER_CURRENT:
		lapic_tick(lapic);
		return lapic_timer_current(lapic);
	case LAPIC_APR:
	case LAPIC_PPR:
		return lapic_ppr(lapic);
	default:
		return lapic_get(lapic, offset);
	}
}

static void lapic_write_svr(struct lapic *lapic, u32 value)
{
	lapic_set(lapic, LAPIC_SVR,
		  value & (LAPIC_SVR_VECTOR | LAPIC_SVR_ENABLE | LAPIC_SVR_FOCUS_DISABLED |
			   LAPIC_SVR_EOI_SUPPRESSION));
	if (value & LAPIC_SVR_ENABLE)
		return;
	/*
	 * SDM vol. 3, 11.4.7.2: while the APIC is disabled by software, every LVT entry is masked
	 * and stays so.
	 */
	for (u32 offset = LAPIC_LVT_TIMER; offset <= LAPIC_LVT_ERROR; offset += 0x10)
		lapic_set(lapic, offset, lapic_get(lapic, offset) | LAPIC_LVT_MASKED);
}

static void lapic_write_lvt(struct lapic *lapic, u32 offset, u32 value)
{
	value &= lapic_lvt_writable(offset);
	if (!(lapic_get(lapic, LAPIC_SVR) & LAPIC_SVR_ENABLE))
		value |= LAPIC_LVT_MASKED;

	if (offset == LAPIC_LVT_TIMER)
		lapic_timer_write(lapic, offset, value);
	else
		lapic_set(lapic, offset, value);
	if (offset == LAPIC_LVT_LINT0)
		irqchip_lint0_changed(lapic->irqchip, lapic);
}

void lapic_write(struct lapic *lapic, u32 offset, u32 value)
{
	if (!lapic_register_exists(offset)) {
		lapic_error(lapic, LAPIC_ESR_ILLEGAL_REGISTER);
		return;
	}
	switch (offset) {
	case LAPIC_TPR:
		lapic_set(lapic, LAPIC_TPR, value & 0xff);
		lapic_set(lapic, LAPIC_PPR, lapic_ppr(lapic));
		break;
	case LAPIC_EOI:
		lapic_eoi(lapic);
		break;
	case LAPIC_LDR:
		lapic_set(lapic, LAPIC_LDR, value & 0xff000000u);
		break;
	case LAPIC_DFR:
		lapic_set(lapic, LAPIC_DFR, value | 0x0fffffffu);
		break;
	case LAPIC_SVR:
		lapic_write_svr(lapic, value);
		break;
	case LAPIC_ESR:
		lapic_set(lapic, LAPIC_ESR, lapic->state.errors);
		lapic->state.errors = 0;
		break;
	case LAPIC_ICR:
		lapic_set(lapic, LAPIC_ICR, value & 0x000ccfffu);
		lapic_send(lapic, (u64)lapic_get(lapic, LAPIC_ICR_HIGH) << 32 |
					  lapic_get(lapic, LAPIC_ICR));
		break;
	case LAPIC_ICR_HIGH:
		lapic_set(lapic, LAPIC_ICR_HIGH, value & 0xff000000u);
		break;
	case LAPIC_TIMER_INITIAL:
	case LAPIC_TIMER_DIVIDE:
		lapic_timer_write(lapic, offset, value);
		break;
	default:
		if (offset >= LAPIC_LVT_TIMER && offset <= LAPIC_LVT_ERROR)
			lapic_write_lvt(lapic, offset, value);
		break; /* all other registers are read-only */
	}
}

/*
 * Reads the APIC's registers as memory; only the low dword of each 16 bytes is defined, and only as
 * a dword (SDM vol. 3, 11.4.1).
 */
u64 lapic_memory_read(struct lapic *lapic, u64 gpa, u32 size)
{
	u32 offset = (u32)(gpa & PAGE_MASK);
	u32 within = offset & 0xf;

	if (within + size > 4)
		return size == 8 && within == 0 ? lapic_read(lapic, offset) : 0;
	return (u64)lapic_read(lapic, offset & ~0xfu) >> (within * 8) & BITS(size * 8 - 1, 0);
}

void lapic_memory_write(struct lapic *lapic, u64 gpa, u32 size, u64 value)
{
	if (size == 4 && gpa % 16 == 0)
		lapic_write(lapic, (u32)(gpa & PAGE_MASK), (u32)value);
}
