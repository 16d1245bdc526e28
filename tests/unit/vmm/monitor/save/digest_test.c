/* SPDX-License-Identifier: MIT */
/* Digests: what is in them, and what is left out, so that a save and its restore have the same. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "lib/string.h"
#include "vmm/monitor/save/digest.c"
#include "vmm/monitor/state/record.h"
#include "vmm/rt/crc32c.h"
#include "vmm/rt/crypto/sha256.h"

static u8 page[2][PAGE_SIZE];
static u8 state_bytes[8192] __attribute__((aligned(8)));

static const u8 *ram(u64 first, const u8 *first_page, u64 second, const u8 *second_page)
{
	static u8 digest[2][SHA256_BYTES];
	static u32 turn;
	struct digest_ram sum;

	digest_ram_begin(&sum);
	digest_ram_page(&sum, first, first_page);
	digest_ram_page(&sum, second, second_page);
	turn ^= 1;
	digest_ram_end(&sum, digest[turn]);
	return digest[turn];
}

static void test_ram(void **unused)
{
	const u8 *zero = page[0];
	const u8 *some = page[1];

	(void)unused;
	memset(page, 0, sizeof(page));
	page[1][PAGE_SIZE - 1] = 1;
	assert_memory_equal(ram(1, some, 2, zero), ram(1, some, 9, zero), SHA256_BYTES);
	assert_memory_not_equal(ram(1, some, 2, zero), ram(3, some, 2, zero), SHA256_BYTES);
	assert_memory_not_equal(ram(1, some, 2, zero), ram(1, some, 2, some), SHA256_BYTES);
	assert_memory_equal(ram(1, some, LAYOUT_GENERATION / PAGE_SIZE, some),
			    ram(1, some, 2, zero), SHA256_BYTES);
}

/* A state with a vCPU, its time and a device with these values. */
static size_t write_state(u64 rip, u64 waited, u64 time, u64 device)
{
	struct state_writer writer;
	struct vcpu_saved *vcpu;

	assert_int_equal(
		state_begin(&writer, state_bytes, sizeof(state_bytes), "alpha", STATE_VENDOR_SVM),
		STATUS_OK);
	vcpu = state_body(&writer, STATE_VCPU, 0, 1, sizeof(*vcpu));
	vcpu->rip = rip;
	vcpu->steal_unseen_tsc = waited;
	state_seal(&writer);
	*(u64 *)state_body(&writer, STATE_TIME, 0, 1, sizeof(u64)) = time;
	state_seal(&writer);
	*(u64 *)state_body(&writer, STATE_PIT, 0, 1, sizeof(u64)) = device;
	state_seal(&writer);
	assert_int_equal(state_finish(&writer), STATUS_OK);
	return writer.used;
}

static void test_state(void **unused)
{
	u8 first[SHA256_BYTES];
	u8 other[SHA256_BYTES];
	size_t size = write_state(1, 2, 3, 4);

	(void)unused;
	assert_true(digest_state(state_bytes, size, first));
	(void)write_state(1, 20, 30, 4);
	assert_true(digest_state(state_bytes, size, other));
	assert_memory_equal(first, other, SHA256_BYTES);
	(void)write_state(10, 2, 3, 4);
	assert_true(digest_state(state_bytes, size, other));
	assert_memory_not_equal(first, other, SHA256_BYTES);
	(void)write_state(1, 2, 3, 40);
	assert_true(digest_state(state_bytes, size, other));
	assert_memory_not_equal(first, other, SHA256_BYTES);
	state_bytes[size - 1] ^= 1;
	assert_false(digest_state(state_bytes, size, other));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_ram),
		cmocka_unit_test(test_state),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
