/* SPDX-License-Identifier: MIT */
/* BMI1, BMI2, ADX and CRC32 on memory: the emulator compared with the machine's own CPU. */
#include <sys/mman.h>

#include "tests/random.h"
#include "tests/unit/emulate_machine.h"
#include "tests/unit/vmm/monitor/emulate/emulate_native.h"
#include "tests/unit/emulate_undefined.h"

#define ROUNDS	     2000
#define DISPLACEMENT 0x20 /* the displacement from RBX in all samples */

struct sample {
	const char *name;
	u8 bytes[12];
	u8 count;
	bool (*has)(void);
};

#define HAS(name, feature)                                                                         \
	static bool name(void)                                                                     \
	{                                                                                          \
		return __builtin_cpu_supports(feature);                                            \
	}
HAS(has_bmi, "bmi")
HAS(has_bmi2, "bmi2")
HAS(has_sse42, "sse4.2")

static bool has_adx(void)
{
	struct cpuid_regs regs;

	cpuid_host(7, 0, &regs);
	return regs.ebx & CPUID_7_EBX_ADX;
}

/* clang-format off */
#define SAMPLE(name, code, has) {name, code, sizeof(code) - 1, has}
/* clang-format on */

static const struct sample samples[] = {
	SAMPLE("andn", "\xc4\xe2\x70\xf2\x43\x20", has_bmi),
	SAMPLE("andn 64", "\xc4\x62\xf0\xf2\x43\x20", has_bmi),
	SAMPLE("blsr", "\xc4\xe2\x70\xf3\x4b\x20", has_bmi),
	SAMPLE("blsr 64", "\xc4\xe2\xf0\xf3\x4b\x20", has_bmi),
	SAMPLE("blsmsk", "\xc4\xe2\x70\xf3\x53\x20", has_bmi),
	SAMPLE("blsi 64", "\xc4\xe2\xf0\xf3\x5b\x20", has_bmi),
	SAMPLE("bextr", "\xc4\xe2\x70\xf7\x43\x20", has_bmi),
	SAMPLE("bextr 64", "\xc4\xe2\xf0\xf7\x43\x20", has_bmi),
	SAMPLE("bzhi", "\xc4\xe2\x70\xf5\x43\x20", has_bmi2),
	SAMPLE("bzhi 64", "\xc4\xe2\xf0\xf5\x43\x20", has_bmi2),
	SAMPLE("pext", "\xc4\xe2\x72\xf5\x43\x20", has_bmi2),
	SAMPLE("pext 64", "\xc4\xe2\xf2\xf5\x43\x20", has_bmi2),
	SAMPLE("pdep", "\xc4\xe2\x73\xf5\x43\x20", has_bmi2),
	SAMPLE("pdep 64", "\xc4\xe2\xf3\xf5\x43\x20", has_bmi2),
	SAMPLE("mulx", "\xc4\xe2\x73\xf6\x43\x20", has_bmi2),
	SAMPLE("mulx 64", "\xc4\xe2\xf3\xf6\x43\x20", has_bmi2),
	SAMPLE("mulx into one", "\xc4\xe2\xf3\xf6\x4b\x20", has_bmi2),
	SAMPLE("shlx", "\xc4\xe2\x71\xf7\x43\x20", has_bmi2),
	SAMPLE("shlx 64", "\xc4\xe2\xf1\xf7\x43\x20", has_bmi2),
	SAMPLE("sarx", "\xc4\xe2\x72\xf7\x43\x20", has_bmi2),
	SAMPLE("sarx 64", "\xc4\xe2\xf2\xf7\x43\x20", has_bmi2),
	SAMPLE("shrx", "\xc4\xe2\x73\xf7\x43\x20", has_bmi2),
	SAMPLE("shrx 64", "\xc4\xe2\xf3\xf7\x43\x20", has_bmi2),
	SAMPLE("rorx", "\xc4\xe3\x7b\xf0\x43\x20\x25", has_bmi2),
	SAMPLE("rorx 0", "\xc4\xe3\x7b\xf0\x43\x20\x20", has_bmi2),
	SAMPLE("rorx 64", "\xc4\xe3\xfb\xf0\x43\x20\x25", has_bmi2),
	SAMPLE("adcx", "\x66\x0f\x38\xf6\x43\x20", has_adx),
	SAMPLE("adcx 64", "\x66\x48\x0f\x38\xf6\x43\x20", has_adx),
	SAMPLE("adox", "\xf3\x0f\x38\xf6\x43\x20", has_adx),
	SAMPLE("adox 64", "\xf3\x4c\x0f\x38\xf6\x43\x20", has_adx),
	SAMPLE("crc32 8", "\xf2\x0f\x38\xf0\x43\x20", has_sse42),
	SAMPLE("crc32 8 of 64", "\xf2\x48\x0f\x38\xf0\x43\x20", has_sse42),
	SAMPLE("crc32 16", "\x66\xf2\x0f\x38\xf1\x43\x20", has_sse42),
	SAMPLE("crc32 32", "\xf2\x0f\x38\xf1\x43\x20", has_sse42),
	SAMPLE("crc32 64", "\xf2\x4c\x0f\x38\xf1\x43\x20", has_sse42),
};

static struct machine machine;

static u64 random_u64(void)
{
	static u64 state = 0x853c49e6748fea9b;

	return random_step(&state) * 0x2545f4914f6cdd1d;
}

/* Often small numbers, as counts and bit positions are. */
static u64 random_value(void)
{
	u64 value = random_u64() >> random_u64() % 64;

	return random_u64() % 8 == 0 ? ~value : value;
}

static void run_one(const struct sample *sample)
{
	u64 at = PAGE_SIZE - 64 + random_u64() % 64;
	u64 value = random_u64() % 16 == 0 ? 0 : random_value();
	struct x86_instruction in;
	struct vcpu_event event;
	u64 flags;

	machine_init(&machine);
	machine_set_device_pages(&machine, random_u64() & 3);
	memset(data, 0x5a, DATA_BYTES);
	memcpy(data + at, &value, sizeof(value));
	memcpy(machine_data(&machine, 0), data, PAGE_SIZE);
	memcpy(machine_data(&machine, 1), data + PAGE_SIZE, PAGE_SIZE);
	for (u32 i = 0; i < GPR_COUNT; i++)
		native.gpr[i] = random_value();
	native.gpr[GPR_RBX] = DATA_GVA + at - DISPLACEMENT;
	native.gpr[GPR_RSP] = DATA_GVA + 512;
	native.rflags = RFLAGS_FIXED | RFLAGS_IF | (random_u64() & FLAGS_ARITHMETIC);
	memcpy(machine.page.gpr, native.gpr, sizeof(native.gpr));
	machine.page.rflags = native.rflags;
	machine_put_code(&machine, 0, sample->bytes, sample->count);

	assert_int_equal(x86_decode(sample->bytes, sample->count, X86_MODE_64, &in), X86_OK);
	if (emulate(&machine.emulator, &event) != EMULATE_DONE)
		fail_msg("%s is not emulated", sample->name);
	native_execute(sample->bytes, sample->count, 0);
	assert_int_equal(machine.page.rip, CODE_GVA + sample->count);
	if (memcmp(machine.page.gpr, native.gpr, sizeof(native.gpr)) != 0)
		fail_msg("%s of %lx: registers differ", sample->name, value);
	flags = (machine.page.rflags ^ native.rflags) & FLAGS_ARITHMETIC & ~undefined_flags(&in, 0);
	if (flags != 0)
		fail_msg("%s of %lx: flags %lx, CPU %lx", sample->name, value, machine.page.rflags,
			 native.rflags);
}

static void test_against_cpu(void **state)
{
	u32 left_out = 0;

	(void)state;
	for (u32 i = 0; i < ARRAY_COUNT(samples); i++) {
		if (!samples[i].has()) {
			left_out++;
			continue;
		}
		for (u32 round = 0; round < ROUNDS; round++)
			run_one(&samples[i]);
	}
	if (left_out != 0)
		printf("%u of %zu forms are not of this CPU\n", left_out, ARRAY_COUNT(samples));
}

static int prepare(void **state)
{
	(void)state;
	return mmap(data, DATA_BYTES, PROT_READ | PROT_WRITE,
		    MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) == MAP_FAILED ||
	       mmap(code, CODE_BYTES, PROT_READ | PROT_WRITE | PROT_EXEC,
		    MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) == MAP_FAILED;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_against_cpu),
	};

	return cmocka_run_group_tests(tests, prepare, NULL);
}
