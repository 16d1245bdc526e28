/* SPDX-License-Identifier: MIT */
/*
 * The emulator against the CPU: if the emulator carries out the input's instruction, or raises an
 * exception for it, the CPU does the same to registers, flags and memory. Each data page is RAM or
 * device memory. An input has raw bytes, or numbers of known forms that are encoded here.
 */
/*
 * Counted elsewhere: vmm/monitor/emulate/emulate_system.c vmm/monitor/task/
 * vmm/monitor/memory/walk.c vmm/monitor/x86/
 */
#include "tests/fuzz/fuzz.h"

#include "tests/fuzz/native.h"
#include "tests/fuzz/forms.h"
#include "tests/fuzz/image.h"
#include "tests/unit/emulate_undefined.h"

#define INT3	  0xcc
#define STEPS_MAX 4096

static struct machine machine;
static u64 offset; /* the offset of the instruction in the code */
static struct bytes instruction;
static enum x86_mode mode;	 /* 64-bit, or compatibility with 32- or 16-bit code */
static u64 code_base, data_base; /* the bases of CS and DS; 0 unless the segments are in the LDT */

static void fill_data(u32 seed)
{
	u64 state = seed * 0x9e3779b97f4a7c15ull + 1;

	for (u32 i = 0; i < DATA_BYTES / 8; i++) {
		((u64 *)native_data)[i] =
			random_step(&state) & (seed & 1 ? ~0ull : 0x0101010101010101);
	}
	for (u32 i = 0; i < 2; i++)
		memcpy(machine_data(&machine, i), native_data + i * PAGE_SIZE, PAGE_SIZE);
}

static void put_code(void)
{
	static u8 padding[CODE_BYTES];

	memset(padding, INT3, sizeof(padding));
	memcpy(padding + offset, instruction.byte, instruction.count);
	machine_put_code(&machine, 0, padding, sizeof(padding));
	memcpy(native_code, padding, sizeof(padding));
}

static void set_mode(bool compatibility)
{
	struct vcpu_segment_state *segment = machine.page.segment;

	mode = compatibility ? X86_MODE_32 : X86_MODE_64;
	segment[SEG_CS].selector = compatibility ? NATIVE_CS_32 : NATIVE_CS_64;
	if (compatibility)
		segment[SEG_CS].access = 0xc0fb;
	segment[SEG_SS].selector = NATIVE_DS;
	segment[SEG_DS].selector = NATIVE_DS;
	segment[SEG_ES].selector = NATIVE_DS;
	segment[SEG_FS].base = 1ull << 40; /* the base of FS is not compared */
	code_base = data_base = 0;
}

/* Code and data in segments of their own. */
static void set_segments(struct fuzz *fuzz)
{
	struct vcpu_segment_state *segment = machine.page.segment;
	u32 data = ARRAY_COUNT(native_segments) - NATIVE_CODE_SEGMENTS;
	u32 writable = NATIVE_WRITABLE_SEGMENTS - NATIVE_CODE_SEGMENTS;

	segment[SEG_CS] = native_segment_state(fuzz_u8(fuzz) % NATIVE_CODE_SEGMENTS);
	segment[SEG_SS] = native_segment_state(NATIVE_CODE_SEGMENTS + fuzz_u8(fuzz) % writable);
	segment[SEG_DS] = native_segment_state(NATIVE_CODE_SEGMENTS + fuzz_u8(fuzz) % data);
	segment[SEG_ES] = native_segment_state(NATIVE_CODE_SEGMENTS + fuzz_u8(fuzz) % data);
	mode = segment[SEG_CS].access & SEGMENT_DB ? X86_MODE_32 : X86_MODE_16;
	code_base = CODE_GVA;
	data_base = DATA_GVA;
	machine.page.rip = offset;
}

/* Registers in the mask point into the data, the others are any numbers. */
static void choose_registers(struct fuzz *fuzz)
{
	u16 pointers = fuzz_u16(fuzz);
	u64 flags = fuzz_u16(fuzz);

	for (u32 i = 0; i < GPR_COUNT; i++)
		machine.page.gpr[i] = pointers >> i & 1
					      ? DATA_GVA - data_base + fuzz_u16(fuzz) % DATA_BYTES
					      : fuzz_number(fuzz);
	for (u32 i = 0; i < GPR_COUNT && mode != X86_MODE_64; i++)
		machine.page.gpr[i] = (u32)machine.page.gpr[i];
	machine.page.rflags = RFLAGS_FIXED | RFLAGS_IF | (flags & (FLAGS_ARITHMETIC | RFLAGS_DF));
}

/*
 * Chooses an instruction. One made from a form gets an operand in the data; INT3s follow the
 * instruction.
 */
static void choose_instruction(struct fuzz *fuzz)
{
	struct x86_instruction in;
	u8 form = fuzz_u8(fuzz);
	u64 place;

	instruction.count = 0;
	if (form < FORM_COUNT) {
		place = fuzz_u16(fuzz);
		place = place & 0x8000 ? place % DATA_BYTES & ~63ul : place % DATA_BYTES;
		place += DATA_GVA - data_base;
		machine.page.gpr[GPR_RBX] = machine.page.gpr[GPR_RDI] = place;
		put_form(&instruction, form, mode == X86_MODE_64, fuzz);
	} else {
		instruction.count = (u32)MIN(fuzz->left, sizeof(instruction.byte));
		fuzz_take(fuzz, instruction.byte, instruction.count);
	}
	if (x86_decode(instruction.byte, instruction.count, mode, &in) == X86_OK)
		instruction.count = in.length;
}

static void build(struct fuzz *fuzz)
{
	u8 options = fuzz_u8(fuzz);
	u8 more;

	machine_init(&machine);
	machine.anywhere = true;
	machine_set_device_pages(&machine, options & 3);
	offset = options & 4 ? PAGE_SIZE - 1 - (options >> 3 & 15) : 0x400;
	machine.page.rip = CODE_GVA + offset;
	set_mode(options & 0x80 && native_has_32());
	fill_data(fuzz_u8(fuzz));
	more = fuzz_u8(fuzz);
	if (more & 4 && native_has_ldt())
		set_segments(fuzz);
	memset(image, 0, sizeof(image));
	if (more & 1)
		image_build(fuzz);
	machine.emulator.xsave = &native_layout;
	machine_ops.vectors = native_layout.fxsave ? NULL : image_get;
	choose_registers(fuzz);
	if (more & 2)
		machine.page.rflags |= RFLAGS_TF;
	choose_instruction(fuzz);
	put_code();
	memcpy(native->image, image, sizeof(image));
	memcpy(native->gpr, machine.page.gpr, sizeof(native->gpr));
	native->rflags = machine.page.rflags;
	native->rip = machine.page.rip;
	native->cs = machine.page.segment[SEG_CS].selector;
	native->ss = machine.page.segment[SEG_SS].selector;
	native->ds = machine.page.segment[SEG_DS].selector;
	native->es = machine.page.segment[SEG_ES].selector;
}

static enum emulate_result emulate_all(struct vcpu_event *event)
{
	enum emulate_result result = EMULATE_AGAIN;

	for (u32 i = 0; i < STEPS_MAX && result == EMULATE_AGAIN; i++)
		result = emulate(&machine.emulator, event);
	return result;
}

/* Returns whether the guest goes on at an INT3, where the CPU stops too. */
static bool lands_well(void)
{
	u64 at = machine.page.rip + code_base - CODE_GVA;

	return at < CODE_BYTES && (at < offset || at >= offset + instruction.count) &&
	       (mode == X86_MODE_64 || machine.page.rip <= machine.page.segment[SEG_CS].limit);
}

static void differ(const char *what, enum emulate_result result, u32 vector)
{
	fprintf(stderr, "%s (result %u, vector %u):", what, result, vector);
	for (u32 i = 0; i < instruction.count; i++)
		fprintf(stderr, " %02x", instruction.byte[i]);
	fprintf(stderr, "\nrip %lx, CPU %lx; flags %lx, CPU %lx; CPU's vector %lu\n",
		machine.page.rip, native->rip, machine.page.rflags, native->rflags, native->vector);
	fprintf(stderr, "cr2 %lx, CPU %lx with error code %lx\n", machine.page.cr2, native->cr2,
		native->error_code);
	for (u32 i = 0; i < GPR_COUNT; i++)
		fprintf(stderr, "%s register %2u: %016lx, CPU %016lx\n",
			machine.page.gpr[i] == native->gpr[i] ? "   " : "***", i,
			machine.page.gpr[i], native->gpr[i]);
	for (u32 i = 0; i < DATA_BYTES; i++)
		if (machine_data(&machine, i / PAGE_SIZE)[i % PAGE_SIZE] != native_data[i])
			fprintf(stderr, "byte %x: %x, CPU %x\n", i,
				machine_data(&machine, i / PAGE_SIZE)[i % PAGE_SIZE],
				native_data[i]);
	kill(native_child, SIGKILL);
	abort();
}

static void compare(u64 undefined)
{
	u64 flags = (machine.page.rflags ^ native->rflags) & (FLAGS_ARITHMETIC | RFLAGS_DF);
	u64 bytes = DATA_BYTES / 2;

	if (flags & ~undefined)
		differ("flags", EMULATE_DONE, 0);
	/* in compatibility mode the upper halves are undefined */
	for (u32 i = 0; i < GPR_COUNT; i++)
		if (mode == X86_MODE_64 ? machine.page.gpr[i] != native->gpr[i]
					: (u32)machine.page.gpr[i] != (u32)native->gpr[i])
			differ("registers", EMULATE_DONE, 0);
	for (u32 i = 0; i < 2; i++)
		if (memcmp(machine_data(&machine, i), native_data + i * bytes, bytes) != 0)
			differ("memory", EMULATE_DONE, 0);
	if (!native_layout.fxsave && !image_equal(native->image))
		differ("the image", EMULATE_DONE, 0);
}

/*
 * Returns whether the instruction may be too long or undefined: whether it gives #UD or #GP depends
 * on the CPU, as an undefined instruction with XOP, VEX or EVEX has no defined length.
 */
static bool too_long_or_undefined(u32 vector, bool decoded)
{
	struct x86_prefixes prefixes;
	bool extended;
	u8 opcode;

	x86_scan_prefixes(native_code + offset, X86_LENGTH_MAX, mode, &prefixes);
	opcode = native_code[offset + prefixes.count];
	extended = opcode == 0x62 || opcode == 0xc4 || opcode == 0xc5;
	if (prefixes.count <= 3 && opcode != 0x8f && (decoded || !extended))
		return false;
	return (vector == VECTOR_UD || vector == VECTOR_GP) &&
	       (native->vector == VECTOR_UD || native->vector == VECTOR_GP);
}

/* Returns whether the child's mappings at the address are known, so that the CPU must fault too. */
static bool knows_page(u64 address)
{
	return address >= DATA_GVA + DATA_BYTES && address < CODE_GVA + CODE_BYTES;
}

/*
 * The emulator only sees instructions that a CPU has begun to execute: it need not refuse reserved
 * fields of VEX and EVEX, nor what this CPU lacks.
 */
static bool refuses_more(const struct x86_instruction *in)
{
	return in->encoding != X86_LEGACY || in->map == X86_MAP_0F38 ||
	       /* MOVNTSS and MOVNTSD, which belong to SSE4A */
	       (in->map == X86_MAP_0F && in->opcode == 0x2b);
}

/* FS has the host's base on the CPU: an address may be canonical with one base only. */
static bool is_by_fs(const struct x86_instruction *in)
{
	return in->segment == SEG_FS;
}

/* Whether elements that a mask leaves out may fault depends on the CPU. */
static bool is_masked(const struct x86_instruction *in)
{
	const struct vector_form *form = vector_form_of(in);

	return form != NULL && (form->kind == V_MASKED || vector_form_is_implied(form));
}

/* AMD's CPUs wrap each element's address at 64 KiB; other operands must not cross it. */
static bool has_wrapping_elements(const struct x86_instruction *in)
{
	return is_masked(in) && in->address_bytes == 2;
}

/* Returns whether the emulator may access the operand in more than one piece. */
static bool has_parts(const struct x86_instruction *in)
{
	return in->map != X86_MAP_PRIMARY || in->encoding != X86_LEGACY ||
	       (in->opcode >= 0xd8 && in->opcode <= 0xdf);
}

static bool is_bad_address(u64 vector)
{
	return vector == VECTOR_SS || vector == VECTOR_GP || vector == VECTOR_PF;
}

/*
 * Faults in which CPUs differ: which of a CMPS's two bad addresses comes first, and whether a
 * CALL's target or its stack; whether a CALL to where it may not go, or an ENTER, has written
 * below the stack pointer; whether a segment of 4 GiB has an end. The CPU checks alignment and
 * limit of a whole operand before it translates its start, the emulator piece by piece.
 */
static bool fault_left_open(const struct x86_instruction *in, u32 vector)
{
	if (in->map == X86_MAP_PRIMARY && in->opcode == 0xc8)
		return true;
	if (in->map == X86_MAP_PRIMARY && (in->opcode & 0xfe) == 0xa6)
		return is_bad_address(vector) && is_bad_address(native->vector) &&
		       (vector == VECTOR_PF || vector != native->vector);
	if ((native->vector == VECTOR_GP || native->vector == VECTOR_SS) && has_parts(in))
		return vector == VECTOR_PF || vector == VECTOR_SS;
	if (vector != VECTOR_GP && vector != VECTOR_SS)
		return false;
	/* the address lies beyond 4 GiB */
	if (mode == X86_MODE_32 && code_base == 0 && native->vector == VECTOR_PF)
		return true;
	if (in->map != X86_MAP_PRIMARY)
		return false;
	if (in->opcode == 0xe8)
		return vector == VECTOR_GP;
	return in->opcode == 0xff && (in->reg & 7) == 2;
}

/*
 * Instructions that depend on the host's descriptor tables, or that its kernel emulates (UMIP);
 * MOV of CR0 with LOCK, which is CR8 on AMD's CPUs and undefined on others.
 */
static bool is_of_the_system(const struct x86_instruction *in)
{
	u8 group = in->reg & 7;

	if (in->encoding != X86_LEGACY)
		return false;
	if (mode != X86_MODE_64 && (in->segment == SEG_FS || in->segment == SEG_GS))
		return true;
	if (in->map == X86_MAP_0F)
		return in->opcode <= 0x01 || (in->opcode & 0xf6) == 0xa0 || in->opcode == 0xb2 ||
		       in->opcode == 0xb4 || in->opcode == 0xb5 ||
		       ((in->opcode & 0xfd) == 0x20 && in->prefixes & X86_PREFIX_LOCK);
	if (in->map != X86_MAP_PRIMARY)
		return false;
	return (in->opcode < 0x20 && (in->opcode & 7) >= 6) || in->opcode == 0x8e ||
	       in->opcode == 0xc4 || in->opcode == 0xc5 ||
	       (in->opcode == 0xff && (group == 3 || group == 5));
}

/*
 * A CMPS or SCAS that a trap stops between two of its repetitions: CPUs with fast short compares
 * then show the flags from before it.
 */
static bool stops_in_compare(const struct x86_instruction *in, u64 rip)
{
	return in->encoding == X86_LEGACY && in->map == X86_MAP_PRIMARY &&
	       ((in->opcode & 0xfe) == 0xa6 || (in->opcode & 0xfe) == 0xae) &&
	       machine.page.rip == rip;
}

/*
 * An x87 store that raises an unmasked exception stores nothing: some CPUs do not look at its
 * address then. An MMX instruction that faults may have turned the x87 registers into MMX's.
 */
static bool image_left_open(const struct x86_instruction *in)
{
	if (in->encoding != X86_LEGACY)
		return false;
	if (in->map == X86_MAP_PRIMARY)
		return (in->opcode & 0xf8) == 0xd8 &&
		       (native->vector == NATIVE_TRAP || native->vector == NATIVE_STEP);
	return in->map == X86_MAP_0F && in->vector_prefix == 0 &&
	       (in->opcode >= 0xd0 || (in->opcode & 0xe0) == 0x60) &&
	       is_bad_address(native->vector);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	struct fuzz fuzz = {bytes, size};
	struct x86_instruction in = {0};
	enum emulate_result result;
	struct vcpu_event event;
	bool decoded;
	u64 undefined;
	u64 rip;
	bool any_stack;

	native_start();
	any_stack = native_has_any_stack();
	build(&fuzz);
	if (!any_stack && !is_canonical(machine.page.gpr[GPR_RSP], 48))
		return 0;
	rip = machine.page.rip;
	decoded = x86_decode(native_code + offset, X86_LENGTH_MAX, mode, &in) == X86_OK;
	undefined = decoded ? undefined_flags(&in, machine.page.gpr[GPR_RCX]) : 0;
	if (undefined == UNDEFINED_RESULT ||
	    (decoded && (is_of_the_system(&in) || has_wrapping_elements(&in))))
		return 0;
	result = emulate_all(&event);
	if (result == EMULATE_UNSUPPORTED || result == EMULATE_AGAIN)
		return 0;
	if (result == EMULATE_FAULT && event.vector == VECTOR_PF && !knows_page(machine.page.cr2))
		return 0;
	if (result == EMULATE_DONE && !lands_well())
		return 0;
	if (!native_run())
		differ("the CPU did not come back", result, event.vector);
	if (native->vector == VECTOR_AC) /* the host detects split locks */
		return 0;
	if (native->vector == VECTOR_UD && refuses_more(&in))
		return 0;
	if (result == EMULATE_FAULT &&
	    (image_left_open(&in) || is_by_fs(&in) ||
	     too_long_or_undefined(event.vector, decoded) || fault_left_open(&in, event.vector)))
		return 0;
	if (native->vector >= VECTOR_SS && native->vector <= VECTOR_PF && is_masked(&in))
		return 0;
	if (result == EMULATE_FAULT) {
		if (native->vector != event.vector || native->rip != machine.page.rip)
			differ("another exception", result, event.vector);
		if (event.vector == VECTOR_PF &&
		    (native->cr2 != machine.page.cr2 || native->error_code != event.error_code))
			differ("another page fault", result, event.error_code);
		if (event.vector != VECTOR_DB) {
			native->rflags = machine.page.rflags;
			undefined = 0;
		}
	} else if (native->vector != (event.valid ? NATIVE_STEP : NATIVE_TRAP) ||
		   native->rip != machine.page.rip + !event.valid) {
		differ("another way", result, event.vector);
	}
	if (decoded && native->vector == NATIVE_STEP && stops_in_compare(&in, rip))
		undefined |= FLAGS_ARITHMETIC;
	compare(undefined);
	return 0;
}
