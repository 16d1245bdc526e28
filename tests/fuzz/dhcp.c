/* SPDX-License-Identifier: MIT */
/*
 * A guest's DHCP message: a good one in which the input changes what it likes, its checksums
 * corrected afterwards if the input says so. No such message is sent on, and what is answered is
 * whole and has the card's own address.
 */
#include "tests/fuzz/fuzz.h"

#include "lib/string.c"
#include "vmm/io/checksum.c"
#include "vmm/monitor/virtio/virtio_net_dhcp.c"
#include "tests/unit/dhcp_request.h"

#define MAC	    0x560403020102ull
#define SLACK_BYTES 600u

static const struct net_lease lease = {.address = LEASE_ADDRESS,
				       .mask = LEASE_MASK,
				       .server = LEASE_SERVER,
				       .router = LEASE_ROUTER,
				       .dns = LEASE_DNS};

static void check_answer(const u8 *answer, u32 bytes)
{
	u8 sealed[NET_DHCP_ANSWER_BYTES];
	u32 address;

	if (bytes == 0 || bytes == L3_AT + ARP_BYTES)
		return;
	CHECK_THAT(bytes == NET_DHCP_ANSWER_BYTES);
	memcpy(sealed, answer, sizeof(sealed));
	dhcp_request_seal(sealed);
	sealed[UDP_AT + UDP_CHECKSUM_AT] = answer[UDP_AT + UDP_CHECKSUM_AT];
	CHECK_THAT(memcmp(sealed, answer, UDP_AT + UDP_CHECKSUM_AT) == 0);
	CHECK_THAT(checksum_fold(dhcp_udp_sum(answer + L3_AT, IPV4_BYTES,
					      sizeof(sealed) - UDP_AT)) == CHECKSUM_RIGHT);
	address = dhcp_get_address(answer + DHCP_AT + DHCP_YOURS_AT);
	CHECK_THAT(address == 0 || address == LEASE_ADDRESS);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	struct fuzz fuzz = {bytes, size};
	u8 what = fuzz_u8(&fuzz);
	u32 count = (what & 1) != 0 ? DHCP_LENGTH + fuzz_u16(&fuzz) % SLACK_BYTES : DHCP_LENGTH;
	u8 whole[DHCP_LENGTH + SLACK_BYTES] = {0};
	u8 answer[NET_DHCP_ANSWER_BYTES];
	u8 *frame;
	u32 answered = ~0u;
	bool taken;

	dhcp_request_make(whole, MAC, fuzz_u8(&fuzz) & 15, (const u8 *)"", 0);
	if ((what & 2) != 0)
		fuzz_take(&fuzz, whole + DHCP_LIST_AT, fuzz_u8(&fuzz) % 60);
	if ((what & 4) != 0)
		dhcp_request_seal(whole);
	for (u32 i = 0; i < 8 && fuzz.left != 0; i++) {
		u16 at = fuzz_u16(&fuzz);

		whole[at % count] = fuzz_u8(&fuzz);
	}
	if ((what & 8) != 0)
		count = FRAME_BYTES_MIN + fuzz_u16(&fuzz) % (count - FRAME_BYTES_MIN + 1);
	if ((what & 4) != 0 && whole[DHCP_UDP_AT + 4] < 2)
		dhcp_request_seal(whole);
	frame = malloc(count);
	memcpy(frame, whole, count);
	taken = net_dhcp_take(&lease, MAC, frame, count, (what & 16) != 0, answer, &answered);
	CHECK_THAT(taken || answered == 0);
	check_answer(answer, answered);
	free(frame);
	return 0;
}
