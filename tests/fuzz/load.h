/* SPDX-License-Identifier: MIT */
#pragma once

/* The loaders of kernel files, all of them: which one takes a file is decided by its content. */
#include "tests/unit/load_fixture.h"

#define FUZZ_INITRD_BYTES 5000u

/* Byte 0: an initial RAM disc, one CPU or four, RAM that is smaller. */
static int fuzz_load(const u8 *bytes, size_t size)
{
	static struct fixture fixture;
	static u8 initrd[FUZZ_INITRD_BYTES];
	struct fuzz fuzz = {bytes, size};
	u8 options = fuzz_u8(&fuzz);
	u8 *file = fuzz_rest(&fuzz, &size);
	u8 *ram = fixture.job.ram;
	struct load_job *job = &fixture.job;

	if (ram == NULL)
		ram = malloc(RAM_BYTES);
	memset(&fixture, 0, sizeof(fixture));
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
	if (load_guest(job)) {
		u32 cs = fixture.page.segment[SEG_CS].access;

		CHECK_THAT(fixture.page.dirty & VCPU_CONTROL);
		CHECK_THAT(fixture.page.cr0 & CR0_PE);
		CHECK_THAT(cs & 0x80 && (cs & 0x18) == 0x18);
	} else {
		CHECK_THAT(job->error[0] != '\0');
		CHECK_THAT(strnlen(job->error, sizeof(job->error)) < sizeof(job->error));
	}
	free(file);
	return 0;
}
