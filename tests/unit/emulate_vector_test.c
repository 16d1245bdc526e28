/* SPDX-License-Identifier: MIT */
/*
 * Moves of x87, MMX, SSE, AVX and AVX-512 registers against the CPU: the same instruction on the
 * same XSAVE image and memory runs in this process and in the emulator, and must leave the same
 * behind. What the CPU of the test machine lacks is left out, and said.
 */
#include <sys/mman.h>

#include "tests/random.h"
#include "tests/unit/emulate_machine.h"

#define IMAGE_BYTES 4096
#define ROUNDS 200
#define MODRM 0x4b /* 8-bit displacement from RBX; register 1 or 9 */
#define DISPLACEMENT 0x20

enum needs { NEEDS_X87, NEEDS_SSE, NEEDS_SSE4, NEEDS_AVX, NEEDS_AVX2, NEEDS_AVX512, NEEDS_COUNT };

struct sample {
	const char *name;
	u8 bytes[12]; /* ending in ModRM and displacement, and an immediate where `tail` says so */
	u8 count;
	u8 needs;
	u8 alignment; /* of the operand; 0: any */
};

#define SAMPLE(name, code, needs, alignment) {name, code, sizeof(code) - 1, needs, alignment}

#define X87(name, code) SAMPLE(name, code, NEEDS_X87, 0)

static const struct sample samples[] = {
	SAMPLE("movups", "\x0f\x10\x4b\x20", NEEDS_SSE, 0),
	SAMPLE("movups store", "\x0f\x11\x4b\x20", NEEDS_SSE, 0),
	SAMPLE("movupd xmm9", "\x66\x44\x0f\x10\x4b\x20", NEEDS_SSE, 0),
	SAMPLE("movss", "\xf3\x0f\x10\x4b\x20", NEEDS_SSE, 0),
	SAMPLE("movss store", "\xf3\x0f\x11\x4b\x20", NEEDS_SSE, 0),
	SAMPLE("movsd", "\xf2\x0f\x10\x4b\x20", NEEDS_SSE, 0),
	SAMPLE("movsd store", "\xf2\x0f\x11\x4b\x20", NEEDS_SSE, 0),
	SAMPLE("movlps", "\x0f\x12\x4b\x20", NEEDS_SSE, 0),
	SAMPLE("movlpd store", "\x66\x0f\x13\x4b\x20", NEEDS_SSE, 0),
	SAMPLE("movhps", "\x0f\x16\x4b\x20", NEEDS_SSE, 0),
	SAMPLE("movhpd store", "\x66\x0f\x17\x4b\x20", NEEDS_SSE, 0),
	SAMPLE("movsldup", "\xf3\x0f\x12\x4b\x20", NEEDS_SSE, 16),
	SAMPLE("movshdup", "\xf3\x0f\x16\x4b\x20", NEEDS_SSE, 16),
	SAMPLE("movddup", "\xf2\x0f\x12\x4b\x20", NEEDS_SSE, 0),
	SAMPLE("movaps", "\x0f\x28\x4b\x20", NEEDS_SSE, 16),
	SAMPLE("movapd store", "\x66\x0f\x29\x4b\x20", NEEDS_SSE, 16),
	SAMPLE("movntps", "\x0f\x2b\x4b\x20", NEEDS_SSE, 16),
	SAMPLE("movd mm", "\x0f\x6e\x4b\x20", NEEDS_SSE, 0),
	SAMPLE("movq mm by 6e", "\x48\x0f\x6e\x4b\x20", NEEDS_SSE, 0),
	SAMPLE("movd mm store", "\x0f\x7e\x4b\x20", NEEDS_SSE, 0),
	SAMPLE("movd", "\x66\x0f\x6e\x4b\x20", NEEDS_SSE, 0),
	SAMPLE("movq by 6e", "\x66\x48\x0f\x6e\x4b\x20", NEEDS_SSE, 0),
	SAMPLE("movd store", "\x66\x0f\x7e\x4b\x20", NEEDS_SSE, 0),
	SAMPLE("movq store by 7e", "\x66\x48\x0f\x7e\x4b\x20", NEEDS_SSE, 0),
	SAMPLE("movq", "\xf3\x0f\x7e\x4b\x20", NEEDS_SSE, 0),
	SAMPLE("movq store", "\x66\x0f\xd6\x4b\x20", NEEDS_SSE, 0),
	SAMPLE("movq mm", "\x0f\x6f\x4b\x20", NEEDS_SSE, 0),
	SAMPLE("movq mm store", "\x0f\x7f\x4b\x20", NEEDS_SSE, 0),
	SAMPLE("movntq", "\x0f\xe7\x4b\x20", NEEDS_SSE, 0),
	SAMPLE("movdqa", "\x66\x0f\x6f\x4b\x20", NEEDS_SSE, 16),
	SAMPLE("movdqa store", "\x66\x0f\x7f\x4b\x20", NEEDS_SSE, 16),
	SAMPLE("movdqu", "\xf3\x0f\x6f\x4b\x20", NEEDS_SSE, 0),
	SAMPLE("movdqu store", "\xf3\x0f\x7f\x4b\x20", NEEDS_SSE, 0),
	SAMPLE("movntdq", "\x66\x0f\xe7\x4b\x20", NEEDS_SSE, 16),
	SAMPLE("lddqu", "\xf2\x0f\xf0\x4b\x20", NEEDS_SSE, 0),
	SAMPLE("pinsrw", "\x66\x0f\xc4\x4b\x20\x0d", NEEDS_SSE, 0),
	SAMPLE("movntdqa", "\x66\x0f\x38\x2a\x4b\x20", NEEDS_SSE4, 16),
	SAMPLE("pextrb", "\x66\x0f\x3a\x14\x4b\x20\x1b", NEEDS_SSE4, 0),
	SAMPLE("pextrw", "\x66\x0f\x3a\x15\x4b\x20\x05", NEEDS_SSE4, 0),
	SAMPLE("pextrd", "\x66\x0f\x3a\x16\x4b\x20\x03", NEEDS_SSE4, 0),
	SAMPLE("pextrq", "\x66\x48\x0f\x3a\x16\x4b\x20\x01", NEEDS_SSE4, 0),
	SAMPLE("extractps", "\x66\x0f\x3a\x17\x4b\x20\x02", NEEDS_SSE4, 0),
	SAMPLE("pinsrb", "\x66\x0f\x3a\x20\x4b\x20\x0e", NEEDS_SSE4, 0),
	SAMPLE("pinsrd", "\x66\x0f\x3a\x22\x4b\x20\x02", NEEDS_SSE4, 0),
	SAMPLE("pinsrq", "\x66\x48\x0f\x3a\x22\x4b\x20\x01", NEEDS_SSE4, 0),
	X87("fld m32", "\xd9\x43\x20"),
	X87("fst m32", "\xd9\x53\x20"),
	X87("fstp m32", "\xd9\x5b\x20"),
	X87("fldcw", "\xd9\x6b\x20"),
	X87("fnstcw", "\xd9\x7b\x20"),
	X87("fild m32", "\xdb\x43\x20"),
	X87("fisttp m32", "\xdb\x4b\x20"),
	X87("fist m32", "\xdb\x53\x20"),
	X87("fistp m32", "\xdb\x5b\x20"),
	X87("fld m80", "\xdb\x6b\x20"),
	X87("fstp m80", "\xdb\x7b\x20"),
	X87("fld m64", "\xdd\x43\x20"),
	X87("fisttp m64", "\xdd\x4b\x20"),
	X87("fst m64", "\xdd\x53\x20"),
	X87("fstp m64", "\xdd\x5b\x20"),
	X87("fnstsw", "\xdd\x7b\x20"),
	X87("fild m16", "\xdf\x43\x20"),
	X87("fisttp m16", "\xdf\x4b\x20"),
	X87("fist m16", "\xdf\x53\x20"),
	X87("fistp m16", "\xdf\x5b\x20"),
	X87("fild m64", "\xdf\x6b\x20"),
	X87("fistp m64", "\xdf\x7b\x20"),
	SAMPLE("vmovups x", "\xc5\xf8\x10\x4b\x20", NEEDS_AVX, 0),
	SAMPLE("vmovups y", "\xc5\xfc\x10\x4b\x20", NEEDS_AVX, 0),
	SAMPLE("vmovups y9 store", "\xc5\x7c\x11\x4b\x20", NEEDS_AVX, 0),
	SAMPLE("vmovss", "\xc5\xfa\x10\x4b\x20", NEEDS_AVX, 0),
	SAMPLE("vmovss, L set", "\xc5\xfe\x10\x4b\x20", NEEDS_AVX, 0),
	SAMPLE("vmovsd, L set", "\xc5\xff\x10\x4b\x20", NEEDS_AVX, 0),
	SAMPLE("vmovsd store", "\xc5\xfb\x11\x4b\x20", NEEDS_AVX, 0),
	SAMPLE("vmovlps from x5", "\xc5\xd0\x12\x4b\x20", NEEDS_AVX, 0),
	SAMPLE("vmovhpd from x5", "\xc5\xd1\x16\x4b\x20", NEEDS_AVX, 0),
	SAMPLE("vmovaps y", "\xc5\xfc\x28\x4b\x20", NEEDS_AVX, 32),
	SAMPLE("vmovddup y", "\xc5\xff\x12\x4b\x20", NEEDS_AVX, 0),
	SAMPLE("vmovshdup y", "\xc5\xfe\x16\x4b\x20", NEEDS_AVX, 0),
	SAMPLE("vmovdqa y store", "\xc5\xfd\x7f\x4b\x20", NEEDS_AVX, 32),
	SAMPLE("vmovdqu y", "\xc5\xfe\x6f\x4b\x20", NEEDS_AVX, 0),
	SAMPLE("vmovntdq y", "\xc5\xfd\xe7\x4b\x20", NEEDS_AVX, 32),
	SAMPLE("vmovd", "\xc5\xf9\x6e\x4b\x20", NEEDS_AVX, 0),
	SAMPLE("vmovq", "\xc5\xfa\x7e\x4b\x20", NEEDS_AVX, 0),
	SAMPLE("vlddqu y", "\xc5\xff\xf0\x4b\x20", NEEDS_AVX, 0),
	SAMPLE("vpinsrw from x5", "\xc5\xd1\xc4\x4b\x20\x03", NEEDS_AVX, 0),
	SAMPLE("vbroadcastss y", "\xc4\xe2\x7d\x18\x4b\x20", NEEDS_AVX, 0),
	SAMPLE("vbroadcastsd y", "\xc4\xe2\x7d\x19\x4b\x20", NEEDS_AVX, 0),
	SAMPLE("vbroadcastf128", "\xc4\xe2\x7d\x1a\x4b\x20", NEEDS_AVX, 0),
	SAMPLE("vinsertf128 from y5", "\xc4\xe3\x55\x18\x4b\x20\x01", NEEDS_AVX, 0),
	SAMPLE("vextractf128", "\xc4\xe3\x7d\x19\x4b\x20\x01", NEEDS_AVX, 0),
	SAMPLE("vpbroadcastb y", "\xc4\xe2\x7d\x78\x4b\x20", NEEDS_AVX2, 0),
	SAMPLE("vpbroadcastw x", "\xc4\xe2\x79\x79\x4b\x20", NEEDS_AVX2, 0),
	SAMPLE("vextracti128", "\xc4\xe3\x7d\x39\x4b\x20\x00", NEEDS_AVX2, 0),
	SAMPLE("vmovups z", "\x62\xf1\x7c\x48\x10\x4b\x02", NEEDS_AVX512, 0),
	SAMPLE("vmovups z17 store", "\x62\xe1\x7c\x48\x11\x4b\x02", NEEDS_AVX512, 0),
	SAMPLE("vmovdqu8 z", "\x62\xf1\x7f\x48\x6f\x4b\x02", NEEDS_AVX512, 0),
	SAMPLE("vmovdqa64 z store", "\x62\xf1\xfd\x48\x7f\x4b\x02", NEEDS_AVX512, 64),
};

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

/* The components in use, sometimes one of them in its initial state; TOP anywhere. */
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

/* Numbers near every limit of the smaller formats; sometimes what is no number. */
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

/* The exceptions masked or not, but none pending: then the CPU would have come no further. */
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
	if (random_u64() % 4 == 0) /* denormal, infinite or none in 4 or 8 bytes */
		operand[random_u64() % 2 ? 3 : 7] = (u8)(random_u64() % 2 ? 0x80 : 0xff);
}

static void run_native(const struct sample *sample, u64 base)
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
			   [spare] "r"(spare), [before] "r"(before), [after] "r"(native_image),
			   [code] "r"(code)
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
	if (is_present(&layout, image, X87) && memcmp(image, native_image, 5) != 0)
		fail_msg("%s: x87 control, status or tags differ: %x %x %x, CPU %x %x %x",
			 sample->name, image[0] | image[1] << 8, image[2] | image[3] << 8, image[4],
			 native_image[0] | native_image[1] << 8,
			 native_image[2] | native_image[3] << 8, native_image[4]);
	for (u32 reg = 0; reg < 8; reg++)
		if (is_present(&layout, image, X87) &&
		    memcmp(image + 32 + 16 * reg, native_image + 32 + 16 * reg, 10) != 0)
			fail_msg("%s: ST%u differs", sample->name, reg);
}

static void run_one(const struct sample *sample)
{
	u64 offset = PAGE_SIZE - 64 + random_u64() % 64; /* its bytes may lie in both pages */
	u64 displacement = sample->needs == NEEDS_AVX512 ? 2 * 64 : DISPLACEMENT;
	struct vcpu_event event;
	u64 base;

	if (sample->alignment != 0)
		offset &= ~(u64)(sample->alignment - 1);
	base = DATA_GVA + offset - displacement;
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
	if (emulate(&machine.emulator, &event) != EMULATE_DONE)
		fail_msg("%s is not emulated", sample->name);
	assert_int_equal(machine.page.rip, CODE_GVA + sample->count);
	assert_true(machine.page.dirty & VCPU_XSAVE);
	run_native(sample, base);
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

static enum emulate_result try(const char *code, u32 count, u64 address, struct vcpu_event *event)
{
	machine_init(&machine);
	machine.emulator.xsave = &layout;
	machine_set_device_pages(&machine, 3);
	make_image();
	machine_put_code(&machine, 0, (const u8 *)code, count);
	machine.page.gpr[GPR_RBX] = address;
	return emulate(&machine.emulator, event);
}

#define TRY(code, address) try(code, sizeof(code) - 1, address, &event)

static void test_faults(void **state)
{
	struct vcpu_event event;

	(void)state;
	/* movaps off its alignment */
	assert_int_equal(TRY("\x0f\x28\x0b", DATA_GVA + 8), EMULATE_FAULT);
	assert_int_equal(event.vector, VECTOR_GP);
	assert_int_equal(machine.reads, 0);
	/* a store whose second page is not there touches nothing of the first */
	assert_int_equal(TRY("\x0f\x11\x0b", DATA_GVA + DATA_BYTES - 8), EMULATE_FAULT);
	assert_int_equal(event.vector, VECTOR_PF);
	assert_true(machine.page.cr2 == DATA_GVA + DATA_BYTES);
	assert_int_equal(event.error_code, PF_ERROR_W | PF_ERROR_U);
	assert_int_equal(machine.writes, 0);
	assert_memory_equal(image, before, sizeof(image));
	assert_false(machine.page.dirty & VCPU_XSAVE);
	/* arithmetic, masks and what is no VEX form are left alone */
	assert_int_equal(TRY("\x0f\x58\x0b", DATA_GVA), EMULATE_UNSUPPORTED);
	assert_int_equal(TRY("\x66\x0f\x38\x18\x0b", DATA_GVA), EMULATE_UNSUPPORTED);
	assert_int_equal(TRY("\x62\xf1\x7c\x49\x10\x0b", DATA_GVA), EMULATE_UNSUPPORTED);
	assert_int_equal(TRY("\xc4\xe2\x79\x1a\x0b", DATA_GVA), EMULATE_FAULT); /* of 128 bits */
	assert_int_equal(event.vector, VECTOR_UD);
	assert_memory_equal(image, before, sizeof(image));
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

/* Whose registers they are only the guest's kernel knows: SDM vol. 3, 2.5 and 14.2. */
static void test_not_available(void **state)
{
	(void)state;
	machine_init(&machine);
	machine.page.cr0 |= CR0_TS;
	ASSERT_VECTOR("\x0f\x11\x03", VECTOR_NM);		 /* movups */
	ASSERT_VECTOR("\xc5\xf8\x11\x03", VECTOR_NM);	 /* vmovups */
	ASSERT_VECTOR("\x62\xf1\x7c\x48\x11\x03", VECTOR_NM); /* in zmm */
	ASSERT_VECTOR("\x0f\x7f\x03", VECTOR_NM);		 /* movq mm */
	ASSERT_VECTOR("\xdd\x13", VECTOR_NM);			 /* fst */
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
	has[NEEDS_AVX] = __builtin_cpu_supports("avx");
	has[NEEDS_AVX2] = __builtin_cpu_supports("avx2");
	has[NEEDS_AVX512] = __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512f");
	machine_ops.vectors = vectors;
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_against_cpu),
		cmocka_unit_test(test_faults),
		cmocka_unit_test(test_not_available),
	};

	return cmocka_run_group_tests(tests, prepare, NULL);
}
