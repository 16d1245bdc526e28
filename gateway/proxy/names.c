/* SPDX-License-Identifier: MIT */
/*
 * Starts the process that answers clients' questions for names, with one beside it that adds to the
 * set of nftables. Runs in the listening process, which reads no byte of a client.
 */
#include "gateway/proxy/names.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/capability.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "gateway/base/clock.h"
#include "gateway/proxy/account.h"
#include "gateway/proxy/capability.h"
#include "gateway/proxy/child.h"
#include "gateway/proxy/config.h"
#include "gateway/proxy/listener.h"
#include "gateway/proxy/names_serve.h"
#include "gateway/proxy/opened.h"
#include "gateway/proxy/seccomp.h"

enum { NAMES_PAUSE_MS = 1000, NAMES_CONNECTIONS = 32 };

static struct {
	int udp, tcp;
	pid_t pid; /* 0: there is none */
	bool wanted;
	int64_t started_ms;
	struct stat file; /* the file of name servers, when it was read */
} names_process = {.udp = -1, .tcp = -1};

static int names_socket(const struct rules *rules, int type)
{
	struct sockaddr_in address = {.sin_family = AF_INET,
				      .sin_port = htons((uint16_t)rules->names_port),
				      .sin_addr = {htonl(rules->names_listen)}};
	int fd = socket(AF_INET, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), yes = 1;

	if (fd >= 0 && setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes)) == 0 &&
	    bind(fd, (const struct sockaddr *)&address, sizeof(address)) == 0)
		return fd;
	fprintf(stderr, "skerry-proxy: the address of names.listen, port %u, cannot be used: %s\n",
		rules->names_port, strerror(errno));
	if (fd >= 0)
		close(fd);
	return -1;
}

bool names_open(const struct rules *rules)
{
	const char *why = NULL;

	if (!rule_has_names(rules))
		return true;
	if (rules->set.family)
		why = opened_check(&rules->set);
	if (why) {
		fprintf(stderr, "skerry-proxy: %s\n", why);
		return false;
	}
	if (names_process.udp < 0)
		names_process.udp = names_socket(rules, SOCK_DGRAM);
	if (names_process.udp >= 0 && names_process.tcp < 0) {
		names_process.tcp = names_socket(rules, SOCK_STREAM);
		if (names_process.tcp >= 0 && listen(names_process.tcp, NAMES_CONNECTIONS) < 0) {
			close(names_process.tcp);
			names_process.tcp = -1;
		}
	}
	return names_process.tcp >= 0;
}

void names_close(void)
{
	if (names_process.udp >= 0)
		close(names_process.udp);
	if (names_process.tcp >= 0)
		close(names_process.tcp);
	names_process.udp = names_process.tcp = -1;
}

bool names_wanted(void)
{
	return names_process.wanted;
}

/* Runs in the process beside the one that answers: it has one capability, and no client's bytes. */
static void names_add(int fd, const struct rules *rules)
{
	int netlink = opened_netlink();

	names_close();
	if (netlink >= 0 && capability_keep(1u << CAP_NET_ADMIN) && seccomp_socketless())
		opened_serve(fd, netlink, rules);
	_exit(0);
}

/* Runs in the process that answers questions. */
static void names_run(struct rules *rules)
{
	int pair[2] = {-1, -1};
	pid_t beside = 0;

	listener_close();
	account_forget();
	rule_forget_keys(rules);
	if (rules->set.family) {
		if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
			_exit(1);
		beside = child_fork();
		if (beside == 0) {
			close(pair[0]);
			names_add(pair[1], rules);
		}
		close(pair[1]);
	}
	opened_forget();
	if (beside >= 0 && capability_keep(0) && seccomp_names())
		names_serve(names_process.udp, names_process.tcp, pair[0], rules);
	_exit(1);
}

/* Looks at the file of name servers. Returns whether it is another one than before. */
static bool names_file_has_changed(const struct rules *rules)
{
	struct stat now = {0}, before = names_process.file;

	if (!rules->resolver_file)
		return false;
	(void)stat(rules->resolver_file, &now);
	names_process.file = now;
	return now.st_ino != before.st_ino || now.st_size != before.st_size ||
	       now.st_mtim.tv_sec != before.st_mtim.tv_sec ||
	       now.st_mtim.tv_nsec != before.st_mtim.tv_nsec;
}

void names_start(struct rules *rules)
{
	if (names_process.pid > 0)
		kill(names_process.pid, SIGKILL);
	names_process.pid = 0;
	names_process.wanted = rule_has_names(rules) && names_process.tcp >= 0;
	if (!names_process.wanted) {
		/* Questions that come now are not to wait for rules that have names again. */
		names_close();
		return;
	}
	names_process.started_ms = clock_ms();
	/* Looked at before it is read, so that a change in between is found later. */
	if (names_file_has_changed(rules))
		config_resolvers(rules);
	names_process.pid = child_fork();
	if (names_process.pid == 0)
		names_run(rules);
	if (names_process.pid < 0)
		names_process.pid = 0;
}

bool names_ended(pid_t pid)
{
	if (pid != names_process.pid)
		return false;
	names_process.pid = 0;
	fprintf(stderr, "skerry-proxy: the process that answers questions has ended, and is "
			"started again\n");
	return true;
}

void names_keep(struct rules *rules)
{
	if (!names_process.wanted)
		return;
	if (names_file_has_changed(rules)) {
		config_resolvers(rules);
		fprintf(stderr, "skerry-proxy: has read %s again, with %zu name servers\n",
			rules->resolver_file, rules->resolver_count);
		names_start(rules);
	} else if (!names_process.pid && clock_ms() - names_process.started_ms >= NAMES_PAUSE_MS) {
		names_start(rules);
	}
}
