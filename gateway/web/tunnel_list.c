/* SPDX-License-Identifier: MIT */
/*
 * The list of connections over TLS (tunnels), and the choice of the tunnel that ends when the list
 * is full. tunnel.c calls it; it closes the tunnels that it removes from the list.
 */
#include "gateway/web/tunnel_list.h"

#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "gateway/base/clock.h"

struct tunnels tunnels = {.listener = -1};

void tunnel_free(size_t place)
{
	struct tunnel *tunnel = tunnels.list[place];

	if (tunnel->session)
		gnutls_deinit(tunnel->session);
	close(tunnel->client);
	if (tunnel->inner >= 0)
		close(tunnel->inner);
	explicit_bzero(tunnel, sizeof(*tunnel));
	free(tunnel);
	tunnels.list[place] = tunnels.list[--tunnels.count];
}

static size_t tunnel_place(const struct tunnel *tunnel)
{
	size_t place = 0;

	while (tunnels.list[place] != tunnel)
		place++;
	return place;
}

struct tunnel *tunnel_of(int server)
{
	for (size_t i = 0; server >= 0 && i < tunnels.count; i++) {
		if (tunnels.list[i]->server == server)
			return tunnels.list[i];
	}
	return NULL;
}

static bool tunnel_same_address(const struct sockaddr_storage *one,
				const struct sockaddr_storage *other)
{
	if (one->ss_family != other->ss_family)
		return false;
	if (one->ss_family == AF_INET6) {
		const struct in6_addr *first = &((const struct sockaddr_in6 *)one)->sin6_addr;
		const struct in6_addr *second = &((const struct sockaddr_in6 *)other)->sin6_addr;

		/*
		 * A client with an IPv6 address mostly has the whole /64, which counts as one
		 * address. In ::/64, as of ::1, each address counts for itself.
		 */
		return !memcmp(first, second, memcmp(first, &in6addr_any, 8) ? 8 : sizeof(*first));
	}
	return ((const struct sockaddr_in *)one)->sin_addr.s_addr ==
	       ((const struct sockaddr_in *)other)->sin_addr.s_addr;
}

/*
 * Returns the oldest idle tunnel of those that have shown the credential `who`, or NULL when none
 * is idle.
 */
static struct tunnel *tunnel_idle(uint32_t who)
{
	struct tunnel *oldest = NULL;

	for (size_t i = 0; i < tunnels.count; i++) {
		struct tunnel *tunnel = tunnels.list[i];

		if (tunnel->who == who && tunnel->until_ms != TUNNEL_LEAVES &&
		    (tunnel->state != TUNNEL_OPEN || gate_idle(&tunnel->gate)) &&
		    (!oldest || tunnel->number < oldest->number))
			oldest = tunnel;
	}
	return oldest;
}

static unsigned tunnel_count(uint32_t who)
{
	unsigned count = 0;

	for (size_t i = 0; i < tunnels.count; i++)
		count += tunnels.list[i]->who == who && tunnels.list[i]->until_ms != TUNNEL_LEAVES;
	return count;
}

/* Returns an idle tunnel of the credential that has most tunnels. */
static struct tunnel *tunnel_idle_of_most(void)
{
	struct tunnel *found = NULL;
	unsigned most = 0;

	for (size_t i = 0; i < tunnels.count; i++) {
		uint32_t who = tunnels.list[i]->who;
		unsigned count = who ? tunnel_count(who) : 0;

		if (count > most && tunnel_idle(who)) {
			most = count;
			found = tunnel_idle(who);
		}
	}
	return found;
}

/* Returns how many tunnels at that address have shown no credential. */
static unsigned tunnel_strangers(const struct sockaddr_storage *address)
{
	unsigned count = 0;

	for (size_t i = 0; i < tunnels.count; i++)
		count += !tunnels.list[i]->who &&
			 tunnel_same_address(&tunnels.list[i]->address, address);
	return count;
}

/*
 * Returns the oldest tunnel of the address that has most tunnels without a credential, whatever the
 * tunnel is doing.
 */
static struct tunnel *tunnel_stranger(void)
{
	struct tunnel *oldest = NULL;
	unsigned most = 0;

	for (size_t i = 0; i < tunnels.count; i++) {
		struct tunnel *tunnel = tunnels.list[i];
		unsigned count = tunnel->who ? 0 : tunnel_strangers(&tunnel->address);

		if (count > most || (count && count == most && tunnel->number < oldest->number)) {
			most = count;
			oldest = tunnel;
		}
	}
	return oldest;
}

/*
 * When the list is full, ends a tunnel: the oldest of the address with most tunnels without a
 * credential, else an idle one of the credential with most tunnels.
 */
bool tunnel_has_room(const struct sockaddr_storage *address)
{
	struct tunnel *leaves = NULL;

	if (tunnels.per_address && tunnel_strangers(address) >= tunnels.per_address)
		return false;
	if (tunnels.count == TUNNELS)
		leaves = tunnel_stranger();
	if (tunnels.count == TUNNELS && !leaves)
		leaves = tunnel_idle_of_most();
	if (leaves)
		tunnel_free(tunnel_place(leaves));
	return tunnels.count < TUNNELS;
}

bool tunnel_has(int server)
{
	return tunnel_of(server);
}

void tunnel_request(int server, uint64_t body)
{
	struct tunnel *tunnel = tunnel_of(server);

	if (!tunnel)
		return;
	gate_request(&tunnel->gate, body, clock_ms());
	tunnel->again = tunnel->up.count;
}

void tunnel_complete(int server)
{
	struct tunnel *tunnel = tunnel_of(server);

	if (tunnel)
		gate_complete(&tunnel->gate);
}

void tunnel_answered(int server)
{
	struct tunnel *tunnel = tunnel_of(server);

	if (!tunnel)
		return;
	gate_answered(&tunnel->gate, tunnel->who, clock_ms());
	tunnel->again = tunnel->up.count;
}

void tunnel_open(int server)
{
	struct tunnel *tunnel = tunnel_of(server);

	if (!tunnel)
		return;
	gate_open(&tunnel->gate);
	tunnel->again = tunnel->up.count;
}

void tunnel_shut(int server)
{
	struct tunnel *tunnel = tunnel_of(server);

	if (tunnel)
		gate_shut(&tunnel->gate);
}

/*
 * Notes that an answer begins, and the credential `who` that was shown. If the credential has too
 * many tunnels, its oldest idle one ends, or else this one.
 */
void tunnel_known(int server, uint32_t who)
{
	struct tunnel *tunnel = tunnel_of(server), *idle;

	if (!tunnel)
		return;
	if (who)
		tunnel->who = who;
	gate_answers(&tunnel->gate, tunnel->who, clock_ms());
	if (!who || !tunnels.per_address ||
	    tunnel_count(who) <= tunnels.per_address * TUNNEL_PER_WHO)
		return;
	idle = tunnel_idle(who);
	(idle ? idle : tunnel)->until_ms = TUNNEL_LEAVES;
}
