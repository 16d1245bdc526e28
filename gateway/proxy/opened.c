/* SPDX-License-Identifier: MIT */
/*
 * Adds pairs of addresses to a set of nftables, over netlink (nfnetlink, the kernel's
 * include/uapi/linux/netfilter/nf_tables.h). The listening process looks whether it can, a process
 * of its own does it, and the one that answers questions asks that one.
 */
#include "gateway/proxy/opened.h"

#include <arpa/inet.h>
#include <endian.h>
#include <errno.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netlink.h>
#include <poll.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "gateway/base/clock.h"

enum {
	OPENED_WAIT_MS = 1000,
	OPENED_CHANGES = 3,
	OPENED_ENDS = 0, /* the sequence number of the messages around the changes */
};

/* What the process is asked to add. */
struct opened_record {
	uint32_t client, address, seconds;
};

struct opened_message {
	size_t count;
	_Alignas(8) uint8_t bytes[1024];
};

/* Appends bytes and zeros up to the next multiple of 4. The messages here fit by far. */
static void *opened_put(struct opened_message *message, const void *bytes, size_t count)
{
	uint8_t *at = message->bytes + message->count;

	memset(at, 0, NLMSG_ALIGN(count));
	if (bytes)
		memcpy(at, bytes, count);
	message->count += NLMSG_ALIGN(count);
	return at;
}

static void opened_attribute(struct opened_message *message, unsigned type, const void *bytes,
			     size_t count)
{
	struct nlattr head = {(uint16_t)(sizeof(head) + count), (uint16_t)type};

	opened_put(message, &head, sizeof(head));
	opened_put(message, bytes, count);
}

/* Begins an attribute that has others in it; opened_end() has its length filled in. */
static struct nlattr *opened_begin(struct opened_message *message, unsigned type)
{
	struct nlattr head = {0, (uint16_t)(type | NLA_F_NESTED)};

	return opened_put(message, &head, sizeof(head));
}

static void opened_end(struct opened_message *message, struct nlattr *head)
{
	head->nla_len = (uint16_t)(message->bytes + message->count - (uint8_t *)head);
}

static struct nlmsghdr *opened_head(struct opened_message *message, unsigned type, unsigned flags,
				    uint32_t sequence, struct nfgenmsg family)
{
	struct nlmsghdr head = {.nlmsg_type = (uint16_t)type,
				.nlmsg_flags = (uint16_t)(NLM_F_REQUEST | flags),
				.nlmsg_seq = sequence};
	struct nlmsghdr *at = opened_put(message, &head, sizeof(head));

	opened_put(message, &family, sizeof(family));
	return at;
}

/* Appends the begin or the end of changes that are made together. */
static void opened_batch(struct opened_message *message, unsigned type)
{
	struct nfgenmsg family = {AF_UNSPEC, NFNETLINK_V0, htons(NFNL_SUBSYS_NFTABLES)};
	struct nlmsghdr *head = opened_head(message, type, 0, OPENED_ENDS, family);

	head->nlmsg_len = (uint32_t)(message->bytes + message->count - (uint8_t *)head);
}

/* Appends a change of the set: NFT_MSG_NEWSETELEM or NFT_MSG_DELSETELEM of the pair. */
static void opened_change(struct opened_message *message, const struct rule_set *set, unsigned kind,
			  uint32_t sequence, const struct opened_record *record)
{
	struct nfgenmsg family = {set->family, NFNETLINK_V0, 0};
	uint32_t key[2] = {htonl(record->client), htonl(record->address)};
	uint64_t lifetime_ms = htobe64((uint64_t)record->seconds * 1000);
	bool is_new = kind == NFT_MSG_NEWSETELEM;
	struct nlmsghdr *head =
		opened_head(message, NFNL_SUBSYS_NFTABLES << 8 | kind,
			    NLM_F_ACK | (is_new ? NLM_F_CREATE : 0), sequence, family);
	struct nlattr *list, *element, *data;

	opened_attribute(message, NFTA_SET_ELEM_LIST_TABLE, set->table, strlen(set->table) + 1);
	opened_attribute(message, NFTA_SET_ELEM_LIST_SET, set->name, strlen(set->name) + 1);
	list = opened_begin(message, NFTA_SET_ELEM_LIST_ELEMENTS);
	element = opened_begin(message, NFTA_LIST_ELEM);
	data = opened_begin(message, NFTA_SET_ELEM_KEY);
	opened_attribute(message, NFTA_DATA_VALUE, key, sizeof(key));
	opened_end(message, data);
	if (is_new)
		opened_attribute(message, NFTA_SET_ELEM_TIMEOUT, &lifetime_ms, sizeof(lifetime_ms));
	opened_end(message, element);
	opened_end(message, list);
	head->nlmsg_len = (uint32_t)(message->bytes + message->count - (uint8_t *)head);
}

/*
 * Reads what the kernel says of the changes, which it has done when send() returns. Returns 0 if it
 * has made all of them, or a number of errno.
 */
static int opened_said(int netlink)
{
	_Alignas(8) uint8_t bytes[4096];
	int made = 0, wrong = 0;
	ssize_t count;

	while ((count = recv(netlink, bytes, sizeof(bytes), MSG_DONTWAIT)) > 0) {
		struct nlmsghdr head;
		struct nlmsgerr error;

		for (size_t at = 0; (size_t)count - at >= sizeof(head);) {
			memcpy(&head, bytes + at, sizeof(head));
			if (head.nlmsg_len < sizeof(head) || head.nlmsg_len > (size_t)count - at)
				break;
			if (head.nlmsg_type == NLMSG_ERROR &&
			    head.nlmsg_len >= NLMSG_HDRLEN + sizeof(error)) {
				memcpy(&error, bytes + at + NLMSG_HDRLEN, sizeof(error));
				made += !error.error;
				wrong = wrong ? wrong : -error.error;
			}
			at += NLMSG_ALIGN(head.nlmsg_len);
			if (at > (size_t)count)
				break;
		}
	}
	return wrong || made == OPENED_CHANGES ? wrong : EIO;
}

/*
 * Adds a pair. One that is there is taken away and added anew by the same step, since not every
 * Linux gives it a new lifetime otherwise. Returns 0, or a number of errno.
 */
static int opened_tell(int netlink, const struct rule_set *set, const struct opened_record *record)
{
	struct opened_message message = {0};

	opened_batch(&message, NFNL_MSG_BATCH_BEGIN);
	opened_change(&message, set, NFT_MSG_NEWSETELEM, 1, record);
	opened_change(&message, set, NFT_MSG_DELSETELEM, 2, record);
	opened_change(&message, set, NFT_MSG_NEWSETELEM, 3, record);
	opened_batch(&message, NFNL_MSG_BATCH_END);
	if (send(netlink, message.bytes, message.count, MSG_NOSIGNAL) != (ssize_t)message.count)
		return errno;
	return opened_said(netlink);
}

int opened_netlink(void)
{
	return socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_NETFILTER);
}

/* In memory that the processes which add to the set share, one after the other. */
static struct opened_pair {
	uint32_t client, address;
	int64_t until_ms;
} * opened_pairs;

void opened_forget(void)
{
	if (opened_pairs)
		munmap(opened_pairs, OPENED_COUNT * sizeof(*opened_pairs));
	opened_pairs = NULL;
}

/* Makes the memory for what is in the set, which begins with nothing. */
static bool opened_remember(void)
{
	void *pairs = opened_pairs;

	if (!pairs)
		pairs = mmap(NULL, OPENED_COUNT * sizeof(*opened_pairs), PROT_READ | PROT_WRITE,
			     MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	opened_pairs = pairs == MAP_FAILED ? NULL : pairs;
	return opened_pairs != NULL;
}

const char *opened_check(const struct rule_set *set)
{
	/* No client has this address (RFC 1122, 3.2.1.3). */
	static const struct opened_record none = {.seconds = 1};
	int netlink, wrong;

	if (!opened_remember())
		return "there is no memory for what clients were answered";
	netlink = opened_netlink();
	if (netlink < 0)
		return "this Linux has no nftables, without which nothing keeps clients to what "
		       "they were answered: load nf_tables, or say names.set = none";
	wrong = opened_tell(netlink, set, &none);
	close(netlink);
	switch (wrong) {
	case 0:
		return NULL;
	case EPERM:
		return "the set of names.set can be changed by a process with CAP_NET_ADMIN alone: "
		       "give that to this program";
	case ENOENT:
		return "the set of names.set is not there: nft add table and nft add set make it, "
		       "with the type ipv4_addr . ipv4_addr and flags timeout";
	default:
		return "the set of names.set takes no pair of addresses: it has the type ipv4_addr "
		       ". ipv4_addr, flags timeout, and a size that is not used up";
	}
}

/* Returns a place for the pair, or NULL if the client has too many, or all clients together. */
static struct opened_pair *opened_place(const struct opened_record *record, int64_t now_ms)
{
	struct opened_pair *place = NULL;
	unsigned own = 0;

	for (int i = 0; i < OPENED_COUNT; i++) {
		struct opened_pair *pair = opened_pairs + i;

		if (pair->until_ms <= now_ms) {
			place = place ? place : pair;
			continue;
		}
		own += pair->client == record->client;
		if (pair->client == record->client && pair->address == record->address)
			return pair;
	}
	return own < OPENED_PER_CLIENT ? place : NULL;
}

/* Makes the record's lifetime no shorter than the one that the pair has, by an earlier answer. */
static void opened_prolong(struct opened_record *record, const struct opened_pair *pair,
			   int64_t now_ms)
{
	int64_t left_ms = pair->until_ms - now_ms;

	if (left_ms > (int64_t)record->seconds * 1000)
		record->seconds = (uint32_t)((left_ms + 999) / 1000);
}

void opened_serve(int fd, int netlink, const struct rules *rules)
{
	struct opened_record record;
	ssize_t count;

	while ((count = recv(fd, &record, sizeof(record), 0)) != 0) {
		int64_t now_ms = clock_ms();
		struct opened_pair *place = NULL;
		uint8_t good = 0;

		if (count < 0 && errno == EINTR)
			continue;
		if (count == sizeof(record) && record.seconds &&
		    record.seconds <= OPENED_SECONDS_MOST &&
		    rule_opens(rules, record.client, record.address))
			place = opened_place(&record, now_ms);
		if (place)
			opened_prolong(&record, place, now_ms);
		if (place && opened_tell(netlink, &rules->set, &record) == 0) {
			*place = (struct opened_pair){record.client, record.address,
						      now_ms + (int64_t)record.seconds * 1000};
			good = 1;
		}
		if (count < 0 || send(fd, &good, 1, MSG_NOSIGNAL) != 1)
			return;
	}
}

bool opened_add(int fd, uint32_t client, uint32_t address, uint32_t seconds)
{
	struct opened_record record = {client, address, seconds};
	struct pollfd wait = {fd, POLLIN, 0};
	uint8_t good = 0;

	/* An answer that comes too late would be taken for the next one's. */
	if (send(fd, &record, sizeof(record), MSG_NOSIGNAL) != sizeof(record) ||
	    poll(&wait, 1, OPENED_WAIT_MS) != 1 || recv(fd, &good, 1, 0) != 1) {
		shutdown(fd, SHUT_RDWR);
		return false;
	}
	return good;
}
