/* SPDX-License-Identifier: MIT */
/* cpio archives: every member and its bytes lie inside the one it is of, and the walk ends. */
/* Counted elsewhere: vmm/manager/text/ */
#include "tests/fuzz/fuzz.h"

#include "lib/string.c"
#include "vmm/manager/config/cpio.c"
#include "vmm/manager/text/parse_number.c"
#include "vmm/manager/text/text.c"

static void check_place(const struct cpio_member *member, size_t size)
{
	CHECK_THAT(member->offset <= size && member->size <= size - member->offset);
}

/* Checks that a hard link's data lie in the same archive, behind the member that names them. */
static void check_link(const struct cpio *start, struct cpio_member member, u64 end)
{
	u64 offset = member.offset;

	if (cpio_find_bytes(*start, &member, 1) != 0) {
		CHECK_THAT(member.size != 0 && member.offset > start->offset);
		check_place(&member, end);
	} else {
		CHECK_THAT(member.offset == offset && (member.size == 0 || !member.is_linked));
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	struct fuzz fuzz = {bytes, size};
	u8 *archive = fuzz_rest(&fuzz, &size);
	struct cpio_member member;
	enum cpio_result result;
	struct cpio cpio, start;
	u64 before;

	cpio_start(&cpio, archive, size);
	start = cpio;
	do {
		before = cpio.offset;
		result = cpio_next(&cpio, &member);
		if (result == CPIO_NEXT) {
			CHECK_THAT(cpio.offset > before && cpio.offset < size);
			CHECK_THAT(cpio.offset % 4 == 0);
			start = cpio;
			continue;
		}
		if (result != CPIO_MEMBER)
			break;
		CHECK_THAT(cpio.offset > before);
		check_place(&member, size);
		CHECK_THAT((const u8 *)member.name.start >= archive &&
			   (const u8 *)member.name.start + member.name.length <= archive + size);
		check_link(&start, member, size);
	} while (true);
	if (result == CPIO_BROKEN)
		CHECK_THAT(cpio.problem != NULL && cpio.offset <= size);
	free(archive);
	return 0;
}
