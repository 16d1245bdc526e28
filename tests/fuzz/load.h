/* SPDX-License-Identifier: MIT */
#pragma once

/* All loaders of kernel files: the file's content decides which one takes it. */
#include "tests/unit/load_fixture.h"

#define FUZZ_INITRD_BYTES 5000u
#define FUZZ_LINE_BYTES	  5000u

/*
 * Byte 0 selects an initial RAM disc, one, four or 64 CPUs, little or too little RAM, a demo, a
 * long command line.
 */
static int fuzz_load(const u8 *bytes, size_t size)
{
	static struct fixture fixture;
	static u8 initrd[FUZZ_INITRD_BYTES];
	static char long_line[FUZZ_LINE_BYTES];
	struct fuzz fuzz = {bytes, size};
	u8 options = fuzz_u8(&fuzz);
	u8 *file = fuzz_rest(&fuzz, &size);
	u8 *ram = fixture.job.ram;
	struct load_job *job = &fixture.job;

	if (ram == NULL)
		ram = malloc(RAM_BYTES);
	memset(&fixture, 0, sizeof(fixture));
	memset(long_line, 'x', sizeof(long_line) - 1);
	*job = (struct load_job){
		.ram = ram,
		.ram_bytes = options & 1 ? RAM_BYTES : 17 * MIB,
		.kernel = {file, size},
		.command_line = "console=ttyS0",
		.vcpu_count = options & 2 ? 4 : 1,
		.page = &fixture.page,
	};
	if (options & 4)
		job->initrd = (struct load_file){initrd, sizeof(initrd)};
	job->demo = (options & 0xf8) == 0xa8;
	if ((options & 0xf8) == 0x58)
		job->ram_bytes = MIB;
	if ((options & 0xf8) == 0x60)
		job->command_line = long_line;
	if ((options & 0xf8) == 0x68)
		job->vcpu_count = 64;
	if (load_guest(job)) {
		u32 cs = fixture.page.segment[SEG_CS].access;

		CHECK_THAT(fixture.page.dirty & VCPU_CONTROL);
		CHECK_THAT(!(fixture.page.cr0 & CR0_PE) == job->demo);
		CHECK_THAT(cs & 0x80 && (cs & 0x18) == 0x18);
	} else {
		CHECK_THAT(job->error[0] != '\0');
		CHECK_THAT(strnlen(job->error, sizeof(job->error)) < sizeof(job->error));
	}
	free(file);
	return 0;
}
