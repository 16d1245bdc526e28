/* SPDX-License-Identifier: MIT */
/*
 * The emulator's access to memory: segmentation, paging, then RAM or a device. Called by all
 * instruction files of this folder; reads and writes guest RAM and devices, and reports faults.
 */
#include "arch/x86_64/hw/control.h"
#include "lib/bits.h"
#include "vmm/monitor/emulate/emulate_state.h"
#include "vmm/monitor/memory/walk.h"
#include "vmm/monitor/x86/canonical.h"
#include "vmm/monitor/x86/segment.h"

/* Returns the current privilege level, which is SS.DPL (SDM vol. 3, 25.4.1). */
u32 emulate_cpl(const struct emulation *emulation)
{
	return emulation->page->segment[SEG_SS].access >> SEGMENT_DPL_SHIFT & 3;
}

bool emulate_is_privileged(const struct emulation *emulation)
{
	return !(emulation->page->cr0 & CR0_PE) || emulate_cpl(emulation) == 0;
}

bool emulate_may_look(const struct emulation *emulation)
{
	return !(emulation->page->cr4 & CR4_UMIP) || emulate_is_privileged(emulation);
}

/*
 * Returns whether the type of segment register number `segment` permits the access (SDM vol. 3, 5.3
 * and 5.4). Real and virtual-8086 mode have no types.
 */
static bool emulate_segment_permits(const struct emulation *emulation, u32 segment, u32 access)
{
	const struct vcpu_page *page = emulation->page;
	u32 rights = page->segment[segment].access;

	if (!(page->cr0 & CR0_PE) || page->rflags & RFLAGS_VM)
		return true;
	if (rights & SEGMENT_UNUSABLE)
		return false;
	if (access & WALK_WRITE)
		return !(rights & SEGMENT_TYPE_CODE) && rights & SEGMENT_TYPE_RW;
	return !(rights & SEGMENT_TYPE_CODE) || rights & SEGMENT_TYPE_RW;
}

/*
 * Translates a logical address to a linear one. Returns false, with emulation->event set to the
 * fault, if the CPU would fault.
 */
static bool emulate_to_linear(struct emulation *emulation, u32 segment, u64 offset, u32 size,
			      u32 access, u64 *linear)
{
	const struct vcpu_segment_state *state = &emulation->page->segment[segment];
	u8 vector = segment == SEG_SS ? VECTOR_SS : VECTOR_GP;

	if (emulation->mode == X86_MODE_64) {
		u32 bits = walk_linear_bits(emulation->page);

		*linear = offset + (segment >= SEG_FS ? state->base : 0);
		if (is_canonical(*linear, bits) && is_canonical(*linear + size - 1, bits))
			return true;
	} else {
		*linear = (u32)(state->base + offset);
		if (emulate_segment_permits(emulation, segment, access) &&
		    segment_has(state, offset, size))
			return true;
	}
	emulate_fault(emulation, vector);
	return false;
}

enum emulate_result emulate_page_fault(struct emulation *emulation, u64 linear, u32 error_code)
{
	emulation->page->cr2 = linear;
	emulation->page->dirty |= VCPU_CONTROL;
	emulate_fault(emulation, VECTOR_PF);
	emulation->event->error_code = error_code;
	return EMULATE_FAULT;
}

static enum emulate_result emulate_walk_place(struct emulation *emulation, u64 linear, u32 size,
					      u32 access, struct emulate_place *place)
{
	struct walk_result found;

	place->bytes[0] = (u32)MIN(size, PAGE_SIZE - (linear & PAGE_MASK));
	place->bytes[1] = size - place->bytes[0];
	for (u32 i = 0; i < 2 && place->bytes[i] != 0; i++) {
		if (!walk(emulation->emulator->memory, emulation->page, GVA(linear), access,
			  &found))
			return emulate_page_fault(emulation, linear, found.error_code);
		place->gpa[i] = found.gpa;
		linear += place->bytes[0];
		if (emulation->mode != X86_MODE_64 && !(access & WALK_IMPLICIT))
			linear = (u32)linear;
	}
	return EMULATE_DONE;
}

static u32 emulate_own_access(const struct emulation *emulation, u32 access)
{
	return emulate_cpl(emulation) == 3 ? access | WALK_USER : access;
}

enum emulate_result emulate_translate_system(struct emulation *emulation, u64 linear, u32 size,
					     u32 access, struct emulate_place *place)
{
	if (emulation->page->efer & EFER_LMA &&
	    !is_canonical(linear, walk_linear_bits(emulation->page)))
		return emulate_fault(emulation, VECTOR_GP);
	return emulate_walk_place(emulation, linear, size, access | WALK_IMPLICIT, place);
}

enum emulate_result emulate_translate(struct emulation *emulation, u32 segment, u64 offset,
				      u32 size, u32 access, struct emulate_place *place)
{
	u64 linear;

	if (!emulate_to_linear(emulation, segment, offset, size, access, &linear))
		return EMULATE_FAULT;
	return emulate_walk_place(emulation, linear, size, emulate_own_access(emulation, access),
				  place);
}

/*
 * Returns whether the exit reports the guest-physical address at which the CPU itself has reached
 * this operand, so that the guest's page tables need not be walked. If the instruction has changed
 * since, the guest still reaches only memory that it was just allowed to reach, by the same kind of
 * access.
 */
static bool emulate_exit_tells_place(const struct emulation *emulation, u64 linear, u32 size,
				     u32 access)
{
	const struct vcpu_exit *exit = &emulation->page->exit;
	u32 needed = access & WALK_WRITE ? ACCESS_WRITE : ACCESS_READ;

	return exit->reason == EXIT_MEMORY && !(exit->access & ACCESS_TABLE_WALK) &&
	       exit->access & needed && (linear & PAGE_MASK) == (exit->gpa & PAGE_MASK) &&
	       (linear & PAGE_MASK) + size <= PAGE_SIZE;
}

enum emulate_result emulate_translate_operand(struct emulation *emulation, u32 segment, u64 offset,
					      u32 size, u32 access, struct emulate_place *place)
{
	u64 linear;

	if (!emulate_to_linear(emulation, segment, offset, size, access, &linear))
		return EMULATE_FAULT;
	if (!emulate_exit_tells_place(emulation, linear, size, access))
		return emulate_walk_place(emulation, linear, size,
					  emulate_own_access(emulation, access), place);
	*place = (struct emulate_place){.gpa = {GPA(emulation->page->exit.gpa)}, .bytes = {size}};
	return EMULATE_DONE;
}

/*
 * Returns the bytes of the largest single access to a device at `gpa` with at most `rest` bytes: a
 * power of two, aligned unless it covers all that is left of the operand.
 */
static u32 emulate_device_bytes(gpa_t gpa, u32 rest)
{
	u32 bytes = 8;

	if (is_power_of_two(rest))
		return rest;
	while (bytes > rest || !is_aligned(gpa.value, bytes))
		bytes /= 2;
	return bytes;
}

static u64 emulate_load_part(const struct emulation *emulation, gpa_t gpa, u32 count)
{
	const struct emulator *emulator = emulation->emulator;
	u64 value = 0;
	u32 step;

	if (guest_memory_read(emulator->memory, gpa, &value, count))
		return value;
	for (u32 done = 0; done < count; done += step) {
		gpa_t at = GPA(gpa.value + done);

		step = emulate_device_bytes(at, count - done);
		value |= (emulator->ops->read(emulator->device, at, step) & emulate_mask(step))
			 << (8 * done);
	}
	return value;
}

static void emulate_store_part(const struct emulation *emulation, gpa_t gpa, u32 count, u64 value)
{
	const struct emulator *emulator = emulation->emulator;
	u32 step;

	if (guest_memory_write(emulator->memory, gpa, &value, count))
		return;
	for (u32 done = 0; done < count; done += step) {
		gpa_t at = GPA(gpa.value + done);

		step = emulate_device_bytes(at, count - done);
		emulator->ops->write(emulator->device, at, step,
				     value >> (8 * done) & emulate_mask(step));
	}
}

u64 emulate_load(const struct emulation *emulation, const struct emulate_place *place)
{
	u64 value = emulate_load_part(emulation, place->gpa[0], place->bytes[0]);

	if (place->bytes[1] != 0)
		value |= emulate_load_part(emulation, place->gpa[1], place->bytes[1])
			 << (8 * place->bytes[0]);
	return value;
}

void emulate_store(const struct emulation *emulation, const struct emulate_place *place, u64 value)
{
	emulate_store_part(emulation, place->gpa[0], place->bytes[0], value);
	if (place->bytes[1] != 0)
		emulate_store_part(emulation, place->gpa[1], place->bytes[1],
				   value >> (8 * place->bytes[0]));
}
