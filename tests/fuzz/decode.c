/* SPDX-License-Identifier: MIT */
/*
 * The instruction decoder: it never reads past the bytes given, what follows an instruction does
 * not change its meaning, and ring 0 agrees wherever it knows an instruction's length.
 */
#include "tests/fuzz/fuzz.h"

#include "arch/x86_64/virt/svm/length.h"
#include "vmm/monitor/x86/decode.c"
#include "vmm/monitor/x86/prefix.c"
#include "vmm/monitor/x86/tables.c"

static void check(const u8 *bytes, size_t count, enum x86_mode mode)
{
	struct x86_instruction in, again;
	enum x86_status status = x86_decode(bytes, count, mode, &in);
	u64 word = 0;
	u32 length;

	memcpy(&word, bytes, count < sizeof(word) ? count : sizeof(word));
	length = svm_length_of_exit(word);
	if (length != 0 && length <= count)
		CHECK_THAT(status == X86_OK && in.length == length);
	if (count >= X86_LENGTH_MAX)
		CHECK_THAT(status != X86_INCOMPLETE);
	if (status != X86_OK)
		return;
	CHECK_THAT(in.length >= 1 && in.length <= X86_LENGTH_MAX && in.length <= count);
	CHECK_THAT(in.operand_bytes == 2 || in.operand_bytes == 4 || in.operand_bytes == 8);
	CHECK_THAT(in.address_bytes == 2 || in.address_bytes == 4 || in.address_bytes == 8);
	for (size_t less = 0; less < count; less++) {
		u8 *copy = malloc(less == 0 ? 1 : less);
		enum x86_status cut;

		memcpy(copy, bytes, less);
		memset(&again, 0, sizeof(again));
		cut = x86_decode(copy, less, mode, &again);
		if (less < in.length)
			CHECK_THAT(cut == X86_INCOMPLETE);
		else
			CHECK_THAT(cut == X86_OK && again.length == in.length &&
				   again.opcode == in.opcode && again.immediate == in.immediate);
		free(copy);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	struct fuzz fuzz = {bytes, size};
	enum x86_mode mode = fuzz_u8(&fuzz) % 3;
	u8 *copy;

	if (fuzz.left > 20)
		fuzz.left = 20;
	copy = fuzz_rest(&fuzz, &size);
	check(copy, size, mode);
	free(copy);
	return 0;
}
