/* SPDX-License-Identifier: MIT */
/*
 * Moves of x87, MMX, SSE, AVX and AVX-512 registers against the CPU: the same instruction runs in
 * this process and in the emulator, on the same XSAVE image and memory, and must have the same
 * effect. Instructions that the machine's CPU lacks are skipped, and the output says how many.
 */
#include <sys/mman.h>

#include "tests/random.h"
#include "tests/unit/emulate_machine.h"
#include "tests/unit/vmm/monitor/emulate/emulate_vector_samples.h"

#define IMAGE_BYTES 4096
#define ROUNDS	    200

static struct machine machine;
static struct xsave_layout layout;
static u8 image[IMAGE_BYTES] ALIGNED(64);
static u8 before[IMAGE_BYTES] ALIGNED(64);
static u8 native_image[IMAGE_BYTES] ALIGNED(64);
static u8 spare[IMAGE_BYTES] ALIGNED(64);
static u8 *const data = (u8 *)DATA_GVA;
static bool has[NEEDS_COUNT];
static u64 components;

static u8 *vectors(void *device)
{
	(void)device;
	return image;
}

static u64 random_u64(void)
{
	static u64 state = 0x9e3779b97f4a7c15;

	return random_step(&state) * 0x2545f4914f6cdd1d;
}

static void randomize(u8 *bytes, u32 count)
{
	for (u32 i = 0; i < count; i += 8) {
		u64 value = random_u64();

		memcpy(bytes + i, &value, 8);
	}
}

/*
 * Makes an image with all components in use, sometimes one of them in its initial configuration;
 * any TOP.
 */
static void make_image(void)
{
	u64 used = random_u64() % 4 == 0 ? components & ~BIT(random_u64() % 8) : components;
	const u16 control = 0x37f;
	const u16 status = (u16)((random_u64() & 7) << 11);
	const u32 mxcsr = 0x1f80;

	memset(before, 0, sizeof(before));
	memcpy(before, &control, 2);
	memcpy(before + 2, &status, 2);
	before[4] = 0xff;
	memcpy(before + 24, &mxcsr, 4);
	for (u32 i = 0; i < 8; i++)
		randomize(before + 32 + 16 * i, 8);
	randomize(before + 160, 256);
	for (u32 i = 1; i < 3; i++)
		randomize(before + (i == 1 ? layout.ymm : layout.zmm_low),
			  (i == 1 ? layout.ymm : layout.zmm_low) != 0 ? 256 * i : 0);
	if (layout.zmm_high != 0)
		randomize(before + layout.zmm_high, 1024);
	memcpy(before + XSAVE_HEADER, &used, 8);
	memcpy(image, before, sizeof(image));
}

/* Numbers near every limit of the smaller formats; sometimes a NaN or an unsupported encoding. */
static u64 make_extended(u8 *at)
{
	static const s32 near[] = {0,	 15,   31,    63,    127,   -127,
				   -149, 1023, -1023, -1075, 16383, -16383};
	s32 exponent = near[random_u64() % ARRAY_COUNT(near)] + (s32)(random_u64() % 5) - 2;
	u16 high = (u16)(((u32)(exponent + 16383) & 0x7fff) | (random_u64() & 1) << 15);
	u64 low = random_u64() << random_u64() % 64;

	low = random_u64() % 4 == 0 ? ~0ull << random_u64() % 64 : low;
	low |= random_u64() % 8 == 0 ? 0 : BIT(63);
	if (random_u64() % 16 == 0)
		high |= 0x7fff;
	memcpy(at, &low, 8);
	memcpy(at + 8, &high, 2);
	return low;
}

/* Exceptions may be unmasked, but none is pending: with one the CPU would not get this far. */
static void make_x87(u8 *operand)
{
	const u16 control = (u16)(0x340 | (random_u64() % 4 == 0 ? random_u64() & 0x3f : 0x3f) |
				  (random_u64() & 3) << 10);

	memcpy(before, &control, 2);
	before[4] = random_u64() % 4 == 0 ? (u8)random_u64() : random_u64() % 2 ? 0xff : 0;
	for (u32 i = 0; i < 8; i++)
		make_extended(before + 32 + 16 * i);
	memcpy(image, before, sizeof(image));
	if (random_u64() % 2)
		make_extended(operand);
	if (random_u64() % 4 == 0) /* denormal, infinite or NaN as 4 or 8 bytes */
		operand[random_u64() % 2 ? 3 : 7] = (u8)(random_u64() % 2 ? 0x80 : 0xff);
}

static void run_native(const struct sample *sample, u64 base, u64 operand)
{
	u8 *code = (u8 *)CODE_GVA;

	memcpy(code, sample->bytes, sample->count);
	code[sample->count] = 0xc3;
	memset(native_image, 0, sizeof(native_image));
	__asm__ volatile("xsave64 (%[spare])\n\t"
			 "xrstor64 (%[before])\n\t"
			 "call *%[code]\n\t"
			 "xsave64 (%[after])\n\t"
			 "xrstor64 (%[spare])"
			 :
			 : "a"((u32)components), "d"((u32)(components >> 32)), "b"(base),
			   "D"(operand), [spare] "r"(spare), [before] "r"(before),
			   [after] "r"(native_image), [code] "r"(code)
			 : "memory", "cc");
}

static void compare_registers(const struct sample *sample)
{
	u8 ours[XSAVE_VECTOR_BYTES];
	u8 theirs[XSAVE_VECTOR_BYTES];

	for (u32 reg = 0; reg < 32; reg++) {
		xsave_vector_get(&layout, image, reg, ours);
		xsave_vector_get(&layout, native_image, reg, theirs);
		if (memcmp(ours, theirs, sizeof(ours)) != 0)
			fail_msg("%s: register %u differs", sample->name, reg);
	}
	if (xsave_is_present(&layout, image, X87) && memcmp(image, native_image, 5) != 0)
		fail_msg("%s: x87 control, status or tags differ: %x %x %x, CPU %x %x %x",
			 sample->name, image[0] | image[1] << 8, image[2] | image[3] << 8, image[4],
			 native_image[0] | native_image[1] << 8,
			 native_image[2] | native_image[3] << 8, native_image[4]);
	for (u32 reg = 0; reg < 8; reg++)
		if (xsave_is_present(&layout, image, X87) &&
		    memcmp(image + 32 + 16 * reg, native_image + 32 + 16 * reg, 10) != 0)
			fail_msg("%s: ST%u differs", sample->name, reg);
}

static void run_one(const struct sample *sample)
{
	u64 offset = PAGE_SIZE - 64 + random_u64() % 64; /* the operand may cross the pages */
	struct vcpu_event event;
	u64 base;

	if (sample->alignment != 0)
		offset &= ~(u64)(sample->alignment - 1);
	base = DATA_GVA + offset - sample->displacement;
	machine_init(&machine);
	machine.emulator.xsave = &layout;
	machine_set_device_pages(&machine, random_u64() & 3);
	randomize(data, DATA_BYTES);
	make_image();
	if (sample->needs == NEEDS_X87)
		make_x87(data + offset);
	memcpy(machine_data(&machine, 0), data, PAGE_SIZE);
	memcpy(machine_data(&machine, 1), data + PAGE_SIZE, PAGE_SIZE);
	machine_put_code(&machine, 0, sample->bytes, sample->count);
	machine.page.gpr[GPR_RBX] = base;
	machine.page.gpr[GPR_RDI] = DATA_GVA + offset; /* the operand of MASKMOVDQU */
	if (emulate(&machine.emulator, &event) != EMULATE_DONE)
		fail_msg("%s is not emulated", sample->name);
	assert_int_equal(machine.page.rip, CODE_GVA + sample->count);
	assert_true(machine.page.dirty & VCPU_XSAVE);
	run_native(sample, base, DATA_GVA + offset);
	compare_registers(sample);
	if (memcmp(machine_data(&machine, 0), data, PAGE_SIZE) != 0 ||
	    memcmp(machine_data(&machine, 1), data + PAGE_SIZE, PAGE_SIZE) != 0)
		fail_msg("%s: memory differs", sample->name);
}

static void test_against_cpu(void **state)
{
	u32 left_out = 0;

	(void)state;
	for (u32 i = 0; i < ARRAY_COUNT(samples); i++) {
		if (!has[samples[i].needs]) {
			left_out++;
			continue;
		}
		for (u32 round = 0; round < ROUNDS; round++)
			run_one(&samples[i]);
	}
	if (left_out != 0)
		printf("%u of %zu forms are not of this CPU\n", left_out, ARRAY_COUNT(samples));
}

static bool keep_image; /* run_one uses `before` as it is */

static enum emulate_result try(const char *code, u32 count, u64 address, struct vcpu_event *event)
{
	const u64 rdi = machine.page.gpr[GPR_RDI];

	machine_init(&machine);
	machine.emulator.xsave = &layout;
	machine_set_device_pages(&machine, 3);
	if (!keep_image)
		make_image();
	memcpy(image, before, sizeof(image));
	machine.page.gpr[GPR_RDI] = rdi;
	machine_put_code(&machine, 0, (const u8 *)code, count);
	machine.page.gpr[GPR_RBX] = address;
	return emulate(&machine.emulator, event);
}

#define TRY(code, address) try(code, sizeof(code) - 1, address, &event)

static void test_faults(void **state)
{
	struct vcpu_event event;

	(void)state;
	/* unaligned movaps */
	assert_int_equal(TRY("\x0f\x28\x0b", DATA_GVA + 8), EMULATE_FAULT);
	assert_int_equal(event.vector, VECTOR_GP);
	assert_int_equal(machine.reads, 0);
	/* movshdup, whose VEX form needs no alignment */
	assert_int_equal(TRY("\xf3\x0f\x16\x0b", DATA_GVA + 8), EMULATE_FAULT);
	assert_int_equal(event.vector, VECTOR_GP);
	assert_int_equal(TRY("\xc5\xfa\x16\x0b", DATA_GVA + 8), EMULATE_DONE);
	/* a store whose second page is not present writes nothing to the first */
	assert_int_equal(TRY("\x0f\x11\x0b", DATA_GVA + DATA_BYTES - 8), EMULATE_FAULT);
	assert_int_equal(event.vector, VECTOR_PF);
	assert_true(machine.page.cr2 == DATA_GVA + DATA_BYTES);
	assert_int_equal(event.error_code, PF_ERROR_W | PF_ERROR_U);
	assert_int_equal(machine.writes, 0);
	assert_memory_equal(image, before, sizeof(image));
	assert_false(machine.page.dirty & VCPU_XSAVE);
	/* arithmetic, EVEX masks and forms without VEX are not emulated */
	assert_int_equal(TRY("\x0f\x58\x0b", DATA_GVA), EMULATE_UNSUPPORTED);
	assert_int_equal(TRY("\x66\x0f\x38\x18\x0b", DATA_GVA), EMULATE_UNSUPPORTED);
	assert_int_equal(TRY("\x62\xf1\x7c\x49\x10\x0b", DATA_GVA), EMULATE_UNSUPPORTED);
	assert_int_equal(TRY("\xc4\xe2\x79\x1a\x0b", DATA_GVA), EMULATE_FAULT); /* L = 0 */
	assert_int_equal(event.vector, VECTOR_UD);
	assert_int_equal(TRY("\xc5\xfd\x6e\x0b", DATA_GVA), EMULATE_FAULT); /* vmovd, L = 1 */
	assert_int_equal(event.vector, VECTOR_UD);
	/* the image has no MMX */
	assert_int_equal(TRY("\xc5\xf8\x6f\x0b", DATA_GVA), EMULATE_UNSUPPORTED);
	assert_memory_equal(image, before, sizeof(image));
}

/* Elements that the mask leaves out are not accessed, and do not fault. */
static void test_masked(void **state)
{
	static const u8 mask[16] = {[3] = 0x80};
	struct vcpu_event event;
	const u64 last = DATA_GVA + DATA_BYTES - 4;

	(void)state;
	machine_init(&machine);
	make_image();
	*xsave_present(before) = components;
	memcpy(before + LEGACY_XMM + 5 * 16, mask, sizeof(mask));
	keep_image = true;
	assert_int_equal(TRY("\xc4\xe2\x51\x2c\x0b", last), EMULATE_DONE); /* vmaskmovps */
	assert_int_equal(machine.reads, 1);
	assert_int_equal(TRY("\xc4\xe2\x51\x2e\x0b", last), EMULATE_DONE);
	assert_int_equal(machine.writes, 1);
	assert_memory_equal(machine.device + DATA_BYTES - 4, before + LEGACY_XMM + 16, 4);
	assert_int_equal(TRY("\xc4\xe2\x51\x2e\x0b", last + 4), EMULATE_FAULT);
	assert_true(event.vector == VECTOR_PF && machine.page.cr2 == last + 4);
	machine.page.gpr[GPR_RDI] = last;
	assert_int_equal(TRY("\x66\x0f\xf7\xcd", 0), EMULATE_DONE); /* maskmovdqu */
	assert_int_equal(machine.writes, 1);
	assert_int_equal(machine.device[DATA_BYTES - 1], before[LEGACY_XMM + 16 + 3]);
	keep_image = false;
}

/* VEX.W gives the element's size in 32-bit code too. */
static void test_masked_32(void **state)
{
	static const u8 mask[16] = {[7] = 0x80};
	struct vcpu_event event;

	(void)state;
	machine_init(&machine);
	machine.page.segment[SEG_CS].access = 0xc0fb;
	machine.emulator.xsave = &layout;
	make_image();
	*xsave_present(image) = components;
	memcpy(image + LEGACY_XMM + 5 * 16, mask, sizeof(mask));
	memset(machine.ram + DATA_GPA, 0x77, 16);
	machine.page.gpr[GPR_RBX] = DATA_GVA;
	machine_put_code(&machine, 0, (const u8 *)"\xc4\xe2\xd1\x8c\x0b", 5); /* vpmaskmovq */
	assert_int_equal(emulate(&machine.emulator, &event), EMULATE_DONE);
	assert_memory_equal(image + LEGACY_XMM + 16, "\x77\x77\x77\x77\x77\x77\x77\x77\0\0", 10);
}

static void assert_vector(const char *code, u32 count, u8 vector)
{
	struct vcpu_event event;
	u64 cr0 = machine.page.cr0;
	u64 cr4 = machine.page.cr4;

	machine_init(&machine);
	machine.emulator.xsave = &layout;
	machine_set_device_pages(&machine, 3);
	make_image();
	machine_put_code(&machine, 0, (const u8 *)code, count);
	machine.page.gpr[GPR_RBX] = DATA_GVA;
	machine.page.cr0 = cr0;
	machine.page.cr4 = cr4;
	assert_int_equal(emulate(&machine.emulator, &event), EMULATE_FAULT);
	assert_int_equal(event.vector, vector);
	assert_memory_equal(image, before, sizeof(image));
	assert_int_equal(machine.reads + machine.writes, 0);
}

#define ASSERT_VECTOR(code, vector) assert_vector(code, sizeof(code) - 1, vector)

/* CR0.TS, CR0.EM, CR4: #NM and #UD as the CPU raises them, SDM vol. 3, 2.5 and 14.2. */
static void test_not_available(void **state)
{
	(void)state;
	machine_init(&machine);
	machine.page.cr0 |= CR0_TS;
	ASSERT_VECTOR("\x0f\x11\x03", VECTOR_NM);     /* movups */
	ASSERT_VECTOR("\xc5\xf8\x11\x03", VECTOR_NM); /* vmovups */
	/* an instruction that uses zmm registers */
	ASSERT_VECTOR("\x62\xf1\x7c\x48\x11\x03", VECTOR_NM);
	ASSERT_VECTOR("\x0f\x7f\x03", VECTOR_NM); /* movq with an MMX register */
	ASSERT_VECTOR("\xdd\x13", VECTOR_NM);	  /* fst */
	machine.page.cr0 |= CR0_EM;
	ASSERT_VECTOR("\x0f\x11\x03", VECTOR_UD);
	ASSERT_VECTOR("\xc5\xf8\x11\x03", VECTOR_NM);
	ASSERT_VECTOR("\x0f\x7f\x03", VECTOR_UD);
	machine.page.cr0 &= ~CR0_TS;
	ASSERT_VECTOR("\xdd\x13", VECTOR_NM);
	machine.page.cr0 &= ~CR0_EM;
	machine.page.cr4 &= ~(CR4_OSFXSR | CR4_OSXSAVE);
	ASSERT_VECTOR("\x0f\x11\x03", VECTOR_UD);
	ASSERT_VECTOR("\xc5\xf8\x11\x03", VECTOR_UD);
}

static int prepare(void **state)
{
	struct cpuid_regs regs;
	u32 low = 1;
	u32 high = 0;

	(void)state;
	xsave_layout_find(&layout);
	if (mmap((void *)DATA_GVA, DATA_BYTES, PROT_READ | PROT_WRITE,
		 MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) == MAP_FAILED ||
	    mmap((void *)CODE_GVA, CODE_BYTES, PROT_READ | PROT_WRITE | PROT_EXEC,
		 MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) == MAP_FAILED)
		return 1;
	cpuid_host(1, 0, &regs);
	if (!(regs.ecx & CPUID_1_ECX_XSAVE))
		return 1;
	__asm__("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
	components = low & (BIT(X87) | BIT(SSE) | BIT(AVX) | BITS(7, 5));
	has[NEEDS_X87] = true;
	has[NEEDS_SSE] = true;
	has[NEEDS_SSE4] = __builtin_cpu_supports("sse4.1");
	has[NEEDS_SSE4A] = __builtin_cpu_supports("sse4a");
	has[NEEDS_AVX] = __builtin_cpu_supports("avx");
	has[NEEDS_AVX2] = __builtin_cpu_supports("avx2");
	has[NEEDS_AVX512] = __builtin_cpu_supports("avx512bw") &&
			    __builtin_cpu_supports("avx512dq") &&
			    __builtin_cpu_supports("avx512vl");
	machine_ops.vectors = vectors;
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_against_cpu),   cmocka_unit_test(test_faults),
		cmocka_unit_test(test_masked),	      cmocka_unit_test(test_masked_32),
		cmocka_unit_test(test_not_available),
	};

	return cmocka_run_group_tests(tests, prepare, NULL);
}
