/* SPDX-License-Identifier: MIT */
/*
 * Messages of the DNS that skerry-proxy reads: of clients, and of name servers. What it answers
 * with is a message that it takes itself, and no address comes from outside of the packet.
 */
#include <stdlib.h>
#include <string.h>

#include "gateway/base/buffer.c"
#include "gateway/proxy/body.c"
#include "gateway/proxy/dns.c"
#include "gateway/proxy/parse.c"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count);

static void require(bool good)
{
	if (!good)
		__builtin_trap();
}

static void fuzz_answer(const uint8_t *packet, size_t count, const uint8_t *question, size_t asked)
{
	struct dns_answer answer;

	if (!dns_read_answer(&answer, packet, count, question, asked))
		return;
	require(answer.count <= DNS_ADDRESSES);
	for (unsigned i = 0; i < answer.count; i++) {
		uint8_t address[4];

		dns_put32(address, answer.addresses[i]);
		require(memmem(packet + asked, count - asked, address, sizeof(address)) != NULL);
	}
}

/* Records behind a question that the name server repeats. */
static void fuzz_records(const uint8_t *bytes, size_t count)
{
	uint8_t question[DNS_QUESTION_BYTES], *packet;
	size_t asked = dns_ask(question, 0x1234, "api.test");

	/* Exactly as large as it is, so that a byte read beyond it is found. */
	packet = malloc(asked + count);
	if (!packet)
		return;
	memcpy(packet, question, asked);
	packet[2] |= 0x80;
	packet[7] = 8;
	if (count)
		memcpy(packet + asked, bytes, count);
	fuzz_answer(packet, asked + count, question, asked);
	free(packet);
	if (count)
		fuzz_answer(bytes, count, question, asked);
}

static void fuzz_question(const uint8_t *bytes, size_t count)
{
	static const uint32_t addresses[DNS_GIVEN] = {1, 2, 3, 4, 5, 6, 7, 8};
	uint8_t packet[DNS_ANSWER_BYTES], again[DNS_QUESTION_BYTES];
	struct dns_question question;
	struct dns_answer answer;
	bool answerable;
	enum dns_code code = dns_read_question(&question, bytes, count, &answerable);
	char name[PARSE_NAME_BYTES];
	size_t length;

	if (!answerable)
		return;
	length = dns_answer(packet, &question, code, addresses, code ? 0 : DNS_GIVEN, 1);
	require(length <= sizeof(packet) && packet[2] & 0x80);
	if (code != DNS_DONE)
		return;
	/* The name is a host's, and asking for it makes a question of the same length. */
	require(parse_name(name, question.name, strlen(question.name)));
	require(!strcmp(name, question.name));
	require(dns_ask(again, 1, name) == question.count);
	if (question.type == DNS_A) {
		require(dns_read_answer(&answer, packet, length, question.bytes, question.count));
		require(answer.count == DNS_GIVEN && answer.addresses[7] == 8);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count)
{
	fuzz_records(bytes, count);
	fuzz_question(bytes, count);
	return 0;
}
