/* SPDX-License-Identifier: MIT */
/*
 * The emulator against the CPU: each instruction runs in this process and in the emulator, on the
 * same registers, flags and memory, thousands of times with random operands, and must have the
 * same effect. emulate_fault_test.c has the faults and modes that a process cannot show.
 */
#include <sys/mman.h>

#include "tests/random.h"
#include "tests/unit/vmm/monitor/emulate/emulate_forms.h"
#include "tests/unit/emulate_machine.h"
#include "tests/unit/vmm/monitor/emulate/emulate_native.h"
#include "tests/unit/emulate_undefined.h"

#define CASES	     4000
#define NO_REGISTER  0xff
#define STATUS_FLAGS FLAGS_ARITHMETIC

/* One run: the instruction and how it was made. */
struct trial {
	u8 bytes[32];
	u32 count;
	u8 rex;
	u8 reg;
	u8 rm;
	bool operand_16;
	bool address_32;
	bool memory;
	u8 base; /* the base register of the memory operand; NO_REGISTER if there is none */
	u8 index;
	u8 scale;
	s32 displacement;
	bool locked;
	u64 target; /* address of the memory operand */
	u32 size;   /* the operand's size, by the opcode's rules */
	u8 immediate;
};

static struct machine machine;
static u64 dividend[2]; /* RAX and RDX of a division */
static u64 random_state = 0x9e3779b97f4a7c15;

static u64 random_u64(void)
{
	return random_step(&random_state) * 0x2545f4914f6cdd1d;
}

static u32 random_below(u32 limit)
{
	return (u32)((random_u64() >> 32) % limit);
}

static bool chance(u32 one_in)
{
	return random_below(one_in) == 0;
}

/* Random values, often interesting ones. */
static u64 random_value(void)
{
	static const u64 values[] = {0,		 1,	    0x7f,	0x80,	    0xff,
				     0x7fff,	 0x8000,    0xffff,	0x7fffffff, 0x80000000,
				     0xffffffff, INT64_MAX, 1ull << 63, ~0ull};

	return chance(3) ? values[random_below(ARRAY_COUNT(values))] : random_u64();
}

static void put(struct trial *trial, u64 value, u32 bytes)
{
	memcpy(trial->bytes + trial->count, &value, bytes);
	trial->count += bytes;
}

/*
 * Puts ModRM, SIB and displacement for an operand at trial->target, and sets the registers that
 * the address is made of. `tail`: bytes after the displacement, for RIP-relative operands.
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
				native.gpr[12] = 0; /* with REX.X, index 4 is R12 */
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
	if (form->traits & WIDTH ? !(opcode & 1)
				 : opcode == 0x80 || opcode == 0xc6 || opcode == 0xf6)
		return 1;
	if (opcode == 0x63)
		return 4;
	return trial->rex & 8 ? 8 : trial->operand_16 ? 2 : 4;
}

static void choose_target(const struct form *form, struct trial *trial)
{
	u32 offset = 1024 + random_below(DATA_BYTES - 2048);

	if (chance(4)) /* a target around the boundary of the two pages */
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
	if (form->traits & COUNTED && chance(2))
		native.gpr[GPR_RCX] = random_below(34);
}

/* Sets memory and registers as the form wants them. */
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
		/* half of the range that fits; of either sign for IDIV */
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

/* Writes the instruction, and the registers that it starts from. */
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
	trial->reg = (u8)(form->group >= 0 ? form->group
					   : (int)(random_below(8) | (trial->rex & 4 ? 8u : 0)));
	trial->rm = (u8)(random_below(8) | (trial->rex & 1 ? 8 : 0));
	if (form->traits & WIDTH)
		last = (u8)(last ^ random_below(2));
	trial->size = operand_size(form, trial, last);
	immediate_bytes =
		form->immediate == 'z' ? (trial->size == 2 ? 2 : 4) : form->immediate == 'b';
	choose_target(form, trial);
	choose_registers(form);
	/* the operands come first: usable() rejects a trial whose address uses their registers */
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
 * Returns whether the CPU's behaviour is defined and its effects stay inside the data: the
 * operand's address, computed again from the registers, is still the target, and RSP is unchanged.
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
	/* POP computes an address based on RSP from the new RSP */
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

/* The flags that the manuals leave undefined. */
static u64 open_flags(const struct trial *trial)
{
	struct x86_instruction in;
	u64 flags;

	assert_int_equal(x86_decode(trial->bytes, trial->count, X86_MODE_64, &in), X86_OK);
	flags = undefined_flags(&in, native.gpr[GPR_RCX]);
	assert_true(flags != UNDEFINED_RESULT);
	return flags;
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

/* An operand inside one device page is read and written at most once, and in one piece. */
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
		undefined = open_flags(&trial);
		machine_set_device_pages(&machine, random_below(4));
		load_machine(offset, &trial);
		assert_int_equal(emulate(&machine.emulator, &event), EMULATE_DONE);
		assert_int_equal(event.valid, 0);
		assert_int_equal(machine.page.rip, next);
		native_execute(trial.bytes, trial.count, offset);
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

/* Opcodes a0-a3, with 8- and 4-byte addresses. */
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
		native_execute(trial.bytes, trial.count, 0x400);
		compare_states(form.name, &trial, 0);
	}
}

/* Sets up a string of `count` elements at random places, up or down, all below 4 GiB. */
static void choose_string(u32 size, u32 count)
{
	u32 length = size * count;
	u64 source = random_below((u32)DATA_BYTES - length);
	u64 destination = random_below((u32)DATA_BYTES - length);

	if (chance(2) && count != 0) {
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

		if (i % 16 == 0) /* few distinct values, so that comparisons find matches */
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
		native_execute(trial.bytes, trial.count, 0x400);
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
