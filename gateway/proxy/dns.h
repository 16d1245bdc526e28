/* SPDX-License-Identifier: MIT */
#pragma once

#include "gateway/proxy/parse.h"

/*
 * Messages of the DNS (RFC 1035, section 4), as far as IPv4 addresses of names take them. Addresses
 * are in the host's order of bytes, lifetimes in seconds.
 */
enum {
	DNS_PACKET_BYTES = 1232, /* the most of an answer of a name server that is read */
	DNS_QUESTION_BYTES = 12 + 255 + 4,
	DNS_ADDRESSES = 16, /* the most addresses that are read from an answer */
	DNS_GIVEN = 8,	    /* the most that are given to a client: with a name they fit into... */
	DNS_ANSWER_BYTES = 512, /* ...what each client takes (RFC 1035, 4.2.1) */
};

enum dns_type { DNS_A = 1, DNS_CNAME = 5 };

/* What became of a question (RFC 1035, 4.1.1, RCODE). */
enum dns_code {
	DNS_DONE = 0,
	DNS_FORMAT = 1,
	DNS_FAILED = 2,
	DNS_NO_NAME = 3,
	DNS_NO_KIND = 4,
	DNS_REFUSED = 5
};

/* A client's question: its bytes, which the answer repeats, and what they say. */
struct dns_question {
	uint8_t bytes[DNS_QUESTION_BYTES];
	size_t count; /* 0: there is a header alone */
	unsigned type, class;
	char name[PARSE_NAME_BYTES]; /* in small letters, without the dot at its end */
};

struct dns_answer {
	enum dns_code code;
	bool cut; /* the server had more to say than fits into a message */
	unsigned count;
	uint32_t addresses[DNS_ADDRESSES];
	uint32_t lifetime; /* the shortest of the records' that led to the addresses */
};

/*
 * Writes a question for the addresses of a name into DNS_QUESTION_BYTES. Returns its length, or 0
 * if the DNS can have no such name.
 */
size_t dns_ask(uint8_t *packet, uint16_t id, const char *name);
/*
 * Reads an answer to that question: the addresses of the name that was asked for, and of the one
 * that it is an alias of (CNAME) by this very answer. Returns false if the packet does not answer
 * the question, or is malformed.
 */
bool dns_read_answer(struct dns_answer *answer, const uint8_t *packet, size_t count,
		     const uint8_t *question, size_t asked);
/*
 * Reads a client's question. Returns DNS_DONE, or the code to answer with; false in *answerable
 * says that the packet is no question and gets no answer.
 */
enum dns_code dns_read_question(struct dns_question *question, const uint8_t *packet, size_t count,
				bool *answerable);
/*
 * Writes the answer to a client's question, with up to DNS_GIVEN addresses, into DNS_ANSWER_BYTES.
 * Returns its length.
 */
size_t dns_answer(uint8_t *packet, const struct dns_question *question, enum dns_code code,
		  const uint32_t *addresses, unsigned count, uint32_t lifetime);
