/* SPDX-License-Identifier: MIT */
/*
 * Reads and writes messages of the DNS. The process that connects to hosts calls it, and the one
 * that answers clients' questions; it looks at its arguments and nothing else.
 */
#include "gateway/proxy/dns.h"

#include <string.h>

enum {
	DNS_HEADER = 12,
	DNS_RECORDS = 64, /* the most records of an answer that are read */
	DNS_ALIASES = 8,  /* the most aliases that are followed */
	DNS_IN = 1,
	DNS_IS_ANSWER = 0x80, /* in byte 2, with the kind of question and three more bits */
	DNS_KIND = 0x78,
	DNS_CUT = 0x02,
	DNS_WANTS_MORE = 0x01, /* recursion desired */
	DNS_HAS_MORE = 0x80,   /* in byte 3: recursion available */
	DNS_POINTER = 0xC0,
	DNS_LABEL_MOST = 63,
};

static unsigned dns_u16(const uint8_t *at)
{
	return (unsigned)at[0] << 8 | at[1];
}

static uint32_t dns_u32(const uint8_t *at)
{
	return (uint32_t)dns_u16(at) << 16 | dns_u16(at + 2);
}

static uint8_t *dns_put16(uint8_t *at, unsigned value)
{
	at[0] = (uint8_t)(value >> 8);
	at[1] = (uint8_t)value;
	return at + 2;
}

static uint8_t *dns_put32(uint8_t *at, uint32_t value)
{
	return dns_put16(dns_put16(at, value >> 16), value & 0xFFFF);
}

/*
 * Reads the name at `at` as text in small letters (PARSE_NAME_BYTES); the root's is empty. A
 * pointer has to lead to before the part of the name that it ends, so that each ends somewhere.
 * Returns the offset behind the name, or 0 if it is malformed or no host's.
 */
static size_t dns_name(const uint8_t *packet, size_t count, size_t at, char *name)
{
	size_t begin = at, behind = 0, length = 0;
	char text[PARSE_NAME_BYTES];

	for (;;) {
		size_t label;

		if (at >= count)
			return 0;
		label = packet[at];
		if ((label & DNS_POINTER) == DNS_POINTER) {
			size_t to;

			if (count - at < 2)
				return 0;
			to = dns_u16(packet + at) & 0x3FFF;
			if (to < DNS_HEADER || to >= begin)
				return 0;
			behind = behind ? behind : at + 2;
			begin = at = to;
			continue;
		}
		if (label > DNS_LABEL_MOST || label >= count - at)
			return 0;
		if (!label)
			break;
		if (length + (length > 0) + label >= sizeof(text))
			return 0;
		if (length)
			text[length++] = '.';
		/* A dot within a label would look like the end of one. */
		if (memchr(packet + at + 1, '.', label))
			return 0;
		memcpy(text + length, packet + at + 1, label);
		length += label;
		at += 1 + label;
	}
	*name = 0;
	if (length && !parse_name(name, text, length))
		return 0;
	return behind ? behind : at + 1;
}

size_t dns_ask(uint8_t *packet, uint16_t id, const char *name)
{
	uint8_t *at = packet + DNS_HEADER;

	memset(packet, 0, DNS_HEADER);
	dns_put16(packet, id);
	packet[2] = DNS_WANTS_MORE;
	packet[5] = 1; /* one question */
	while (*name) {
		size_t label = strcspn(name, ".");

		/* The whole name has up to 255 bytes, its end among them. */
		if (!label || label > DNS_LABEL_MOST ||
		    (size_t)(at - packet) + 1 + label > DNS_HEADER + 254)
			return 0;
		*at++ = (uint8_t)label;
		memcpy(at, name, label);
		at += label;
		name += label + (name[label] == '.');
	}
	*at++ = 0;
	at = dns_put16(dns_put16(at, DNS_A), DNS_IN);
	return (size_t)(at - packet);
}

/* A record of an answer. */
struct dns_record {
	char name[PARSE_NAME_BYTES];
	unsigned type, class;
	uint32_t lifetime;
	size_t data, length; /* where its content is in the packet */
};

/* Reads the record at `at`. Returns the offset behind it, or 0 if it is malformed. */
static size_t dns_record(struct dns_record *record, const uint8_t *packet, size_t count, size_t at)
{
	at = dns_name(packet, count, at, record->name);
	if (!at || count - at < 10)
		return 0;
	record->type = dns_u16(packet + at);
	record->class = dns_u16(packet + at + 2);
	record->lifetime = dns_u32(packet + at + 4);
	record->length = dns_u16(packet + at + 8);
	record->data = at + 10;
	if (count - record->data < record->length)
		return 0;
	/* The highest bit was never to be set: such a lifetime is none (RFC 2181, 8). */
	if (record->lifetime >> 31)
		record->lifetime = 0;
	return record->data + record->length;
}

/*
 * Takes the addresses of `name` from the records at `at`. If there is none, and the name is an
 * alias, writes the name that it stands for. Returns whether to look for that one.
 */
static bool dns_look(struct dns_answer *answer, const uint8_t *packet, size_t count, size_t at,
		     unsigned records, char *name)
{
	char other[PARSE_NAME_BYTES] = "";
	struct dns_record record;
	uint32_t lifetime = 0;

	while (records-- && (at = dns_record(&record, packet, count, at))) {
		if (record.class != DNS_IN || strcmp(record.name, name))
			continue;
		if (record.type == DNS_CNAME && !*other) {
			if (dns_name(packet, count, record.data, other) !=
			    record.data + record.length)
				*other = 0;
			lifetime = record.lifetime;
		}
		if (record.type == DNS_A && record.length == 4 && answer->count < DNS_ADDRESSES) {
			answer->addresses[answer->count++] = dns_u32(packet + record.data);
			if (record.lifetime < answer->lifetime)
				answer->lifetime = record.lifetime;
		}
	}
	if (answer->count || !*other)
		return false;
	if (lifetime < answer->lifetime)
		answer->lifetime = lifetime;
	memcpy(name, other, sizeof(other));
	return true;
}

bool dns_read_answer(struct dns_answer *answer, const uint8_t *packet, size_t count,
		     const uint8_t *question, size_t asked)
{
	char name[PARSE_NAME_BYTES];
	unsigned records;

	/* The answer must repeat number and question, and be marked as an answer to one. */
	if (count < asked || asked < DNS_HEADER || memcmp(packet, question, 2) ||
	    (packet[2] & (DNS_IS_ANSWER | DNS_KIND)) != DNS_IS_ANSWER || dns_u16(packet + 4) != 1 ||
	    memcmp(packet + DNS_HEADER, question + DNS_HEADER, asked - DNS_HEADER) ||
	    !dns_name(packet, asked, DNS_HEADER, name))
		return false;
	*answer = (struct dns_answer){
		.code = packet[3] & 0x0F, .cut = packet[2] & DNS_CUT, .lifetime = UINT32_MAX};
	records = dns_u16(packet + 6);
	if (records > DNS_RECORDS)
		records = DNS_RECORDS;
	for (int i = 0; answer->code == DNS_DONE && i <= DNS_ALIASES; i++) {
		if (!dns_look(answer, packet, count, asked, records, name))
			break;
	}
	return true;
}

enum dns_code dns_read_question(struct dns_question *question, const uint8_t *packet, size_t count,
				bool *answerable)
{
	size_t at;

	memset(question, 0, sizeof(*question));
	*answerable = count >= DNS_HEADER && !(packet[2] & DNS_IS_ANSWER);
	if (!*answerable)
		return DNS_FORMAT;
	memcpy(question->bytes, packet, DNS_HEADER);
	if (packet[2] & DNS_KIND)
		return DNS_NO_KIND;
	/* One question, and behind it at most one record: what the client can do (RFC 6891). */
	if (packet[2] & DNS_CUT || dns_u16(packet + 4) != 1 || dns_u32(packet + 6) ||
	    dns_u16(packet + 10) > 1)
		return DNS_FORMAT;
	at = dns_name(packet, count, DNS_HEADER, question->name);
	if (!at || !*question->name || count - at < 4 || at + 4 > DNS_QUESTION_BYTES)
		return DNS_FORMAT;
	question->type = dns_u16(packet + at);
	question->class = dns_u16(packet + at + 2);
	question->count = at + 4;
	memcpy(question->bytes, packet, question->count);
	return question->class == DNS_IN ? DNS_DONE : DNS_REFUSED;
}

size_t dns_answer(uint8_t *packet, const struct dns_question *question, enum dns_code code,
		  const uint32_t *addresses, unsigned count, uint32_t lifetime)
{
	uint8_t *at = packet + (question->count ? question->count : DNS_HEADER);

	memcpy(packet, question->bytes, (size_t)(at - packet));
	packet[2] = (uint8_t)(DNS_IS_ANSWER | (packet[2] & (DNS_KIND | DNS_WANTS_MORE)));
	packet[3] = (uint8_t)(DNS_HAS_MORE | code);
	memset(packet + 4, 0, DNS_HEADER - 4);
	packet[5] = question->count > 0;
	packet[7] = (uint8_t)count;
	for (unsigned i = 0; i < count; i++) {
		/* The name is the question's, at the end of the header. */
		at = dns_put16(at, DNS_POINTER << 8 | DNS_HEADER);
		at = dns_put16(dns_put16(at, DNS_A), DNS_IN);
		at = dns_put16(dns_put32(at, lifetime), 4);
		at = dns_put32(at, addresses[i]);
	}
	return (size_t)(at - packet);
}
