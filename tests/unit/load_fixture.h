/* SPDX-License-Identifier: MIT */
#pragma once

/* What the tests of the loaders share: all loaders, RAM, and a kernel file made by the test. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "lib/string.h"
#include "tests/random.h"
#include "vmm/monitor/load/acpi_tables.h"
#include "vmm/monitor/load/acpi_pci.h"
#include "vmm/monitor/load/aml.h"
#include "vmm/monitor/load/bios.h"
#include "vmm/monitor/load/bzimage.c"
#include "vmm/monitor/load/e820.h"
#include "vmm/monitor/load/elf.c"
#include "vmm/monitor/load/elf_pvh.c"
#include "vmm/monitor/load/boot_order.h"
#include "vmm/monitor/load/firmware.h"
#include "vmm/monitor/load/load.h"
#include "vmm/monitor/load/table_loader.h"
#include "vmm/monitor/load/mp_table.h"
#include "vmm/monitor/load/multiboot1.c"
#include "vmm/monitor/load/place.h"
#include "vmm/monitor/load/smbios.h"
#include "vmm/monitor/load/start_state.c"
#include "vmm/monitor/load/wdat.h"
#include "vmm/rt/format.h"

#define RAM_BYTES (32 * MIB)

struct fixture {
	struct load_job job;
	struct vcpu_page page;
	u8 *file;
	u64 file_bytes;
};

static int fixture_free(void **state)
{
	struct fixture *fixture = *state;

	free(fixture->job.ram);
	free(fixture->file);
	free(fixture);
	return 0;
}

static struct fixture *fixture_make(u64 file_bytes)
{
	struct fixture *fixture = calloc(1, sizeof(*fixture));

	fixture->file = calloc(1, file_bytes);
	fixture->file_bytes = file_bytes;
	fixture->job.ram = calloc(1, RAM_BYTES);
	fixture->job.ram_bytes = RAM_BYTES;
	fixture->job.kernel = (struct load_file){fixture->file, file_bytes};
	fixture->job.command_line = "console=ttyS0";
	fixture->job.vcpu_count = 1;
	fixture->job.page = &fixture->page;
	return fixture;
}

/* Loads from a copy of exactly the file's first `bytes`: ASan catches reads past them. */
static bool load_first(struct fixture *fixture, u64 bytes)
{
	u8 *copy = malloc(bytes);
	bool loaded;

	memcpy(copy, fixture->file, bytes);
	fixture->job.kernel = (struct load_file){copy, bytes};
	loaded = load_guest(&fixture->job);
	fixture->job.kernel = (struct load_file){fixture->file, fixture->file_bytes};
	free(copy);
	return loaded;
}

static void assert_error(const struct fixture *fixture, const char *words)
{
	if (strstr(fixture->job.error, words) == NULL)
		fail_msg("error is: %s\nwithout: %s", fixture->job.error, words);
}

static void assert_refused(struct fixture *fixture, const char *words)
{
	assert_false(load_guest(&fixture->job));
	assert_error(fixture, words);
}

/* A file cut to fewer than `least` bytes is refused, and nothing past its end is read. */
static UNUSED void assert_cut_refused(struct fixture *fixture, u64 least, u64 step)
{
	for (u64 bytes = 1; bytes < fixture->file_bytes; bytes += step) {
		bool loaded = load_first(fixture, bytes);

		assert_true(!loaded || bytes >= least);
		assert_true(loaded || fixture->job.error[0] != '\0');
	}
}

/* Random bytes in the headers: the file is refused or loaded, without a stray access. */
static void assert_survives_noise(struct fixture *fixture, u64 from, u64 to, u32 rounds)
{
	u8 *original = malloc(fixture->file_bytes);
	u64 seed = RANDOM_SEED;

	memcpy(original, fixture->file, fixture->file_bytes);
	for (u32 i = 0; i < rounds; i++) {
		for (u32 flips = 0; flips < 3; flips++) {
			random_step(&seed);
			fixture->file[from + seed % (to - from)] = (u8)(seed >> 32);
		}
		(void)load_first(fixture, fixture->file_bytes);
		if (i % 4 == 3)
			memcpy(fixture->file, original, fixture->file_bytes);
	}
	free(original);
}
