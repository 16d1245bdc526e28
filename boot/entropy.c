/* SPDX-License-Identifier: MIT */
/*
 * Gathers entropy for the address layout, canaries and the kernel's random numbers. boot/main.c
 * calls it once, before anything is placed. It reads RDRAND, RDSEED, the TSC and the loader's data,
 * and writes only the pool and the list of sources.
 */
#include "lib/entropy.h"
#include "arch/x86_64/cpu/instructions.h"
#include "boot/boot.h"
#include "kernel/abi/pages.h"
#include "vmm/hw/cpuid.h"

#define HARDWARE_WORDS	    8 /* words of 64 bits drawn by each of RDRAND and RDSEED */
#define HARDWARE_TRIES	    128
#define JITTER_ROUNDS	    16
#define JITTER_SAMPLES	    64
#define MODULE_SAMPLES	    256u
#define MODULE_SAMPLE_BYTES 64u

/*
 * Mixes into the pool values of a CPU's random generator. Returns false if it gives too few values
 * or always the same one: they do no harm, but are not counted as a source.
 */
static bool entropy_mix_hardware(struct entropy_pool *pool, bool (*draw)(u64 *value))
{
	u64 value[HARDWARE_WORDS];
	bool differ = false;
	u32 count = 0;

	for (u32 tries = 0; count < HARDWARE_WORDS && tries < HARDWARE_TRIES; tries++)
		count += draw(&value[count]);
	entropy_mix(pool, value, count * sizeof(value[0]));
	for (u32 i = 1; i < count; i++)
		differ |= value[i] != value[0];
	return count == HARDWARE_WORDS && differ;
}

static u32 entropy_gather_hardware(struct entropy_pool *pool)
{
	u32 sources = 0;

	if ((cpuid(CPUID_VERSION, 0).ecx & CPUID_1_ECX_RDRAND) &&
	    entropy_mix_hardware(pool, rdrand))
		sources |= ENTROPY_RDRAND;
	if (cpuid(CPUID_VENDOR, 0).eax >= CPUID_FEATURES &&
	    (cpuid(CPUID_FEATURES, 0).ebx & CPUID_7_EBX_RDSEED) &&
	    entropy_mix_hardware(pool, rdseed))
		sources |= ENTROPY_RDSEED;
	return sources;
}

/*
 * Mixes into the pool TSC jitter from caches, DRAM refresh and the bus; mixing a block disturbs the
 * next samples.
 */
static void entropy_gather_jitter(struct entropy_pool *pool)
{
	u64 sample[JITTER_SAMPLES];

	for (u32 round = 0; round < JITTER_ROUNDS; round++) {
		for (u32 i = 0; i < JITTER_SAMPLES; i++) {
			sample[i] = rdtsc();
			/* an access to the ISA bus, which runs by another clock than the TSC */
			in8(0x80);
		}
		entropy_mix(pool, sample, sizeof(sample));
	}
}

/*
 * Mixes into the pool the command line, the memory map, and samples of each boot module, which may
 * hold a seed.
 */
static void entropy_gather_loader(struct entropy_pool *pool, const struct boot_info *info)
{
	entropy_mix(pool, info, sizeof(*info));
	for (u32 i = 0; i < info->module_count; i++) {
		const struct boot_module *module = &info->module[i];
		const u8 *bytes = (const u8 *)module->base.value;
		u64 step = MAX(module->length / MODULE_SAMPLES, MODULE_SAMPLE_BYTES);

		for (u64 at = 0; at < module->length; at += step)
			entropy_mix(pool, bytes + at,
				    MIN(module->length - at, MODULE_SAMPLE_BYTES));
	}
}

void entropy_gather(struct entropy_pool *pool, struct boot_info *info)
{
	entropy_gather_loader(pool, info);
	entropy_gather_jitter(pool);
	info->entropy_sources = ENTROPY_LOADER | ENTROPY_TSC_JITTER | entropy_gather_hardware(pool);
}
