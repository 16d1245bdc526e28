/* SPDX-License-Identifier: MIT */
/* A cpio archive: every member lies inside it, and the walk ends. */
/* Counted elsewhere: vmm/manager/text/ */
#include "tests/fuzz/fuzz.h"

#include "lib/string.c"
#include "vmm/manager/config/cpio.c"
#include "vmm/manager/text/parse_number.c"
#include "vmm/manager/text/text.c"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	struct fuzz fuzz = {bytes, size};
	u8 *archive = fuzz_rest(&fuzz, &size);
	struct cpio_member member;
	enum cpio_result result;
	struct cpio cpio;
	u64 before;

	cpio_start(&cpio, archive, size);
	do {
		before = cpio.offset;
		result = cpio_next(&cpio, &member);
		if (result != CPIO_MEMBER)
			break;
		CHECK_THAT(cpio.offset > before);
		CHECK_THAT(member.offset <= size && member.size <= size - member.offset);
		CHECK_THAT((const u8 *)member.name.start >= archive &&
			   (const u8 *)member.name.start + member.name.length <= archive + size);
	} while (true);
	if (result == CPIO_BROKEN)
		CHECK_THAT(cpio.problem != NULL && cpio.offset <= size);
	free(archive);
	return 0;
}
