/* SPDX-License-Identifier: MIT */
/*
 * Executes instructions of the opcode maps 0F and 0F 38. Called by emulate.c; reaches memory
 * through emulate_memory.c and changes the emulated registers.
 */
#include "arch/x86_64/hw/control.h"
#include "lib/bits.h"
#include "vmm/monitor/emulate/emulate_alu.h"
#include "vmm/monitor/emulate/emulate_state.h"
#include "vmm/monitor/memory/walk.h"

/*
 * Executes CMOVcc (40 to 4f). Memory is read, and a 32-bit register's upper half cleared, also when
 * the condition is false.
 */
static enum emulate_result emulate_move_if(struct emulation *em)
{
	u32 size = em->in.operand_bytes;
	enum emulate_result result;
	u64 value;

	em->size = size;
	result = emulate_read_operand(em, &value);
	if (result != EMULATE_DONE)
		return result;
	if (!alu_condition(em->in.opcode, em->page->rflags))
		value = emulate_register(em, em->in.reg, size);
	emulate_set_register(em, em->in.reg, size, value);
	return EMULATE_DONE;
}

/* Executes SETcc (90 to 9f). */
static enum emulate_result emulate_set_if(struct emulation *em)
{
	em->size = 1;
	return emulate_write_operand(em, alu_condition(em->in.opcode, em->page->rflags));
}

/* Executes MOVZX and MOVSX (b6, b7, be, bf). */
static enum emulate_result emulate_move_extended(struct emulation *em)
{
	enum emulate_result result;
	u32 unused;
	u64 value;

	em->size = em->in.opcode & 1 ? 2 : 1;
	result = emulate_read_operand(em, &value);
	if (result != EMULATE_DONE)
		return result;
	unused = 64 - 8 * em->size;
	if (em->in.opcode & 8)
		value = (u64)((s64)(value << unused) >> unused);
	emulate_set_register(em, em->in.reg, em->in.operand_bytes, value);
	return EMULATE_DONE;
}

/*
 * Executes BT, BTS, BTR and BTC, operations 0 to 3. The operand lies `distance` bytes from its
 * encoded address.
 */
static enum emulate_result emulate_test_bit(struct emulation *em, u8 operation, u64 bit,
					    u64 distance)
{
	u64 selected = BIT(bit & (8 * em->size - 1));
	struct emulate_operand operand;
	enum emulate_result result;
	u64 value;

	result = emulate_bit_operand(em, distance, operation == 0 ? WALK_READ : WALK_WRITE,
				     &operand);
	if (result != EMULATE_DONE)
		return result;
	value = emulate_get(em, &operand);
	em->page->rflags = (em->page->rflags & ~RFLAGS_CF) | (value & selected ? RFLAGS_CF : 0);
	switch (operation) {
	case 0:
		return EMULATE_DONE;
	case 1:
		value |= selected;
		break;
	case 2:
		value &= ~selected;
		break;
	default:
		value ^= selected;
		break;
	}
	emulate_set(em, &operand, value);
	return EMULATE_DONE;
}

/*
 * Executes the bit tests with a register (a3, ab, b3, bb). The register's bit number is signed and
 * may lie outside the operand (SDM vol. 2, BT).
 */
static enum emulate_result emulate_test_bit_register(struct emulation *em)
{
	u32 unused = 64 - 8 * em->size;
	u64 bit = emulate_register(em, em->in.reg, em->size);
	s64 bytes = (s64)(bit << unused) >> unused >> 3;

	return emulate_test_bit(em, em->in.opcode >> 3 & 3, bit, (u64)bytes & ~(u64)(em->size - 1));
}

/* Executes CMPXCHG (b0, b1). */
static enum emulate_result emulate_compare_exchange(struct emulation *em)
{
	struct emulate_operand operand;
	enum emulate_result result = emulate_operand(em, WALK_WRITE, &operand);
	u64 accumulator = emulate_register(em, GPR_RAX, em->size);
	u64 value;

	if (result != EMULATE_DONE)
		return result;
	value = emulate_get(em, &operand);
	alu_binary(ALU_CMP, accumulator, value, em->size, &em->page->rflags);
	if (em->page->rflags & RFLAGS_ZF) {
		emulate_set(em, &operand, emulate_register(em, em->in.reg, em->size));
	} else {
		emulate_set_register(em, GPR_RAX, em->size, value);
		/*
		 * the memory operand is always written, with its old value if the comparison fails
		 * (SDM vol. 2, CMPXCHG)
		 */
		if (operand.memory)
			emulate_set(em, &operand, value);
	}
	return EMULATE_DONE;
}

/* Executes CMPXCHG8B and CMPXCHG16B (c7 /1), in two halves. */
static enum emulate_result emulate_compare_exchange_double(struct emulation *em)
{
	u64 *gpr = em->page->gpr;
	struct emulate_operand low;
	struct emulate_operand high;
	enum emulate_result result;
	u64 old_low;
	u64 old_high;
	bool equal;

	em->size = emulate_size_by_w(em);
	result = emulate_operand(em, WALK_WRITE, &low);
	if (result == EMULATE_DONE)
		result = emulate_operand_at(em, em->size, WALK_WRITE, &high);
	if (result != EMULATE_DONE)
		return result;
	if (em->size == 8 && !is_aligned(low.place.gpa[0].value, 16))
		return emulate_fault(em, VECTOR_GP);

	old_low = emulate_get(em, &low);
	old_high = emulate_get(em, &high);
	equal = old_low == emulate_register(em, GPR_RAX, em->size) &&
		old_high == emulate_register(em, GPR_RDX, em->size);
	/* The memory operand is written whether the comparison succeeds or not (SDM vol. 2). */
	emulate_set(em, &low, equal ? gpr[GPR_RBX] : old_low);
	emulate_set(em, &high, equal ? gpr[GPR_RCX] : old_high);
	em->page->rflags &= ~RFLAGS_ZF;
	if (equal) {
		em->page->rflags |= RFLAGS_ZF;
	} else {
		emulate_set_register(em, GPR_RAX, em->size, old_low);
		emulate_set_register(em, GPR_RDX, em->size, old_high);
	}
	return EMULATE_DONE;
}

/* Executes XADD (c0, c1). */
static enum emulate_result emulate_exchange_add(struct emulation *em)
{
	u64 addend = emulate_register(em, em->in.reg, em->size);
	struct emulate_operand operand;
	enum emulate_result result = emulate_operand(em, WALK_WRITE, &operand);
	u64 value;

	if (result != EMULATE_DONE)
		return result;
	value = emulate_get(em, &operand);
	emulate_set_register(em, em->in.reg, em->size, value);
	emulate_set(em, &operand, alu_binary(ALU_ADD, value, addend, em->size, &em->page->rflags));
	return EMULATE_DONE;
}

/* Executes SHLD and SHRD (a4, a5, ac, ad). */
static enum emulate_result emulate_shift_double(struct emulation *em, u8 count)
{
	struct emulate_operand operand;
	enum emulate_result result = emulate_operand(em, WALK_WRITE, &operand);

	if (result == EMULATE_DONE)
		emulate_set(em, &operand,
			    alu_shift_double(em->in.opcode < 0xa8, emulate_get(em, &operand),
					     emulate_register(em, em->in.reg, em->size), count,
					     em->size, &em->page->rflags));
	return result;
}

/* Executes MOVNTI (c3) and MOVDIRI (0f 38 f9). */
static enum emulate_result emulate_move_non_temporal(struct emulation *em)
{
	struct emulate_operand operand;
	enum emulate_result result;

	if (!x86_has_memory(&em->in) || em->in.prefixes & ~X86_PREFIX_ADDRESS)
		return emulate_fault(em, VECTOR_UD);
	em->size = emulate_size_by_w(em);
	result = emulate_operand(em, WALK_WRITE, &operand);
	if (result == EMULATE_DONE)
		emulate_set(em, &operand, emulate_register(em, em->in.reg, em->size));
	return result;
}

/*
 * Executes SMSW and LMSW (01 /4 and /6), which access the low word of CR0. LMSW writes PE, MP, EM
 * and TS, but cannot clear PE (SDM vol. 2).
 */
static enum emulate_result emulate_machine_status(struct emulation *em, bool load)
{
	u64 changeable = CR0_MP | CR0_EM | CR0_TS;
	enum emulate_result result;
	u64 *cr0 = &em->page->cr0;
	u64 value;

	if (!(load ? emulate_is_privileged(em) : emulate_may_look(em)))
		return emulate_fault(em, VECTOR_GP);
	em->size = 2;
	if (!load)
		return emulate_write_operand(em, *cr0);
	result = emulate_read_operand(em, &value);
	if (result != EMULATE_DONE)
		return result;
	*cr0 = (*cr0 & ~changeable) | (value & (changeable | CR0_PE));
	em->page->dirty |= VCPU_CONTROL;
	return EMULATE_DONE;
}

/*
 * Returns whether the instruction is a hint that touches nothing: NOP with an operand, PREFETCH,
 * and CLFLUSH and CLWB, as a device has no cache lines.
 */
static bool emulate_is_hint(const struct x86_instruction *in)
{
	bool repeat = in->prefixes & (X86_PREFIX_REP | X86_PREFIX_REPNE);
	u8 group = in->reg & 7;

	switch (in->opcode) {
	case 0x0d: /* PREFETCHW: the form with a register operand is #UD on some CPUs only */
		return x86_has_memory(in);
	case 0x18 ... 0x1f:
		return true;
	case 0xae:
		return x86_has_memory(in) && !repeat &&
		       (group == 7 || (group == 6 && in->prefixes & X86_PREFIX_OPERAND));
	default:
		return false;
	}
}

enum emulate_result emulate_execute_0f(struct emulation *em)
{
	u8 opcode = em->in.opcode;
	u8 group = em->in.reg & 7;

	if (emulate_is_hint(&em->in))
		return EMULATE_DONE;
	switch (opcode) {
	case 0x00:
		return emulate_system_segment(em);
	case 0x01:
		if (!x86_has_memory(&em->in))
			return EMULATE_UNSUPPORTED;
		if (group < 4)
			return emulate_descriptor_tables(em);
		return group == 4 || group == 6 ? emulate_machine_status(em, group == 6)
						: EMULATE_UNSUPPORTED;
	case 0x40 ... 0x4f:
		return emulate_move_if(em);
	case 0x90 ... 0x9f:
		return emulate_set_if(em);
	case 0xa0 ... 0xa1:
	case 0xa8 ... 0xa9:
		return emulate_stack_segment(em);
	case 0xb2:
	case 0xb4 ... 0xb5:
		return emulate_load_far(em, opcode & 7);
	case 0xa3:
	case 0xab:
	case 0xb3:
	case 0xbb:
		return emulate_test_bit_register(em);
	case 0xba:
		em->size = em->in.operand_bytes;
		return group < 4 ? emulate_fault(em, VECTOR_UD)
				 : emulate_test_bit(em, group & 3, em->in.immediate, 0);
	case 0xa4:
	case 0xac:
		em->size = em->in.operand_bytes;
		return emulate_shift_double(em, (u8)em->in.immediate);
	case 0xa5:
	case 0xad:
		return emulate_shift_double(em, (u8)em->page->gpr[GPR_RCX]);
	case 0xb0 ... 0xb1:
		return emulate_compare_exchange(em);
	case 0xaf:
		return emulate_multiply_register(em, NULL);
	case 0xb8:
		return em->in.prefixes & X86_PREFIX_REP ? emulate_scan(em) : EMULATE_UNSUPPORTED;
	case 0xbc ... 0xbd:
		return emulate_scan(em);
	case 0xb6 ... 0xb7:
	case 0xbe ... 0xbf:
		return emulate_move_extended(em);
	case 0xc0 ... 0xc1:
		return emulate_exchange_add(em);
	case 0xc3:
		return emulate_move_non_temporal(em);
	case 0xc7:
		return group == 1 && x86_has_memory(&em->in) ? emulate_compare_exchange_double(em)
							     : EMULATE_UNSUPPORTED;
	default:
		return EMULATE_UNSUPPORTED;
	}
}

static u64 emulate_reverse_bytes(u64 value, u32 size)
{
	return __builtin_bswap64(value) >> (64 - 8 * size);
}

static enum emulate_result emulate_move_reversed(struct emulation *em)
{
	bool writes = em->in.opcode == 0xf1;
	struct emulate_operand operand;
	enum emulate_result result;
	u64 value;

	if (!x86_has_memory(&em->in))
		return emulate_fault(em, VECTOR_UD);
	em->size = em->in.operand_bytes;
	result = emulate_operand(em, writes ? WALK_WRITE : WALK_READ, &operand);
	if (result != EMULATE_DONE)
		return result;
	value = writes ? emulate_register(em, em->in.reg, em->size) : emulate_get(em, &operand);
	value = emulate_reverse_bytes(value, em->size);
	if (writes)
		emulate_set(em, &operand, value);
	else
		emulate_set_register(em, em->in.reg, em->size, value);
	return EMULATE_DONE;
}

/* Executes opcode map 0F 38: MOVBE (f0, f1), CRC32 (with F2), ADCX and ADOX (f6), MOVDIRI (f9). */
enum emulate_result emulate_execute_0f38(struct emulation *em)
{
	u32 prefixes = em->in.prefixes & (X86_PREFIX_OPERAND | X86_PREFIX_REP | X86_PREFIX_REPNE);

	if (em->in.opcode == 0xf6 && (prefixes == X86_PREFIX_OPERAND || prefixes == X86_PREFIX_REP))
		return emulate_add_carry(em);
	if (em->in.opcode == 0xf9)
		return emulate_move_non_temporal(em);
	if ((em->in.opcode & 0xfe) != 0xf0)
		return EMULATE_UNSUPPORTED;
	if (prefixes & X86_PREFIX_REP)
		return EMULATE_UNSUPPORTED;
	return prefixes & X86_PREFIX_REPNE ? emulate_crc32(em) : emulate_move_reversed(em);
}
