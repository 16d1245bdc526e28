/* SPDX-License-Identifier: MIT */
/*
 * The tables of fields in the saved states of vCPUs, local APICs, time and policy. Called by
 * inspect.c; constant data only.
 */
#include "vmm/monitor/dev/platform_state.h"
#include "vmm/monitor/state/fields_table.h"
#include "vmm/monitor/state/machine_state.h"
#include "vmm/monitor/state/vcpu_state.h"

static const struct state_field of_vcpu_segment_state[] = {
	FIELD(vcpu_segment_state, base, FIELD_HEX),
	FIELD(vcpu_segment_state, limit, FIELD_HEX),
	FIELD(vcpu_segment_state, access, FIELD_HEX),
	FIELD(vcpu_segment_state, selector, FIELD_HEX),
};
STRUCT(vcpu_segment_state);

static const struct state_field of_vcpu_table_state[] = {
	FIELD(vcpu_table_state, base, FIELD_HEX),
	FIELD(vcpu_table_state, limit, FIELD_HEX),
};
STRUCT(vcpu_table_state);

static const struct state_field of_vcpu_exit[] = {
	FIELD(vcpu_exit, reason, FIELD_NUMBER),
	FIELD(vcpu_exit, instruction_length, FIELD_NUMBER),
	FIELD(vcpu_exit, tsc, FIELD_NUMBER),
	FIELD(vcpu_exit, access, FIELD_HEX),
	FIELD(vcpu_exit, io_port, FIELD_HEX),
	FIELD(vcpu_exit, io_size, FIELD_NUMBER),
	FIELD(vcpu_exit, io_flags, FIELD_HEX),
	FIELD(vcpu_exit, gpa, FIELD_HEX),
	FIELD(vcpu_exit, gva, FIELD_HEX),
	FIELD(vcpu_exit, vector, FIELD_NUMBER),
	FIELD(vcpu_exit, error_code, FIELD_HEX),
	FIELD(vcpu_exit, vendor_code, FIELD_HEX),
	FIELD(vcpu_exit, qualification, FIELD_HEX),
	FIELD(vcpu_exit, qualification2, FIELD_HEX),
};
STRUCT(vcpu_exit);

static const struct state_field of_vcpu_event[] = {
	FIELD(vcpu_event, valid, FIELD_NUMBER),
	FIELD(vcpu_event, type, FIELD_NUMBER),
	FIELD(vcpu_event, vector, FIELD_NUMBER),
	FIELD(vcpu_event, has_error_code, FIELD_NUMBER),
	FIELD(vcpu_event, error_code, FIELD_HEX),
	FIELD(vcpu_event, instruction_length, FIELD_NUMBER),
};
STRUCT(vcpu_event);

static const struct state_field of_msr_state[] = {
	ARRAY(msr_state, stored, FIELD_HEX),
	ARRAY(msr_state, mtrr, FIELD_HEX),
};
STRUCT(msr_state);

static const struct state_field of_vcpu_saved[] = {
	ARRAY(vcpu_saved, gpr, FIELD_HEX),
	FIELD(vcpu_saved, rip, FIELD_HEX),
	FIELD(vcpu_saved, rflags, FIELD_HEX),
	FIELD(vcpu_saved, cr0, FIELD_HEX),
	FIELD(vcpu_saved, cr2, FIELD_HEX),
	FIELD(vcpu_saved, cr3, FIELD_HEX),
	FIELD(vcpu_saved, cr4, FIELD_HEX),
	FIELD(vcpu_saved, efer, FIELD_HEX),
	FIELD(vcpu_saved, xcr0, FIELD_HEX),
	INNERS(vcpu_saved, segment, vcpu_segment_state),
	INNER(vcpu_saved, gdtr, vcpu_table_state),
	INNER(vcpu_saved, idtr, vcpu_table_state),
	ARRAY(vcpu_saved, dr, FIELD_HEX),
	ARRAY(vcpu_saved, msr, FIELD_HEX),
	INNER(vcpu_saved, exit, vcpu_exit),
	INNER(vcpu_saved, inject, vcpu_event),
	INNER(vcpu_saved, event, vcpu_event),
	INNER(vcpu_saved, held, vcpu_event),
	FIELD(vcpu_saved, shadow, FIELD_HEX),
	FIELD(vcpu_saved, request, FIELD_HEX),
	FIELD(vcpu_saved, advance_length, FIELD_NUMBER),
	FIELD(vcpu_saved, tpr_threshold, FIELD_NUMBER),
	FIELD(vcpu_saved, halted, FIELD_NUMBER),
	FIELD(vcpu_saved, unhalted, FIELD_NUMBER),
	FIELD(vcpu_saved, pv_eoi_pending, FIELD_NUMBER),
	FIELD(vcpu_saved, steal_marked, FIELD_NUMBER),
	FIELD(vcpu_saved, tsc_adjust, FIELD_HEX),
	FIELD(vcpu_saved, system_time_msr, FIELD_HEX),
	FIELD(vcpu_saved, wall_clock_msr, FIELD_HEX),
	FIELD(vcpu_saved, pv_eoi_msr, FIELD_HEX),
	FIELD(vcpu_saved, steal_msr, FIELD_HEX),
	FIELD(vcpu_saved, steal_unseen_tsc, FIELD_NUMBER),
	INNER(vcpu_saved, kept, msr_state),
};
STRUCT(vcpu_saved);

static const struct state_field of_time_saved[] = {
	FIELD(time_saved, elapsed_tsc, FIELD_NUMBER),
	FIELD(time_saved, tsc_khz, FIELD_NUMBER),
};
STRUCT(time_saved);

static const struct state_field of_wall_saved[] = {
	FIELD(wall_saved, unix_ns, FIELD_NUMBER),
};
STRUCT(wall_saved);

static const struct state_field of_cpuid_regs[] = {
	FIELD(cpuid_regs, eax, FIELD_HEX),
	FIELD(cpuid_regs, ebx, FIELD_HEX),
	FIELD(cpuid_regs, ecx, FIELD_HEX),
	FIELD(cpuid_regs, edx, FIELD_HEX),
};
STRUCT(cpuid_regs);

static const struct state_field of_policy_leaf[] = {
	FIELD(policy_leaf, leaf, FIELD_HEX),
	FIELD(policy_leaf, subleaf, FIELD_HEX),
	INNER(policy_leaf, regs, cpuid_regs),
};
STRUCT(policy_leaf);

static const struct state_field of_policy_saved[] = {
	FIELD(policy_saved, ram_bytes, FIELD_NUMBER),
	FIELD(policy_saved, vcpu_count, FIELD_NUMBER),
	FIELD(policy_saved, physical_bits, FIELD_NUMBER),
	FIELD(policy_saved, xcr0, FIELD_HEX),
	FIELD(policy_saved, leaf_count, FIELD_NUMBER),
	INNERS(policy_saved, leaf, policy_leaf),
};
STRUCT(policy_saved);

static const struct state_field of_lapic_state[] = {
	FIELD(lapic_state, apic_base, FIELD_HEX),
	FIELD(lapic_state, tsc_deadline, FIELD_NUMBER),
	FIELD(lapic_state, timer_expiry_ns, FIELD_NUMBER),
	FIELD(lapic_state, id, FIELD_NUMBER),
	FIELD(lapic_state, errors, FIELD_HEX),
	FIELD(lapic_state, nmi_count, FIELD_NUMBER),
	FIELD(lapic_state, init_pending, FIELD_NUMBER),
	FIELD(lapic_state, sipi_pending, FIELD_NUMBER),
	FIELD(lapic_state, sipi_vector, FIELD_HEX),
	FIELD(lapic_state, wait_for_sipi, FIELD_NUMBER),
};
STRUCT(lapic_state);

static const struct state_field of_irqchip_saved[] = {
	FIELD(irqchip_saved, kick, FIELD_HEX),
	FIELD(irqchip_saved, lowest_last, FIELD_NUMBER),
};
STRUCT(irqchip_saved);

static const struct state_field of_bus_saved[] = {
	FIELD(bus_saved, unknown_count, FIELD_NUMBER),
	FIELD(bus_saved, unknown_last, FIELD_HEX),
};
STRUCT(bus_saved);

/* A row of the local APIC's page, in which registers lie 16 bytes apart (SDM vol. 3, 11.4.1). */
struct lapic_row {
	u32 value;
	u32 unused[3];
};
_Static_assert(sizeof(struct lapic_row) == 16, "what lies between two registers");

/* Like struct lapic_saved, but with the page as rows: reg[8] is the register at 0x80. */
struct lapic_rows {
	struct lapic_state state;
	struct lapic_row reg[64];
};
_Static_assert(offsetof(struct lapic_rows, reg) == offsetof(struct lapic_saved, page),
	       "it lies where the page lies");

static const struct state_field of_lapic_row[] = {
	FIELD(lapic_row, value, FIELD_HEX),
};
STRUCT(lapic_row);

static const struct state_field of_lapic_rows[] = {
	INNER(lapic_rows, state, lapic_state),
	INNERS(lapic_rows, reg, lapic_row),
};
STRUCT(lapic_rows);

static const struct state_fields *const machine_fields[] = {
	[STATE_VCPU] = &fields_vcpu_saved,     [STATE_TIME] = &fields_time_saved,
	[STATE_POLICY] = &fields_policy_saved, [STATE_IRQCHIP] = &fields_irqchip_saved,
	[STATE_BUS] = &fields_bus_saved,       [STATE_LAPIC] = &fields_lapic_rows,
	[STATE_WALL] = &fields_wall_saved,
};

const struct state_fields *state_fields_of(u32 kind)
{
	if (kind < ARRAY_COUNT(machine_fields) && machine_fields[kind] != NULL)
		return machine_fields[kind];
	return state_fields_of_device(kind);
}
