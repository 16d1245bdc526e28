/* SPDX-License-Identifier: MIT */
/*
 * The emulator against the CPU: the same instruction on the same registers, flags and memory runs
 * in this process and in the emulator, thousands of times each with random operands, and must
 * leave the same behind. Faults and modes that a process cannot show are in emulate_fault_test.c.
 */
#include <setjmp.h>
#include <stdio.h>
#include <sys/mman.h>
#include <cmocka.h>

#include "lib/x86/tables.c"
#include "lib/x86/prefix.c"
#include "lib/x86/decode.c"
#include "vmm/monitor/guest_memory.c"
#include "vmm/monitor/walk.c"
#include "vmm/monitor/emulate_alu.c"
#include "vmm/monitor/emulate_arithmetic.c"
#include "vmm/monitor/emulate_memory.c"
#include "vmm/monitor/emulate_operand.c"
#include "vmm/monitor/emulate_string.c"
#include "vmm/monitor/emulate_execute.c"
#include "vmm/monitor/emulate_0f.c"
#include "vmm/monitor/emulate_stack.c"
#include "vmm/monitor/emulate_system.c"
#include "vmm/monitor/task_segment.c"
#include "vmm/monitor/task_switch.c"
#include "vmm/monitor/emulate_vector.c"
#include "vmm/monitor/xsave.c"
#include "vmm/monitor/emulate.c"
#include "tests/unit/emulate_machine.h"

#define CASES 4000
#define NO_REGISTER 0xff
#define LANDING (CODE_GVA + 0x100) /* where CALL and JMP go to */
#define STATUS_FLAGS FLAGS_ARITHMETIC

/* What the trampoline loads and stores; offsets are used in its text. */
struct native_state {
	u64 gpr[GPR_COUNT];
	u64 rflags;
};
struct native_state native;
u64 native_entry;
u64 native_stack;
void native_run(void);
extern const char native_exit[];

__asm__(".text\n"
	"native_run:\n"
	"	pushq %rbx\n	pushq %rbp\n	pushq %r12\n"
	"	pushq %r13\n	pushq %r14\n	pushq %r15\n"
	"	movq %rsp, native_stack(%rip)\n"
	"	pushq native+128(%rip)\n	popfq\n"
	"	movq native+8(%rip), %rcx\n	movq native+16(%rip), %rdx\n"
	"	movq native+24(%rip), %rbx\n	movq native+40(%rip), %rbp\n"
	"	movq native+48(%rip), %rsi\n	movq native+56(%rip), %rdi\n"
	"	movq native+64(%rip), %r8\n	movq native+72(%rip), %r9\n"
	"	movq native+80(%rip), %r10\n	movq native+88(%rip), %r11\n"
	"	movq native+96(%rip), %r12\n	movq native+104(%rip), %r13\n"
	"	movq native+112(%rip), %r14\n	movq native+120(%rip), %r15\n"
	"	movq native+32(%rip), %rsp\n	movq native(%rip), %rax\n"
	"	jmp *native_entry(%rip)\n"
	"native_exit:\n"
	"	movq %rax, native(%rip)\n	movq %rcx, native+8(%rip)\n"
	"	movq %rdx, native+16(%rip)\n	movq %rbx, native+24(%rip)\n"
	"	movq %rsp, native+32(%rip)\n	movq %rbp, native+40(%rip)\n"
	"	movq %rsi, native+48(%rip)\n	movq %rdi, native+56(%rip)\n"
	"	movq %r8, native+64(%rip)\n	movq %r9, native+72(%rip)\n"
	"	movq %r10, native+80(%rip)\n	movq %r11, native+88(%rip)\n"
	"	movq %r12, native+96(%rip)\n	movq %r13, native+104(%rip)\n"
	"	movq %r14, native+112(%rip)\n	movq %r15, native+120(%rip)\n"
	"	movq native_stack(%rip), %rsp\n"
	"	pushfq\n	popq native+128(%rip)\n	cld\n"
	"	popq %r15\n	popq %r14\n	popq %r13\n"
	"	popq %r12\n	popq %rbp\n	popq %rbx\n"
	"	ret\n");

enum form_trait {
	WIDTH = 1 << 0,     /* bit 0 of the opcode: byte or operand size */
	LOCKABLE = 1 << 1,
	MEMORY = 1 << 2,    /* memory operands only */
	ALIGNED = 1 << 3,   /* natively atomic: keep it inside a cache line */
	NO_AF = 1 << 4,     /* AF is undefined */
	SHIFT = 1 << 5,     /* flags depend on the count */
	ROTATE = 1 << 6,
	DOUBLE = 1 << 7,    /* SHLD, SHRD */
	BIT_TEST = 1 << 8,
	BIT_FAR = 1 << 9,   /* the bit number in the register reaches far */
	BRANCH = 1 << 10,   /* memory holds LANDING */
	STACK = 1 << 11,    /* RSP points into the data */
	NO_66 = 1 << 12,
	COMPARE = 1 << 13,  /* RAX is often what is in memory */
	PAIR = 1 << 14,     /* CMPXCHG8B and 16B: RDX:RAX is often what is in memory */
	REPEAT = 1 << 15,   /* has a prefix F3 of its own */
	DIVIDE = 1 << 16,   /* RDX:RAX is a dividend whose quotient fits */
	OPEN_SZAP = 1 << 17, /* SF, ZF, AF and PF are undefined */
	OPEN_COSAP = 1 << 18, /* all but ZF */
	OPEN_ALL = 1 << 19,
};

struct form {
	const char *name;
	u8 opcode[3];
	u8 opcode_bytes;
	s8 group;  /* ModRM.reg, or -1: any register */
	char immediate; /* 0, 'b', 'z' */
	u32 traits;
};

static const struct form forms[] = {
	{"add", {0x00}, 1, -1, 0, WIDTH | LOCKABLE},
	{"add r", {0x02}, 1, -1, 0, WIDTH},
	{"or", {0x08}, 1, -1, 0, WIDTH | LOCKABLE | NO_AF},
	{"or r", {0x0a}, 1, -1, 0, WIDTH | NO_AF},
	{"adc", {0x10}, 1, -1, 0, WIDTH | LOCKABLE},
	{"adc r", {0x12}, 1, -1, 0, WIDTH},
	{"sbb", {0x18}, 1, -1, 0, WIDTH | LOCKABLE},
	{"sbb r", {0x1a}, 1, -1, 0, WIDTH},
	{"and", {0x20}, 1, -1, 0, WIDTH | LOCKABLE | NO_AF},
	{"and r", {0x22}, 1, -1, 0, WIDTH | NO_AF},
	{"sub", {0x28}, 1, -1, 0, WIDTH | LOCKABLE},
	{"sub r", {0x2a}, 1, -1, 0, WIDTH},
	{"xor", {0x30}, 1, -1, 0, WIDTH | LOCKABLE | NO_AF},
	{"xor r", {0x32}, 1, -1, 0, WIDTH | NO_AF},
	{"cmp", {0x38}, 1, -1, 0, WIDTH},
	{"cmp r", {0x3a}, 1, -1, 0, WIDTH},
	{"movsxd", {0x63}, 1, -1, 0, NO_66},
	{"add i8", {0x80}, 1, 0, 'b', LOCKABLE},
	{"adc i", {0x81}, 1, 2, 'z', LOCKABLE},
	{"sbb i", {0x83}, 1, 3, 'b', LOCKABLE},
	{"or i", {0x83}, 1, 1, 'b', LOCKABLE | NO_AF},
	{"and i", {0x81}, 1, 4, 'z', LOCKABLE | NO_AF},
	{"sub i", {0x81}, 1, 5, 'z', LOCKABLE},
	{"xor i", {0x80}, 1, 6, 'b', LOCKABLE | NO_AF},
	{"cmp i", {0x81}, 1, 7, 'z', 0},
	{"cmp i8", {0x83}, 1, 7, 'b', 0},
	{"test", {0x84}, 1, -1, 0, WIDTH | NO_AF},
	{"xchg", {0x86}, 1, -1, 0, WIDTH | LOCKABLE | ALIGNED},
	{"mov store", {0x88}, 1, -1, 0, WIDTH},
	{"mov load", {0x8a}, 1, -1, 0, WIDTH},
	{"mov ds", {0x8c}, 1, 3, 0, 0},
	{"pop", {0x8f}, 1, 0, 0, STACK},
	{"rol i", {0xc0}, 1, 0, 'b', WIDTH | ROTATE},
	{"ror i", {0xc0}, 1, 1, 'b', WIDTH | ROTATE},
	{"rcl i", {0xc0}, 1, 2, 'b', WIDTH | ROTATE},
	{"rcr i", {0xc0}, 1, 3, 'b', WIDTH | ROTATE},
	{"shl i", {0xc0}, 1, 4, 'b', WIDTH | SHIFT},
	{"shr i", {0xc0}, 1, 5, 'b', WIDTH | SHIFT},
	{"sal i", {0xc0}, 1, 6, 'b', WIDTH | SHIFT},
	{"sar i", {0xc0}, 1, 7, 'b', WIDTH | SHIFT},
	{"mov i8", {0xc6}, 1, 0, 'b', 0},
	{"mov i", {0xc7}, 1, 0, 'z', 0},
	{"rol 1", {0xd0}, 1, 0, 0, WIDTH | ROTATE},
	{"ror 1", {0xd0}, 1, 1, 0, WIDTH | ROTATE},
	{"rcl 1", {0xd0}, 1, 2, 0, WIDTH | ROTATE},
	{"rcr 1", {0xd0}, 1, 3, 0, WIDTH | ROTATE},
	{"shl 1", {0xd0}, 1, 4, 0, WIDTH | SHIFT},
	{"shr 1", {0xd0}, 1, 5, 0, WIDTH | SHIFT},
	{"sar 1", {0xd0}, 1, 7, 0, WIDTH | SHIFT},
	{"rol cl", {0xd2}, 1, 0, 0, WIDTH | ROTATE},
	{"ror cl", {0xd2}, 1, 1, 0, WIDTH | ROTATE},
	{"rcl cl", {0xd2}, 1, 2, 0, WIDTH | ROTATE},
	{"rcr cl", {0xd2}, 1, 3, 0, WIDTH | ROTATE},
	{"shl cl", {0xd2}, 1, 4, 0, WIDTH | SHIFT},
	{"shr cl", {0xd2}, 1, 5, 0, WIDTH | SHIFT},
	{"sar cl", {0xd2}, 1, 7, 0, WIDTH | SHIFT},
	{"test i8", {0xf6}, 1, 0, 'b', NO_AF},
	{"test i", {0xf7}, 1, 1, 'z', NO_AF},
	{"not", {0xf6}, 1, 2, 0, WIDTH | LOCKABLE},
	{"mul", {0xf6}, 1, 4, 0, WIDTH | OPEN_SZAP},
	{"imul", {0xf6}, 1, 5, 0, WIDTH | OPEN_SZAP},
	{"div", {0xf6}, 1, 6, 0, WIDTH | DIVIDE | OPEN_ALL},
	{"idiv", {0xf6}, 1, 7, 0, WIDTH | DIVIDE | OPEN_ALL},
	{"imul r i", {0x69}, 1, -1, 'z', OPEN_SZAP},
	{"imul r i8", {0x6b}, 1, -1, 'b', OPEN_SZAP},
	{"imul r", {0x0f, 0xaf}, 2, -1, 0, OPEN_SZAP},
	{"popcnt", {0x0f, 0xb8}, 2, -1, 0, REPEAT},
	{"bsf", {0x0f, 0xbc}, 2, -1, 0, OPEN_COSAP},
	{"bsr", {0x0f, 0xbd}, 2, -1, 0, OPEN_COSAP},
	{"tzcnt", {0x0f, 0xbc}, 2, -1, 0, REPEAT | OPEN_ALL},
	{"lzcnt", {0x0f, 0xbd}, 2, -1, 0, REPEAT | OPEN_ALL},
	{"neg", {0xf6}, 1, 3, 0, WIDTH | LOCKABLE},
	{"inc", {0xfe}, 1, 0, 0, WIDTH | LOCKABLE},
	{"dec", {0xfe}, 1, 1, 0, WIDTH | LOCKABLE},
	{"call", {0xff}, 1, 2, 0, MEMORY | BRANCH | STACK | NO_66},
	{"jmp", {0xff}, 1, 4, 0, MEMORY | BRANCH | NO_66},
	{"push", {0xff}, 1, 6, 0, STACK},
	{"nop", {0x0f, 0x1f}, 2, 0, 0, 0},
	{"cmovo", {0x0f, 0x40}, 2, -1, 0, 0},
	{"cmovnc", {0x0f, 0x43}, 2, -1, 0, 0},
	{"cmovz", {0x0f, 0x44}, 2, -1, 0, 0},
	{"cmova", {0x0f, 0x47}, 2, -1, 0, 0},
	{"cmovs", {0x0f, 0x48}, 2, -1, 0, 0},
	{"cmovnp", {0x0f, 0x4b}, 2, -1, 0, 0},
	{"cmovl", {0x0f, 0x4c}, 2, -1, 0, 0},
	{"cmovg", {0x0f, 0x4f}, 2, -1, 0, 0},
	{"setno", {0x0f, 0x91}, 2, 0, 0, 0},
	{"setc", {0x0f, 0x92}, 2, 0, 0, 0},
	{"setbe", {0x0f, 0x96}, 2, 0, 0, 0},
	{"setp", {0x0f, 0x9a}, 2, 0, 0, 0},
	{"setge", {0x0f, 0x9d}, 2, 0, 0, 0},
	{"setle", {0x0f, 0x9e}, 2, 0, 0, 0},
	{"bt", {0x0f, 0xa3}, 2, -1, 0, BIT_TEST | BIT_FAR},
	{"bts", {0x0f, 0xab}, 2, -1, 0, BIT_TEST | BIT_FAR | LOCKABLE},
	{"btr", {0x0f, 0xb3}, 2, -1, 0, BIT_TEST | BIT_FAR | LOCKABLE},
	{"btc", {0x0f, 0xbb}, 2, -1, 0, BIT_TEST | BIT_FAR | LOCKABLE},
	{"bt i", {0x0f, 0xba}, 2, 4, 'b', BIT_TEST},
	{"bts i", {0x0f, 0xba}, 2, 5, 'b', BIT_TEST | LOCKABLE},
	{"btr i", {0x0f, 0xba}, 2, 6, 'b', BIT_TEST | LOCKABLE},
	{"btc i", {0x0f, 0xba}, 2, 7, 'b', BIT_TEST | LOCKABLE},
	{"shld i", {0x0f, 0xa4}, 2, -1, 'b', DOUBLE},
	{"shld cl", {0x0f, 0xa5}, 2, -1, 0, DOUBLE},
	{"shrd i", {0x0f, 0xac}, 2, -1, 'b', DOUBLE},
	{"shrd cl", {0x0f, 0xad}, 2, -1, 0, DOUBLE},
	{"cmpxchg", {0x0f, 0xb0}, 2, -1, 0, WIDTH | LOCKABLE | MEMORY | COMPARE},
	{"movzx b", {0x0f, 0xb6}, 2, -1, 0, 0},
	{"movzx w", {0x0f, 0xb7}, 2, -1, 0, 0},
	{"movsx b", {0x0f, 0xbe}, 2, -1, 0, 0},
	{"movsx w", {0x0f, 0xbf}, 2, -1, 0, 0},
	{"xadd", {0x0f, 0xc0}, 2, -1, 0, WIDTH | LOCKABLE},
	{"movnti", {0x0f, 0xc3}, 2, -1, 0, MEMORY | NO_66},
	{"cmpxchg8b", {0x0f, 0xc7}, 2, 1, 0, MEMORY | LOCKABLE | PAIR | ALIGNED | NO_66},
	{"movbe load", {0x0f, 0x38, 0xf0}, 3, -1, 0, MEMORY},
	{"movbe store", {0x0f, 0x38, 0xf1}, 3, -1, 0, MEMORY},
};

/* One run: what is executed, from which state. */
struct trial {
	u8 bytes[32];
	u32 count;
	u8 rex;
	u8 reg;
	u8 rm;
	bool operand_16;
	bool address_32;
	bool memory;
	u8 base;   /* of the memory operand; NO_REGISTER when it has none */
	u8 index;
	u8 scale;
	s32 displacement;
	bool locked;
	u64 target;  /* address of the memory operand */
	u32 size;    /* of the operand, by the opcode's rules */
	u8 immediate;
};

static struct machine machine;
static u8 *const data = (u8 *)DATA_GVA;
static u8 *const code = (u8 *)CODE_GVA;
static u64 dividend[2]; /* RAX and RDX of a division */
static u64 random_state = 0x9e3779b97f4a7c15;

static u64 random_u64(void)
{
	random_state ^= random_state << 13;
	random_state ^= random_state >> 7;
	random_state ^= random_state << 17;
	return random_state * 0x2545f4914f6cdd1d;
}

static u32 random_below(u32 limit)
{
	return (u32)((random_u64() >> 32) % limit);
}

static bool chance(u32 one_in)
{
	return random_below(one_in) == 0;
}

/* Random values, the interesting ones often. */
static u64 random_value(void)
{
	static const u64 values[] = {0, 1, 0x7f, 0x80, 0xff, 0x7fff, 0x8000, 0xffff, 0x7fffffff,
				     0x80000000, 0xffffffff, INT64_MAX, 1ull << 63, ~0ull};

	return chance(3) ? values[random_below(ARRAY_COUNT(values))] : random_u64();
}

static void put(struct trial *trial, u64 value, u32 bytes)
{
	memcpy(trial->bytes + trial->count, &value, bytes);
	trial->count += bytes;
}

/*
 * Puts ModRM, SIB and displacement for an operand at trial->target, and sets the registers that
 * the address is made of. `tail`: bytes behind the displacement, for RIP-relative ones.
 */
static void put_memory(struct trial *trial, u64 rip, u32 tail)
{
	u32 shape = random_below(5);
	u8 base = (u8)(random_below(8) | (trial->rex & 1 ? 8 : 0));
	u8 index = (u8)(random_below(8) | (trial->rex & 2 ? 8 : 0));
	u8 scale = (u8)random_below(4);
	u8 reg = (u8)((trial->reg & 7) << 3);
	s32 displacement = shape & 1 ? (s8)random_u64() : (s32)random_u64();
	u64 address;

	if (shape == 4) { /* RIP-relative or absolute */
		if (chance(2)) {
			put(trial, reg | 5, 1);
			put(trial, trial->target - (rip + trial->count + 4 + tail), 4);
		} else {
			put(trial, reg | 4, 1);
			put(trial, 0x25, 1);
			if (trial->rex & 2)
				native.gpr[12] = 0; /* then index 4 means R12 */
			put(trial, trial->target, 4);
			trial->index = trial->rex & 2 ? 12 : NO_REGISTER;
			trial->displacement = (s32)trial->target;
		}
		return;
	}
	if (shape < 2 && (base & 7) == 4)
		base ^= 1;
	address = trial->target - (u64)(s64)displacement;
	trial->base = base;
	trial->displacement = displacement;
	put(trial, (shape & 1 ? 0x40 : 0x80) | reg | (shape < 2 ? base & 7u : 4u), 1);
	if (shape >= 2) {
		if (index == base)
			index ^= 1;
		put(trial, (u64)scale << 6 | (index & 7u) << 3 | (base & 7u), 1);
		if (index != 4) {
			address -= native.gpr[index] << scale;
			trial->index = index;
			trial->scale = scale;
		}
	}
	put(trial, (u64)(s64)displacement, shape & 1 ? 1 : 4);
	native.gpr[base] = trial->address_32 ? (u32)address | random_u64() << 32 : address;
}

static u32 operand_size(const struct form *form, const struct trial *trial, u8 opcode)
{
	if (form->traits & STACK || form->traits & BRANCH)
		return trial->operand_16 && !(trial->rex & 8) ? 2 : 8;
	if (form->traits & PAIR)
		return trial->rex & 8 ? 16 : 8;
	if (form->opcode_bytes == 1 && opcode == 0x8c)
		return 2;
	if (form->opcode_bytes == 2 &&
	    ((opcode & 0xf0) == 0x90 || opcode == 0xb6 || opcode == 0xbe))
		return 1;
	if (form->opcode_bytes == 2 && (opcode == 0xb7 || opcode == 0xbf))
		return 2;
	if (form->traits & WIDTH ? !(opcode & 1) :
				   opcode == 0x80 || opcode == 0xc6 || opcode == 0xf6)
		return 1;
	if (opcode == 0x63)
		return 4;
	return trial->rex & 8 ? 8 : trial->operand_16 ? 2 : 4;
}

static void choose_target(const struct form *form, struct trial *trial)
{
	u32 offset = 1024 + random_below(DATA_BYTES - 2048);

	if (chance(4)) /* round the border of the two pages */
		offset = PAGE_SIZE - random_below(16);
	if (form->traits & ALIGNED || trial->locked || chance(2))
		offset &= ~15u;
	trial->target = DATA_GVA + offset;
}

static void choose_registers(const struct form *form)
{
	for (u32 i = 0; i < GPR_COUNT; i++)
		native.gpr[i] = random_value();
	native.rflags = RFLAGS_FIXED | RFLAGS_IF | (random_u64() & STATUS_FLAGS);
	native.gpr[GPR_RSP] = DATA_GVA + 512;
	if (form->traits & (SHIFT | ROTATE | DOUBLE) && chance(2))
		native.gpr[GPR_RCX] = random_below(34);
}

/* Memory and registers that the form has wishes for. */
static void prepare_operands(const struct form *form, const struct trial *trial)
{
	u64 landing = LANDING;

	if (form->traits & BRANCH)
		memcpy((void *)trial->target, &landing, 8);
	if (form->traits & COMPARE && chance(2))
		memcpy(&native.gpr[GPR_RAX], (void *)trial->target, 8);
	if (form->traits & PAIR && chance(2)) {
		native.gpr[GPR_RAX] = 0;
		native.gpr[GPR_RDX] = 0;
		memset((void *)trial->target, 0, 16);
	}
	if (form->traits & DIVIDE) {
		/* half of what fits, of either sign for IDIV */
		u32 unused = 65 - 8 * trial->size;
		u64 low = random_value() << unused >> unused;

		if (form->group == 7 && chance(2))
			low = -low;
		native.gpr[GPR_RAX] = trial->size == 1 ? low & 0xffff : low;
		if (trial->size > 1)
			native.gpr[GPR_RDX] = (s64)low < 0 ? ~0ull : 0;
		dividend[0] = native.gpr[GPR_RAX];
		dividend[1] = native.gpr[GPR_RDX];
	}
	if (form->traits & BIT_FAR && trial->memory)
		native.gpr[trial->reg] = (u64)((s64)random_below(4000) - 2000);
}

/* Writes the instruction and the registers it starts from; returns its length. */
static void build(const struct form *form, struct trial *trial, u64 rip)
{
	u8 last = form->opcode[form->opcode_bytes - 1];
	u32 immediate_bytes;

	*trial = (struct trial){.memory = form->traits & MEMORY || !chance(4),
				.address_32 = chance(8),
				.base = NO_REGISTER,
				.index = NO_REGISTER};
	trial->rex = chance(3) ? 0 : (u8)(0x40 | random_below(16));
	trial->operand_16 = !(form->traits & NO_66) && chance(3);
	trial->locked = form->traits & LOCKABLE && trial->memory && chance(3);
	trial->reg = (u8)(form->group >= 0 ? form->group :
					     (int)(random_below(8) | (trial->rex & 4 ? 8u : 0)));
	trial->rm = (u8)(random_below(8) | (trial->rex & 1 ? 8 : 0));
	if (form->traits & WIDTH)
		last = (u8)(last ^ random_below(2));
	trial->size = operand_size(form, trial, last);
	immediate_bytes = form->immediate == 'z' ? (trial->size == 2 ? 2 : 4) :
						   form->immediate == 'b';
	choose_target(form, trial);
	choose_registers(form);
	/* before the address, whose registers these may be: then the trial is rejected */
	prepare_operands(form, trial);

	if (trial->locked)
		put(trial, 0xf0, 1);
	if (form->traits & REPEAT)
		put(trial, 0xf3, 1);
	if (trial->operand_16)
		put(trial, 0x66, 1);
	if (trial->address_32)
		put(trial, 0x67, 1);
	if (trial->rex != 0)
		put(trial, trial->rex, 1);
	memcpy(trial->bytes + trial->count, form->opcode, form->opcode_bytes);
	trial->count += form->opcode_bytes;
	trial->bytes[trial->count - 1] = last;
	if (trial->memory)
		put_memory(trial, rip, immediate_bytes);
	else
		put(trial, 0xc0u | (trial->reg & 7u) << 3 | (trial->rm & 7u), 1);
	trial->immediate = chance(2) ? (u8)random_below(34) : (u8)random_u64();
	put(trial, form->immediate == 'b' ? trial->immediate : random_value(), immediate_bytes);
}

/*
 * Whether the CPU's behaviour is defined, and its effects stay inside the data: the operand's
 * address, computed anew from the registers, is still the target, and so is the stack's.
 */
static bool usable(const struct form *form, const struct trial *trial)
{
	u64 address = (u64)(s64)trial->displacement;

	if (form->traits & STACK && native.gpr[GPR_RSP] != DATA_GVA + 512)
		return false;
	if (form->traits & DOUBLE) {
		u32 count = form->immediate ? trial->immediate : (u8)native.gpr[GPR_RCX];

		if (trial->size == 2 && (count & 31) > 16)
			return false;
	}
	if (form->traits & DIVIDE) {
		u64 divisor = native.gpr[trial->rm & 7];

		if (native.gpr[GPR_RAX] != dividend[0] || native.gpr[GPR_RDX] != dividend[1])
			return false;
		if (trial->memory)
			memcpy(&divisor, (void *)trial->target, 8);
		else if (trial->rm == GPR_RAX || trial->rm == GPR_RDX ||
			 (trial->size == 1 && trial->rm >= 4) || trial->rm >= 8)
			return false;
		if (divisor << (64 - 8 * trial->size) == 0)
			return false;
	}
	if (form->traits & BIT_FAR && trial->memory &&
	    (native.gpr[trial->reg] + 2000 >= 4000 || trial->locked))
		return false;
	/* POP: a base of RSP has moved by then */
	if (form->traits & STACK && trial->base == GPR_RSP)
		return false;
	if (trial->base == NO_REGISTER && trial->index == NO_REGISTER)
		return true;
	if (trial->base != NO_REGISTER)
		address += native.gpr[trial->base];
	if (trial->index != NO_REGISTER)
		address += native.gpr[trial->index] << trial->scale;
	return (trial->address_32 ? (u32)address : address) == trial->target;
}

/* The flags that the CPU's manual leaves open. */
static u64 undefined_flags(const struct form *form, const struct trial *trial)
{
	u32 bits = 8 * trial->size;
	u32 count = trial->immediate;
	u8 opcode = form->opcode[form->opcode_bytes - 1];
	u64 flags = 0;

	if (form->traits & NO_AF)
		return RFLAGS_AF;
	if (form->traits & OPEN_SZAP)
		return RFLAGS_SF | RFLAGS_ZF | RFLAGS_AF | RFLAGS_PF;
	if (form->traits & OPEN_COSAP)
		return STATUS_FLAGS & ~RFLAGS_ZF;
	if (form->traits & OPEN_ALL)
		return form->traits & REPEAT ? STATUS_FLAGS & ~(RFLAGS_CF | RFLAGS_ZF) :
					       STATUS_FLAGS;
	if (form->traits & BIT_TEST)
		return RFLAGS_OF | RFLAGS_SF | RFLAGS_PF | RFLAGS_AF;
	if (!(form->traits & (SHIFT | ROTATE | DOUBLE)))
		return 0;
	if (opcode == 0xd0)
		count = 1;
	else if (form->immediate == 0)
		count = (u8)native.gpr[GPR_RCX];
	count &= trial->size == 8 ? 63 : 31;
	if (count == 0)
		return 0;
	if (count > 1)
		flags |= RFLAGS_OF;
	if (form->traits & (SHIFT | DOUBLE))
		flags |= RFLAGS_AF;
	if (form->traits & SHIFT && count >= bits)
		flags |= RFLAGS_CF;
	return flags;
}

/* Runs the instruction at CODE_GVA + offset natively. */
static void run_native(const struct trial *trial, u64 offset)
{
	u8 jump[14] = {0xff, 0x25}; /* JMP [RIP + 0] */
	u64 exit = (u64)native_exit;

	memcpy(jump + 6, &exit, 8);
	memcpy(code + offset, trial->bytes, trial->count);
	memcpy(code + offset + trial->count, jump, sizeof(jump));
	memcpy(code + (LANDING - CODE_GVA), jump, sizeof(jump));
	native_entry = CODE_GVA + offset;
	native_run();
}

static void load_machine(u64 offset, const struct trial *trial)
{
	memcpy(machine.page.gpr, native.gpr, sizeof(native.gpr));
	machine.page.rflags = native.rflags;
	machine.page.rip = CODE_GVA + offset;
	machine.page.dirty = 0;
	machine.reads = machine.writes = machine.widest = 0;
	machine_put_code(&machine, offset, trial->bytes, trial->count);
	for (u32 i = 0; i < 2; i++)
		memcpy(machine_data(&machine, i), data + i * PAGE_SIZE, PAGE_SIZE);
}

static void compare_states(const char *name, const struct trial *trial, u64 undefined)
{
	bool same = memcmp(machine.page.gpr, native.gpr, sizeof(native.gpr)) == 0;
	u64 flags = (machine.page.rflags ^ native.rflags) & (STATUS_FLAGS | RFLAGS_DF) & ~undefined;

	for (u32 i = 0; i < 2; i++)
		same &= memcmp(machine_data(&machine, i), data + i * PAGE_SIZE, PAGE_SIZE) == 0;
	if (same && flags == 0)
		return;
	print_error("%s:", name);
	for (u32 i = 0; i < trial->count; i++)
		print_error(" %02x", trial->bytes[i]);
	print_error(": flags %lx, CPU %lx\n", machine.page.rflags, native.rflags);
	for (u32 i = 0; i < GPR_COUNT; i++)
		if (machine.page.gpr[i] != native.gpr[i])
			print_error("register %u: %lx, CPU %lx\n", i, machine.page.gpr[i],
				    native.gpr[i]);
	for (u32 i = 0; i < DATA_BYTES; i++)
		if (machine_data(&machine, i / PAGE_SIZE)[i % PAGE_SIZE] != data[i])
			print_error("byte %x: %x, CPU %x\n", i,
				    machine_data(&machine, i / PAGE_SIZE)[i % PAGE_SIZE], data[i]);
	fail();
}

/* An operand inside one page of a device is read and written at most once, and in one piece. */
static void check_accesses(const struct form *form, const struct trial *trial)
{
	bool inside = (trial->target & PAGE_MASK) + trial->size <= PAGE_SIZE;

	if (form->traits & (STACK | PAIR | BIT_FAR) || !inside)
		return;
	assert_true(machine.reads <= 1 && machine.writes <= 1);
	if (machine.reads + machine.writes > 0)
		assert_int_equal(machine.widest, trial->size);
}

static void run_form(const struct form *form)
{
	u32 done = 0;

	for (u32 i = 0; i < 20 * CASES && done < CASES; i++) {
		u64 offset = chance(4) ? PAGE_SIZE - 1 - random_below(12) : 0x400;
		u64 next;
		u64 undefined;
		struct vcpu_event event;
		struct trial trial;

		if (i % 64 == 0)
			for (u32 j = 0; j < DATA_BYTES; j += 8)
				((u64 *)data)[j / 8] = random_value();
		build(form, &trial, CODE_GVA + offset);
		if (!usable(form, &trial))
			continue;
		done++;
		next = form->traits & BRANCH ? LANDING : CODE_GVA + offset + trial.count;
		undefined = undefined_flags(form, &trial);
		machine_set_device_pages(&machine, random_below(4));
		load_machine(offset, &trial);
		assert_int_equal(emulate(&machine.emulator, &event), EMULATE_DONE);
		assert_int_equal(event.valid, 0);
		assert_int_equal(machine.page.rip, next);
		run_native(&trial, offset);
		compare_states(form->name, &trial, undefined);
		check_accesses(form, &trial);
	}
	if (done < CASES / 2)
		fail_msg("%s: only %u cases", form->name, done);
}

static void test_forms(void **state)
{
	for (size_t i = 0; i < ARRAY_COUNT(forms); i++)
		run_form(&forms[i]);
}

/* a0-a3, with addresses of 8 and 4 bytes. */
static void test_move_offset(void **state)
{
	for (u32 i = 0; i < CASES; i++) {
		struct form form = {.name = "moffs"};
		struct vcpu_event event;
		struct trial trial = {0};
		bool address_32 = chance(2);

		choose_registers(&form);
		choose_target(&form, &trial);
		if (chance(3))
			put(&trial, 0x66, 1);
		if (address_32)
			put(&trial, 0x67, 1);
		if (chance(3))
			put(&trial, 0x48, 1);
		put(&trial, 0xa0 + random_below(4), 1);
		put(&trial, trial.target, address_32 ? 4 : 8);
		machine_set_device_pages(&machine, random_below(4));
		load_machine(0x400, &trial);
		assert_int_equal(emulate(&machine.emulator, &event), EMULATE_DONE);
		run_native(&trial, 0x400);
		compare_states(form.name, &trial, 0);
	}
}

/* Registers for a string of `count` elements from random places, up or down. */
static void choose_string(u32 size, u32 count)
{
	u32 length = size * count;
	u64 source = random_below((u32)DATA_BYTES - length);
	u64 destination = random_below((u32)DATA_BYTES - length);

	if (chance(2)) {
		native.rflags |= RFLAGS_DF;
		source += length - size;
		destination += length - size;
	}
	native.gpr[GPR_RSI] = DATA_GVA + source;
	native.gpr[GPR_RDI] = DATA_GVA + destination;
	native.gpr[GPR_RCX] = count;
	native.gpr[GPR_RAX] = chance(2) ? 0 : random_value();
}

static void test_strings(void **state)
{
	static const u8 opcodes[] = {0xa4, 0xa6, 0xaa, 0xac, 0xae};
	static const u8 prefixes[] = {0, 0xf2, 0xf3};
	struct form form = {.name = "string"};

	for (u32 i = 0; i < 8 * CASES; i++) {
		u8 opcode = (u8)(opcodes[random_below(ARRAY_COUNT(opcodes))] + random_below(2));
		u8 prefix = prefixes[random_below(3)];
		bool operand_16 = chance(4);
		bool address_32 = chance(4);
		bool wide = chance(3);
		struct trial trial = {0};
		struct vcpu_event event;
		enum emulate_result result;
		u32 size = !(opcode & 1) ? 1 : wide ? 8 : operand_16 ? 2 : 4;
		u32 runs = 0;

		if (i % 16 == 0) /* little variety, so that comparisons find equals */
			for (u32 j = 0; j < DATA_BYTES; j++)
				data[j] = chance(64) ? 1 : 0;
		choose_registers(&form);
		choose_string(size, random_below(chance(4) ? 700 : 20) + (prefix == 0));
		if (prefix != 0)
			put(&trial, prefix, 1);
		if (operand_16)
			put(&trial, 0x66, 1);
		if (address_32)
			put(&trial, 0x67, 1);
		if (wide)
			put(&trial, 0x48, 1);
		put(&trial, opcode, 1);
		machine_set_device_pages(&machine, random_below(4));
		load_machine(0x400, &trial);
		do {
			assert_int_equal(machine.page.rip, CODE_GVA + 0x400);
			result = emulate(&machine.emulator, &event);
		} while (result == EMULATE_AGAIN && ++runs < 4);
		assert_int_equal(result, EMULATE_DONE);
		assert_int_equal(machine.page.rip, CODE_GVA + 0x400 + trial.count);
		run_native(&trial, 0x400);
		compare_states(form.name, &trial, 0);
	}
}

static int map_areas(void **state)
{
	void *memory = mmap(data, DATA_BYTES, PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
	void *text = mmap(code, CODE_BYTES, PROT_READ | PROT_WRITE | PROT_EXEC,
			  MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);

	if (memory != data || text != code)
		return -1;
	machine_init(&machine);
	__asm__("movw %%ds, %0" : "=r"(machine.page.segment[SEG_DS].selector));
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_forms),
		cmocka_unit_test(test_move_offset),
		cmocka_unit_test(test_strings),
	};

	return cmocka_run_group_tests(tests, map_areas, NULL);
}
