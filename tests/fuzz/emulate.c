/* SPDX-License-Identifier: MIT */
/*
 * The emulator against the CPU: whatever instruction the input makes, if the emulator carries it
 * out, or has an exception other than #PF for it, the CPU does the same to registers, flags and
 * memory. Each data page is RAM or device memory.
 */
#include "tests/fuzz/fuzz.h"

#include "tests/fuzz/native.h"
#include "tests/random.h"
#include "tests/unit/emulate_undefined.h"

#define INT3 0xcc
#define STEPS_MAX 4096

static struct machine machine;
static u64 offset; /* of the instruction in the code */
static u8 instruction[X86_LENGTH_MAX];
static u32 instruction_bytes;
static enum x86_mode mode; /* 64-bit, or compatibility with 32-bit code */

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
	memcpy(padding + offset, instruction, instruction_bytes);
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
	segment[SEG_FS].base = 1ull << 40; /* not to be compared */
}

/* A register that the mask has points into the data, any other one is any number. */
static void choose_registers(struct fuzz *fuzz)
{
	u16 pointers = fuzz_u16(fuzz);
	u64 flags = fuzz_u16(fuzz);

	for (u32 i = 0; i < GPR_COUNT; i++)
		machine.page.gpr[i] = pointers >> i & 1 ? DATA_GVA + fuzz_u16(fuzz) % DATA_BYTES :
							 fuzz_number(fuzz);
	for (u32 i = 0; i < GPR_COUNT && mode == X86_MODE_32; i++)
		machine.page.gpr[i] = (u32)machine.page.gpr[i];
	machine.page.rflags = RFLAGS_FIXED | RFLAGS_IF | (flags & (FLAGS_ARITHMETIC | RFLAGS_DF));
}

static void build(struct fuzz *fuzz)
{
	u8 options = fuzz_u8(fuzz);

	machine_init(&machine);
	machine.anywhere = true;
	machine_set_device_pages(&machine, options & 3);
	offset = options & 4 ? PAGE_SIZE - 1 - (options >> 3 & 15) : 0x400;
	machine.page.rip = CODE_GVA + offset;
	set_mode(options & 0x80 && native_has_32());
	fill_data(fuzz_u8(fuzz));
	choose_registers(fuzz);
	instruction_bytes = (u32)MIN(fuzz->left, sizeof(instruction));
	fuzz_take(fuzz, instruction, instruction_bytes);
	put_code();
	memcpy(native->gpr, machine.page.gpr, sizeof(native->gpr));
	native->rflags = machine.page.rflags;
	native->rip = machine.page.rip;
	native->cs = machine.page.segment[SEG_CS].selector;
}

static enum emulate_result emulate_all(struct vcpu_event *event)
{
	enum emulate_result result = EMULATE_AGAIN;

	for (u32 i = 0; i < STEPS_MAX && result == EMULATE_AGAIN; i++)
		result = emulate(&machine.emulator, event);
	return result;
}

/* Whether the guest goes on at an INT3: then the CPU stops there too. */
static bool lands_well(void)
{
	u64 at = machine.page.rip - CODE_GVA;

	return at < CODE_BYTES && (at < offset || at >= offset + instruction_bytes);
}

static void differ(const char *what, enum emulate_result result, u32 vector)
{
	fprintf(stderr, "%s (result %u, vector %u):", what, result, vector);
	for (u32 i = 0; i < instruction_bytes; i++)
		fprintf(stderr, " %02x", instruction[i]);
	fprintf(stderr, "\nrip %lx, CPU %lx; flags %lx, CPU %lx; CPU's vector %lu\n",
		machine.page.rip, native->rip, machine.page.rflags, native->rflags,
		native->vector);
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
	/* what becomes of upper halves in compatibility mode is the CPU's business */
	for (u32 i = 0; i < GPR_COUNT; i++)
		if (mode == X86_MODE_64 ? machine.page.gpr[i] != native->gpr[i] :
					  (u32)machine.page.gpr[i] != (u32)native->gpr[i])
			differ("registers", EMULATE_DONE, 0);
	for (u32 i = 0; i < 2; i++)
		if (memcmp(machine_data(&machine, i), native_data + i * bytes, bytes) != 0)
			differ("memory", EMULATE_DONE, 0);
}

/* Which of the two an undefined opcode in more than 15 bytes is depends on the CPU. */
static bool too_long_or_undefined(u32 vector)
{
	struct x86_prefixes prefixes;

	x86_scan_prefixes(native_code + offset, X86_LENGTH_MAX, mode, &prefixes);
	return prefixes.count > 3 && (vector == VECTOR_UD || vector == VECTOR_GP) &&
	       (native->vector == VECTOR_UD || native->vector == VECTOR_GP);
}

/* The base of FS is the host's there: what is canonical with it need not be so without. */
static bool is_by_fs(const struct x86_instruction *in)
{
	return in->segment == SEG_FS;
}

/*
 * Faults that CPUs differ in: which of two bad addresses of a CMPS comes first; whether a CALL to a
 * non-canonical address has written its return address below the stack pointer; whether a segment
 * of 4 GiB has an end.
 */
static bool fault_left_open(const struct x86_instruction *in, u32 vector)
{
	if (vector != VECTOR_GP && vector != VECTOR_SS)
		return false;
	if (mode == X86_MODE_32 && native->vector == VECTOR_PF) /* beyond a limit of 4 GiB */
		return true;
	if (in->map != X86_MAP_PRIMARY)
		return false;
	if (in->opcode == 0xa6 || in->opcode == 0xa7)
		return native->vector == VECTOR_PF;
	return in->opcode == 0xff && (in->reg & 7) == 2 && native->vector == vector;
}

/*
 * What the host's descriptor tables have a say in, or its kernel answers (UMIP); MOV of CR0 with
 * LOCK, which AMD's CPUs take for CR8 and others for undefined.
 */
static bool is_of_the_system(const struct x86_instruction *in)
{
	u8 group = in->reg & 7;

	if (in->encoding != X86_LEGACY)
		return false;
	if (mode == X86_MODE_32 && (in->segment == SEG_FS || in->segment == SEG_GS))
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

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	struct fuzz fuzz = {bytes, size};
	struct x86_instruction in = {0};
	enum emulate_result result;
	struct vcpu_event event;
	bool decoded;
	u64 undefined;

	native_start();
	build(&fuzz);
	decoded = x86_decode(native_code + offset, X86_LENGTH_MAX, mode, &in) == X86_OK;
	undefined = decoded ? undefined_flags(&in, machine.page.gpr[GPR_RCX]) : 0;
	if (undefined == UNDEFINED_RESULT || (decoded && is_of_the_system(&in)))
		return 0;
	result = emulate_all(&event);
	if (result == EMULATE_UNSUPPORTED || result == EMULATE_AGAIN)
		return 0;
	if (result == EMULATE_FAULT && event.vector == VECTOR_PF)
		return 0;
	if (result == EMULATE_DONE && !lands_well())
		return 0;
	if (!native_run())
		differ("the CPU did not come back", result, event.vector);
	if (native->vector == VECTOR_AC) /* a host that watches for split locks */
		return 0;
	if (result == EMULATE_FAULT &&
	    (is_by_fs(&in) || too_long_or_undefined(event.vector) ||
	     fault_left_open(&in, event.vector)))
		return 0;
	if (result == EMULATE_FAULT) {
		if (native->vector != event.vector)
			differ("another exception", result, event.vector);
		native->rflags = machine.page.rflags; /* RF */
		undefined = 0;
	} else if (native->vector != NATIVE_TRAP || native->rip != machine.page.rip + 1) {
		differ("another way", result, event.vector);
	}
	compare(undefined);
	return 0;
}
