/* SPDX-License-Identifier: MIT */
/*
 * Answers clients' questions for addresses of names that the rules list, and asks name servers for
 * these. Runs in a process of its own, which has no key, opens no file, and changes no table of
 * Linux: a process beside it does that (opened.c).
 */
#include "gateway/proxy/names_serve.h"

#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "gateway/base/clock.h"
#include "gateway/proxy/log.h"
#include "gateway/proxy/names_stream.h"
#include "gateway/proxy/opened.h"
#include "gateway/proxy/quota.h"
#include "gateway/proxy/resolve.h"

enum {
	NAMES_WAITING = 128,
	NAMES_WAITING_CLIENT = 8,
	NAMES_TRIES = 3,
	NAMES_TRY_MS = 2000,
	NAMES_TURN = 64, /* the most datagrams that are read before others get their turn */
	/* What a client is told of lifetimes is within these: it has to have time to connect. */
	NAMES_SECONDS_LEAST = 30,
	NAMES_SECONDS_MOST = OPENED_SECONDS_MOST,
};

/* A question that waits for a name server. */
struct names_waiting {
	bool used;
	int fd;
	int64_t until_ms;
	unsigned tries;
	struct names_asker asker;
	struct dns_question question;
	const struct rule *rule;
	uint8_t bytes[DNS_QUESTION_BYTES]; /* what the name server was asked */
	size_t count;
};

static struct {
	int udp, opened;
	const struct rules *rules;
	struct names_waiting list[NAMES_WAITING];
} names;

/* Sends the client an answer, by its connection or over UDP. */
static void names_send(const struct names_asker *asker, const struct dns_question *question,
		       enum dns_code code, const uint32_t *addresses, unsigned count,
		       uint32_t seconds)
{
	struct sockaddr_in peer = {.sin_family = AF_INET,
				   .sin_port = htons(asker->port),
				   .sin_addr = {htonl(asker->address)}};
	uint8_t packet[DNS_ANSWER_BYTES];
	size_t length = dns_answer(packet, question, code, addresses, count, seconds);

	if (asker->stream >= 0)
		names_stream_send(asker->stream, packet, length);
	else
		(void)sendto(names.udp, packet, length, MSG_NOSIGNAL | MSG_DONTWAIT,
			     (const struct sockaddr *)&peer, sizeof(peer));
}

/* Writes a line of the log: a question is like a request, and its addresses are where it led. */
static void names_log(const struct names_asker *asker, const struct dns_question *question,
		      unsigned status, const uint32_t *addresses, unsigned count, const char *why)
{
	char text[DNS_GIVEN * (RANGE_TEXT + 1)] = "-";
	struct log_entry entry = {.client = asker->address,
				  .method = "NAME",
				  .host = *question->name ? question->name : NULL,
				  .path = text,
				  .status = status,
				  .why = why};
	size_t at = 0;

	for (unsigned i = 0; i < count; i++) {
		char address[RANGE_TEXT];

		range_text(address, addresses[i]);
		at += (size_t)snprintf(text + at, sizeof(text) - at, "%s%s", at ? "," : "",
				       address);
	}
	entry.path_length = (int)strlen(text);
	log_entry_or_lose(&entry);
}

static void names_refuse(const struct names_asker *asker, const struct dns_question *question,
			 enum dns_code code, unsigned status, const char *why)
{
	names_log(asker, question, status, NULL, 0, why);
	names_send(asker, question, code, NULL, 0, 0);
}

/* Gives the client those of the addresses that the rule allows, once it may reach them. */
static void names_give(const struct names_asker *asker, const struct dns_question *question,
		       const struct rule *rule, const uint32_t *addresses, unsigned count,
		       uint32_t seconds)
{
	uint32_t given[DNS_GIVEN];
	unsigned good = 0, allowed = 0;

	if (seconds < NAMES_SECONDS_LEAST)
		seconds = NAMES_SECONDS_LEAST;
	if (seconds > NAMES_SECONDS_MOST)
		seconds = NAMES_SECONDS_MOST;
	for (unsigned i = 0; i < count && good < DNS_GIVEN; i++) {
		if (!rule_address(names.rules, rule, addresses[i]))
			continue;
		allowed++;
		if (names.opened < 0 ||
		    opened_add(names.opened, asker->address, addresses[i], seconds))
			given[good++] = addresses[i];
	}
	if (good) {
		names_log(asker, question, 200, given, good, NULL);
		names_send(asker, question, DNS_DONE, given, good, seconds);
	} else if (allowed) {
		names_refuse(asker, question, DNS_FAILED, 503,
			     "the set of nftables takes no address more for this client: it has "
			     "128 at most, all have 4096, and the set has to be there");
	} else {
		names_refuse(asker, question, DNS_DONE, count ? 403 : 502,
			     count ? "the name stands for addresses that its rule does not allow: "
				     "lines direct = yes and address = RANGE in a section of its "
				     "own would"
				   : "the name has no IPv4 address");
	}
}

static void names_drop(struct names_waiting *waiting)
{
	if (waiting->fd >= 0)
		close(waiting->fd);
	waiting->used = false;
}

/* Asks the next name server, or gives up after the last try. */
static void names_try(struct names_waiting *waiting)
{
	if (waiting->fd >= 0)
		close(waiting->fd);
	waiting->fd = -1;
	if (waiting->tries == NAMES_TRIES) {
		waiting->used = false;
		names_refuse(&waiting->asker, &waiting->question, DNS_FAILED, 502,
			     "no name server has said what the name's addresses are");
		return;
	}
	waiting->until_ms = clock_ms() + NAMES_TRY_MS;
	waiting->fd = resolve_send(names.rules, waiting->question.name, waiting->tries++,
				   waiting->bytes, &waiting->count);
	/* Where nobody can be asked, the next try comes at the next turn. */
	if (waiting->fd < 0)
		waiting->until_ms = 0;
}

/* Takes what a name server says; anything else than its answer to this question is dropped. */
static void names_answered(struct names_waiting *waiting)
{
	/* One byte more than an answer may have, so that a longer one is known. */
	uint8_t packet[DNS_PACKET_BYTES + 1];
	struct dns_answer answer;
	ssize_t count = recv(waiting->fd, packet, sizeof(packet), MSG_DONTWAIT);

	if (count < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (count < 0) {
		names_try(waiting);
		return;
	}
	if (count == sizeof(packet) ||
	    !dns_read_answer(&answer, packet, (size_t)count, waiting->bytes, waiting->count))
		return;
	if ((answer.code != DNS_DONE && answer.code != DNS_NO_NAME) ||
	    (answer.cut && !answer.count)) {
		names_try(waiting);
		return;
	}
	names_drop(waiting);
	if (answer.code == DNS_NO_NAME)
		names_refuse(&waiting->asker, &waiting->question, DNS_NO_NAME, 502,
			     "there is no such name");
	else
		names_give(&waiting->asker, &waiting->question, waiting->rule, answer.addresses,
			   answer.count, answer.lifetime);
}

void names_forget(int stream)
{
	for (int i = 0; i < NAMES_WAITING; i++) {
		if (names.list[i].used && names.list[i].asker.stream == stream)
			names_drop(names.list + i);
	}
}

/* Returns how many questions of the client wait. */
static int names_count(uint32_t address)
{
	int count = 0;

	for (int i = 0; i < NAMES_WAITING; i++)
		count += names.list[i].used && names.list[i].asker.address == address;
	return count;
}

static const char names_busy[] = "a client has up to 8 questions that wait for a name server, and "
				 "all clients have 128, of which each gets a share";

/*
 * Returns a place for a question that waits, or NULL if the client has too many. When all places
 * are taken, a client that has more of them than this one will gives one up.
 */
static struct names_waiting *names_place(const struct names_asker *asker)
{
	int most = names_count(asker->address) + 1;
	struct names_waiting *place = NULL;

	if (most > NAMES_WAITING_CLIENT)
		return NULL;
	for (int i = 0; i < NAMES_WAITING; i++) {
		struct names_waiting *waiting = names.list + i;
		int count = waiting->used ? names_count(waiting->asker.address) : 0;

		if (!waiting->used)
			return waiting;
		if (count > most) {
			place = waiting;
			most = count;
		}
	}
	if (place) {
		names_drop(place);
		names_refuse(&place->asker, &place->question, DNS_REFUSED, 429, names_busy);
	}
	return place;
}

/* Answers a question for a listed name, at once or when a name server has. */
static void names_ask(const struct names_asker *asker, const struct dns_question *question,
		      const struct rule *rule)
{
	uint32_t addresses[DNS_ADDRESSES];
	unsigned count = resolve_pinned(names.rules, question->name, addresses);
	struct names_waiting *waiting;
	enum quota_result quota;

	/* Of other kinds a listed name has nothing: no IPv6 either, which no run's network has. */
	if (question->type != DNS_A) {
		names_send(asker, question, DNS_DONE, NULL, 0, 0);
		return;
	}
	if (count) {
		names_give(asker, question, rule, addresses, count, NAMES_SECONDS_MOST);
		return;
	}
	waiting = names_place(asker);
	if (!waiting) {
		names_refuse(asker, question, DNS_REFUSED, 429, names_busy);
		return;
	}
	quota = quota_take_hour(names.rules, asker->address, clock_ms());
	if (quota == QUOTA_FIRST_OVER)
		names_log(asker, question, 429, NULL, 0,
			  "this address has asked what names.hour allows in an hour");
	if (quota != QUOTA_GOOD) {
		names_send(asker, question, DNS_REFUSED, NULL, 0, 0);
		return;
	}
	*waiting = (struct names_waiting){
		.used = true, .fd = -1, .asker = *asker, .question = *question, .rule = rule};
	names_try(waiting);
}

bool names_take(const struct names_asker *asker, const uint8_t *packet, size_t count)
{
	struct dns_question question;
	const struct rule *rule;
	bool answerable;
	enum dns_code code = dns_read_question(&question, packet, count, &answerable);
	enum quota_result quota = quota_take(names.rules, asker->address, clock_ms());

	if (!answerable)
		return false;
	if (quota == QUOTA_FIRST_OVER)
		names_log(asker, &question, 429, NULL, 0,
			  "this address asks more than names.questions allows in a second");
	if (quota != QUOTA_GOOD)
		code = DNS_REFUSED;
	if (code != DNS_DONE) {
		names_send(asker, &question, code, NULL, 0, 0);
		return true;
	}
	rule = rule_named(names.rules, asker->address, question.name);
	if (rule)
		names_ask(asker, &question, rule);
	else
		names_refuse(asker, &question, DNS_NO_NAME, 403,
			     "no line names has it, and no [host NAME] with direct = yes");
	return true;
}

/* Reads questions that have come over UDP. */
static void names_read(void)
{
	for (int i = 0; i < NAMES_TURN; i++) {
		struct sockaddr_in peer;
		socklen_t length = sizeof(peer);
		uint8_t packet[DNS_ANSWER_BYTES];
		ssize_t count = recvfrom(names.udp, packet, sizeof(packet), MSG_DONTWAIT,
					 (struct sockaddr *)&peer, &length);
		struct names_asker asker = {.stream = -1};

		if (count < 0)
			return;
		asker.address = ntohl(peer.sin_addr.s_addr);
		asker.port = ntohs(peer.sin_port);
		(void)names_take(&asker, packet, (size_t)count);
	}
}

/* Writes what each question waits for. Returns until when the first of them does, or INT64_MAX. */
static int64_t names_wait(struct pollfd *waits, int64_t now_ms)
{
	int64_t first_ms = INT64_MAX;

	for (int i = 0; i < NAMES_WAITING; i++) {
		struct names_waiting *waiting = names.list + i;

		if (waiting->used && waiting->until_ms <= now_ms)
			names_try(waiting);
		waits[i] = (struct pollfd){waiting->used ? waiting->fd : -1, POLLIN, 0};
		if (waiting->used && waiting->until_ms < first_ms)
			first_ms = waiting->until_ms;
	}
	return first_ms;
}

/* Takes what name servers have said. */
static void names_hear(const struct pollfd *waits)
{
	for (int i = 0; i < NAMES_WAITING; i++) {
		if (waits[i].revents && names.list[i].used && names.list[i].fd == waits[i].fd)
			names_answered(names.list + i);
	}
}

void names_serve(int udp, int tcp, int opened, const struct rules *rules)
{
	static struct pollfd waits[3 + NAMES_STREAMS + NAMES_WAITING];
	struct pollfd *streams = waits + 3, *waiting = streams + NAMES_STREAMS;

	names.udp = udp;
	names.opened = opened;
	names.rules = rules;
	for (;;) {
		int64_t now_ms = clock_ms(), first_ms = names_wait(waiting, now_ms);
		/* Comes second, as a question that is given up has its connection go on. */
		int64_t other_ms = names_stream_wait(streams, now_ms);
		int wait_ms = -1;

		first_ms = other_ms < first_ms ? other_ms : first_ms;
		if (first_ms != INT64_MAX)
			wait_ms = first_ms > now_ms ? (int)(first_ms - now_ms) : 0;
		waits[0] = (struct pollfd){udp, POLLIN, 0};
		waits[1] = (struct pollfd){tcp, POLLIN, 0};
		/* Between questions nothing comes from there but the end. */
		waits[2] = (struct pollfd){opened, POLLIN, 0};
		if (poll(waits, 3 + NAMES_STREAMS + NAMES_WAITING, wait_ms) < 0)
			continue;
		if (waits[2].revents)
			return;
		names_hear(waiting);
		names_stream_read(streams);
		if (waits[1].revents)
			names_stream_accept(tcp);
		if (waits[0].revents)
			names_read();
	}
}
