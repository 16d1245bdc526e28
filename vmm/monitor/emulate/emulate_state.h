/* SPDX-License-Identifier: MIT */
#pragma once

#include "vmm/monitor/emulate/emulate.h"

/*
 * One instruction under emulation: the state that the files of this folder share. No other folder
 * includes this header.
 */

struct emulation {
	struct emulator *emulator;
	struct vcpu_page *page;
	struct vcpu_event *event;
	struct x86_instruction in;
	enum x86_mode mode;
	u32 size; /* the operand's size in bytes */
	u64 next; /* RIP of the next instruction */
	/*
	 * the instruction is MOV SS: no interrupt or trap comes before the next instruction is done
	 */
	bool loads_ss;
};

/*
 * The place of an operand in guest-physical memory: one page, or parts of two pages; the second
 * part may have 0 bytes.
 */
struct emulate_place {
	gpa_t gpa[2];
	u32 bytes[2];
};

/* The operand named by ModRM.r/m: a register, or a translated place in memory. */
struct emulate_operand {
	bool memory;
	struct emulate_place place;
};

static inline u64 emulate_mask(u32 bytes)
{
	return ~0ull >> (64 - 8 * bytes);
}

/*
 * Returns the operand size of instructions whose operands have 4 bytes, or 8 with REX.W, but never
 * 2.
 */
static inline u32 emulate_size_by_w(const struct emulation *emulation)
{
	return emulation->in.rex & 8 ? 8 : 4;
}

/* Functions of emulate.c that other files of this folder call. */
enum emulate_result emulate_start(struct emulation *emulation, struct emulator *emulator,
				  struct vcpu_event *event);
enum emulate_result emulate_fault(struct emulation *emulation, u8 vector);
/* Makes the instruction end in the #DB of a single step; returns EMULATE_FAULT. */
enum emulate_result emulate_single_step(struct emulation *emulation);
enum emulate_result emulate_retire(struct emulation *emulation);

/*
 * Functions of emulate_memory.c (SDM vol. 3, 4.7 and 5.3); `access` is enum walk_access, without
 * WALK_USER.
 */
enum emulate_result emulate_translate(struct emulation *emulation, u32 segment, u64 offset,
				      u32 size, u32 access, struct emulate_place *place);
/* Translates the operand that an instruction's encoding names, as emulate_translate does. */
enum emulate_result emulate_translate_operand(struct emulation *emulation, u32 segment, u64 offset,
					      u32 size, u32 access, struct emulate_place *place);
/*
 * Translates a linear address that the CPU reaches by itself, without regard to the privilege level
 * and EFLAGS.AC.
 */
enum emulate_result emulate_translate_system(struct emulation *emulation, u64 linear, u32 size,
					     u32 access, struct emulate_place *place);
enum emulate_result emulate_page_fault(struct emulation *emulation, u64 linear, u32 error_code);
u64 emulate_load(const struct emulation *emulation, const struct emulate_place *place);
void emulate_store(const struct emulation *emulation, const struct emulate_place *place, u64 value);
u32 emulate_cpl(const struct emulation *emulation);
/*
 * Returns whether the guest is at CPL 0, which privileged instructions need: the CPU has checked
 * the instruction it exited for, but another vCPU may have replaced it since.
 */
bool emulate_is_privileged(const struct emulation *emulation);
/* Returns whether SGDT, SIDT, SLDT, SMSW and STR may be executed (UMIP: SDM vol. 3, 2.5). */
bool emulate_may_look(const struct emulation *emulation);

/* Functions of emulate_operand.c that other files of this folder call. */
u64 emulate_register(const struct emulation *emulation, u8 reg, u32 size);
void emulate_set_register(struct emulation *emulation, u8 reg, u32 size, u64 value);
u32 emulate_segment(const struct emulation *emulation, u32 standard);
enum emulate_result emulate_operand(struct emulation *emulation, u32 access,
				    struct emulate_operand *operand);
/*
 * Finds the part of a memory operand that begins `distance` bytes past its start, a sum that does
 * not wrap.
 */
enum emulate_result emulate_operand_at(struct emulation *emulation, u64 distance, u32 access,
				       struct emulate_operand *operand);
/* Finds the operand whose effective address is `distance` more than encoded, a sum that wraps. */
enum emulate_result emulate_bit_operand(struct emulation *emulation, u64 distance, u32 access,
					struct emulate_operand *operand);
u64 emulate_get(const struct emulation *emulation, const struct emulate_operand *operand);
void emulate_set(struct emulation *emulation, const struct emulate_operand *operand, u64 value);
/*
 * Read the memory or register operand, and write it, for instructions that do only one of the two.
 */
enum emulate_result emulate_read_operand(struct emulation *emulation, u64 *value);
enum emulate_result emulate_write_operand(struct emulation *emulation, u64 value);

/* Executes MOVS, CMPS, STOS, LODS and SCAS. In emulate_string.c. */
enum emulate_result emulate_string(struct emulation *emulation);

/*
 * Executes f6 and f7 /4 to /7, IMUL with a register, BSF, BSR, TZCNT, LZCNT and POPCNT. In
 * emulate_arithmetic.c.
 */
enum emulate_result emulate_multiply_divide(struct emulation *emulation);
enum emulate_result emulate_multiply_register(struct emulation *emulation, const u64 *immediate);
enum emulate_result emulate_scan(struct emulation *emulation);

/*
 * Executes accesses to descriptor tables and segment registers, and far CALL and JMP. In
 * emulate_system.c.
 */
enum emulate_result emulate_descriptor_tables(struct emulation *emulation);
enum emulate_result emulate_system_segment(struct emulation *emulation);
enum emulate_result emulate_load_segment(struct emulation *emulation);
enum emulate_result emulate_stack_segment(struct emulation *emulation);
enum emulate_result emulate_load_far(struct emulation *emulation, u32 segment);
enum emulate_result emulate_far_branch(struct emulation *emulation, bool call);

/* Executes instructions whose only memory operand is on the stack. In emulate_stack.c. */
enum emulate_result emulate_stack(struct emulation *emulation);

/*
 * Return the operand size of pushes and pops, and the stack pointer's size, in bytes. In
 * emulate_execute.c.
 */
u32 emulate_stack_operand(const struct emulation *emulation);
u32 emulate_stack_width(const struct emulation *emulation);
/* Returns whether a near branch may go to that instruction pointer. */
bool emulate_target_valid(const struct emulation *emulation, u64 target);
/*
 * Finds the place on the stack to which a push of `size` bytes goes, and the stack pointer after
 * it.
 */
enum emulate_result emulate_push_place(struct emulation *emulation, struct emulate_place *place,
				       u64 *stack);
/*
 * Finds the place on the stack from which a pop of `size` bytes reads, and the stack pointer after
 * it.
 */
enum emulate_result emulate_pop_place(struct emulation *emulation, struct emulate_place *place,
				      u64 *stack);
void emulate_set_stack(struct emulation *emulation, u64 stack);

/*
 * Executes moves of MMX, SSE and AVX; returns EMULATE_UNSUPPORTED, without effect, for all other
 * instructions. In emulate_vector.c.
 */
enum emulate_result emulate_vector(struct emulation *emulation);

/*
 * Executes loads and stores of the x87; returns EMULATE_UNSUPPORTED, without effect, for all other
 * instructions. In emulate_x87.c.
 */
enum emulate_result emulate_x87(struct emulation *emulation);

/*
 * Executes BMI by VEX, CRC32, ADCX and ADOX; returns EMULATE_UNSUPPORTED, without effect, for all
 * other instructions. In emulate_bits.c.
 */
enum emulate_result emulate_bits(struct emulation *emulation);
enum emulate_result emulate_crc32(struct emulation *emulation);
enum emulate_result emulate_add_carry(struct emulation *emulation);

/* Execute all other instructions, by opcode map. In emulate_execute.c and emulate_0f.c. */
enum emulate_result emulate_execute_primary(struct emulation *emulation);
enum emulate_result emulate_execute_0f(struct emulation *emulation);
enum emulate_result emulate_execute_0f38(struct emulation *emulation);
