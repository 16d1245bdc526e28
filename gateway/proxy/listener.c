/* SPDX-License-Identifier: MIT */
/*
 * Accepts clients, and starts two processes for each: the dialer, which connects to hosts, and its
 * child, the carrier, which moves the client's bytes. Runs in the listening process, which reads no
 * byte of a client.
 */
#include "gateway/proxy/listener.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "gateway/proxy/account.h"
#include "gateway/proxy/capability.h"
#include "gateway/proxy/carrier.h"
#include "gateway/proxy/child.h"
#include "gateway/proxy/dial.h"
#include "gateway/proxy/names.h"
#include "gateway/proxy/seccomp.h"

enum { LISTENER_CONNECTIONS = 1024 };

static struct {
	int fd;
	size_t count;
	struct listener_child {
		pid_t pid;
		int account;
	} list[LISTENER_CONNECTIONS];
} listener = {.fd = -1};

int listener_fd(void)
{
	return listener.fd;
}

bool listener_open(const struct rules *rules)
{
	struct sockaddr_in address = {.sin_family = AF_INET,
				      .sin_port = htons((uint16_t)rules->listen_port),
				      .sin_addr = {htonl(rules->listen)}};
	int yes = 1;

	listener.fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (listener.fd >= 0 &&
	    setsockopt(listener.fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes)) == 0 &&
	    bind(listener.fd, (const struct sockaddr *)&address, sizeof(address)) == 0 &&
	    listen(listener.fd, 128) == 0)
		return true;
	fprintf(stderr, "skerry-proxy: the address of listen cannot be used: %s\n",
		strerror(errno));
	return false;
}

void listener_close(void)
{
	close(listener.fd);
}

/* Serves the client in the carrier's process, and ends the process. */
static void listener_carry(int client, uint32_t address, int dialer, struct rules *rules,
			   struct account_page *account)
{
	if (capability_keep(0) && seccomp_socketless())
		carrier_serve(client, address, dialer, rules, account);
	_exit(0);
}

/* Runs in the first process of a connection: starts the carrier, then connects to hosts for it. */
static void listener_serve(int client, uint32_t address, struct rules *rules, int account)
{
	struct account_page *page = account_keep(account);
	int pair[2], yes = 1;
	pid_t carrier;

	listener_close();
	names_close();
	/*
	 * The more connections a client has, the less CPU time each of their processes gets beside
	 * others.
	 */
	(void)!nice((int)account_connections(account) - 1);
	(void)setsockopt(client, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof(yes));
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		_exit(1);
	carrier = child_fork();
	if (carrier == 0) {
		close(pair[0]);
		listener_carry(client, address, pair[1], rules, page);
	}
	close(pair[1]);
	close(client);
	rule_forget_keys(rules);
	if (carrier > 0 && capability_keep(0) && seccomp_dialer())
		dial_serve(pair[0], rules);
	/* The kernel ends the carrier together with this process. */
	_exit(0);
}

void listener_accept(struct rules *rules)
{
	struct sockaddr_in peer;
	socklen_t length = sizeof(peer);
	int client = accept4(listener.fd, (struct sockaddr *)&peer, &length, SOCK_CLOEXEC);
	int account = -1;
	pid_t pid = -1;

	if (client < 0)
		return;
	if (listener.count < rules->connections)
		account = account_open(ntohl(peer.sin_addr.s_addr), rules->per_client);
	if (account >= 0)
		pid = child_fork();
	if (pid == 0)
		listener_serve(client, ntohl(peer.sin_addr.s_addr), rules, account);
	if (pid < 0) {
		if (account >= 0)
			account_close(account);
		carrier_turn_away(client);
		return;
	}
	close(client);
	listener.list[listener.count++] = (struct listener_child){pid, account};
}

void listener_ended(pid_t pid)
{
	for (size_t i = 0; i < listener.count; i++) {
		if (listener.list[i].pid != pid)
			continue;
		account_close(listener.list[i].account);
		listener.list[i] = listener.list[--listener.count];
		return;
	}
}
