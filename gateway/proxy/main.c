/* SPDX-License-Identifier: MIT */
/*
 * The main function of skerry-proxy: the process that reads the configuration and the keys, and
 * accepts connections. It reads no byte of a client; each connection has processes of its own for
 * that (listener.c).
 */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "gateway/base/clock.h"
#include "gateway/base/sandbox.h"
#include "gateway/proxy/account.h"
#include "gateway/proxy/config.h"
#include "gateway/proxy/listener.h"
#include "gateway/proxy/names.h"

/* How often it looks whether name servers and networks have changed, if clients ask for names. */
enum { MAIN_LOOK_MS = 1000 };

static const char usage[] =
	"skerry-proxy FILE    serves by the rules in FILE; SIGHUP reads it and its keys again\n"
	"skerry-proxy --check FILE | --version | --help\n";

/*
 * Forbids system calls that this program never makes, and keeps its memory from other processes.
 * Carriers whose dialers have ended become its children, so that it reaps them even if the system's
 * first process does not.
 */
static bool main_protect(void)
{
	static const struct rlimit none = {0, 0};

	return prctl(PR_SET_DUMPABLE, 0) == 0 && prctl(PR_SET_CHILD_SUBREAPER, 1) == 0 &&
	       setrlimit(RLIMIT_CORE, &none) == 0 && sandbox_forbid();
}

/* Reads the configuration again; a configuration with an error leaves the old one in force. */
static struct rules *main_read_again(const char *path, struct rules *rules)
{
	struct rules *new = config_read(path);

	if (!new || !names_open(new)) {
		if (new)
			rule_free(new);
		fprintf(stderr, "skerry-proxy: goes on by the configuration that it had\n");
		return rules;
	}
	if (new->listen != rules->listen || new->listen_port != rules->listen_port)
		fprintf(stderr, "skerry-proxy: listen has changed, which takes a restart\n");
	if (names_wanted() && rule_has_names(new) &&
	    (new->names_listen != rules->names_listen || new->names_port != rules->names_port))
		fprintf(stderr, "skerry-proxy: names.listen has changed, which takes a restart\n");
	rule_free(rules);
	account_reset();
	names_start(new);
	fprintf(stderr, "skerry-proxy: has read %s again\n", path);
	return new;
}

/* Notes which processes have ended. */
static void main_reap(void)
{
	pid_t pid;

	while ((pid = waitpid(-1, NULL, WNOHANG)) > 0) {
		if (!names_ended(pid))
			listener_ended(pid);
	}
}

/*
 * Once a second at most: has names answered, and new connections served, by what this machine's own
 * networks are now.
 */
static void main_look(struct rules *rules)
{
	static int64_t looked_ms;
	int64_t now_ms = clock_ms();

	if (now_ms - looked_ms < MAIN_LOOK_MS)
		return;
	looked_ms = now_ms;
	if (config_networks(rules))
		names_start(rules);
}

/* Serves until a signal ends it. */
static int main_serve(const char *path, struct rules *rules, int signals)
{
	struct signalfd_siginfo info;

	for (;;) {
		struct pollfd waits[2] = {{listener_fd(), POLLIN, 0}, {signals, POLLIN, 0}};

		if (poll(waits, 2, names_wanted() ? MAIN_LOOK_MS : -1) < 0 && errno != EINTR)
			return 1;
		while (read(signals, &info, sizeof(info)) == sizeof(info)) {
			if (info.ssi_signo == SIGHUP)
				rules = main_read_again(path, rules);
			else if (info.ssi_signo != SIGCHLD)
				return 0;
		}
		main_reap();
		main_look(rules);
		names_keep(rules);
		if (waits[0].revents)
			listener_accept(rules);
	}
}

int main(int count, char **words)
{
	struct rules *rules;
	sigset_t wanted;
	int signals;

	if (count == 2 && !strcmp(words[1], "--help"))
		return fputs(usage, stdout) < 0;
	if (count == 2 && !strcmp(words[1], "--version"))
		return puts("skerry-proxy " SKERRY_VERSION) < 0;
	if (count == 3 && !strcmp(words[1], "--check"))
		return config_read(words[2]) == NULL;
	if (count != 2 || *words[1] == '-') {
		fputs(usage, stderr);
		return 2;
	}
	if (!main_protect()) {
		fprintf(stderr, "skerry-proxy: the system call filter could not be set\n");
		return 1;
	}
	/*
	 * The reader of the log may go away: a lost line must not end a connection, or the program.
	 */
	signal(SIGPIPE, SIG_IGN);
	/* Who starts the program may ignore it: then no connection would be known to be over. */
	signal(SIGCHLD, SIG_DFL);
	rules = config_read(words[1]);
	sigemptyset(&wanted);
	sigaddset(&wanted, SIGTERM);
	sigaddset(&wanted, SIGINT);
	sigaddset(&wanted, SIGHUP);
	sigaddset(&wanted, SIGCHLD);
	sigprocmask(SIG_BLOCK, &wanted, NULL);
	signals = signalfd(-1, &wanted, SFD_NONBLOCK | SFD_CLOEXEC);
	if (!rules || signals < 0 || !account_setup() || !listener_open(rules) ||
	    !names_open(rules))
		return 1;
	names_start(rules);
	fprintf(stderr, "skerry-proxy: listens, with %zu rules\n", rules->count);
	return main_serve(words[1], rules, signals);
}
