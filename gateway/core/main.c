/* SPDX-License-Identifier: MIT */
/*
 * The main function of the process that decides: it has the link, the tokens and the audit, and
 * reads no HTTP and no XDR. It sets up the parts in the folders of core, and tells each which
 * functions of others to call.
 */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "gateway/base/clock.h"
#include "gateway/base/sandbox.h"
#include "gateway/base/string.h"
#include "gateway/core/alert/alert.h"
#include "gateway/core/api/api.h"
#include "gateway/core/api/openapi.h"
#include "gateway/core/api/routes.h"
#include "gateway/core/audit/audit.h"
#include "gateway/core/audit/audit_chain.h"
#include "gateway/core/common/options.h"
#include "gateway/core/common/settings.h"
#include "gateway/core/common/state.h"
#include "gateway/core/front.h"
#include "gateway/core/history/history.h"
#include "gateway/core/host/host.h"
#include "gateway/core/http/answer.h"
#include "gateway/core/http/request.h"
#include "gateway/core/http/route.h"
#include "gateway/core/http/router.h"
#include "gateway/core/identity/account.h"
#include "gateway/core/identity/certificate.h"
#include "gateway/core/identity/password.h"
#include "gateway/core/identity/peer.h"
#include "gateway/core/identity/secret.h"
#include "gateway/core/identity/token.h"
#include "gateway/core/live/console.h"
#include "gateway/core/live/content.h"
#include "gateway/core/live/delivery_queue.h"
#include "gateway/core/live/hook_way.h"
#include "gateway/core/live/mail_way.h"
#include "gateway/core/live/operation.h"
#include "gateway/core/live/run.h"
#include "gateway/core/live/run_name.h"
#include "gateway/core/live/stream.h"
#include "gateway/core/live/template.h"
#include "gateway/core/live/vsock.h"
#include "gateway/core/report/report.h"
#include "gateway/core/report/sign.h"
#include "gateway/door/door.h"
#include "gateway/hook/hook.h"
#include "gateway/link/link.h"
#include "gateway/mail/mail.h"
#include "gateway/publish/publish.h"
#include "gateway/web/web.h"

static struct side_process *const core_beside[] = {&hook_process, &run_publish_process,
						   &mail_process};

enum {
	CORE_TICK_MS = 250,
	CORE_PASSWORD_BYTES = 256,
	CORE_OWN = 3, /* what core waits for besides these processes and the fronts */
	CORE_WAITS = CORE_OWN + ARRAY_COUNT(core_beside),
};

static struct {
	int listener, signals;
	char *certificate, *key;
	bool ended;
} core = {.listener = -1};

static void core_linked(void)
{
	stream_link();
	if (host.up)
		audit_anchor();
}

static void core_sampled(double time_s)
{
	stream_sample(time_s);
	history_sample();
	alert_round();
}

static void core_alert(const struct alert_news *news)
{
	stream_alert(news);
	delivery_queue_add(news);
}

static void core_listed(void)
{
	operation_look();
	template_drop_tick();
	run_publish_listed();
}

static void core_link_lost(void)
{
	history_flush();
	console_link_lost();
	run_link_lost();
	template_link_lost();
	template_drop_link_lost();
	vsock_link_lost();
	content_link_lost();
}

/*
 * Hands a line about a stream to the file that has the stream: a stream's number is never used
 * twice, so that at most one of them knows it.
 */
static void core_stream_line(json_t *line)
{
	if (run_line(line))
		return;
	console_line(line);
	vsock_line(line);
	content_line(line);
}

/* The functions that the cache calls when Skerry's state changes. */
static const struct host_listener core_listener = {
	.vm = stream_vm,
	.gone = stream_gone,
	.event = stream_event,
	.sample = core_sampled,
	.lost = stream_lost,
	.listed = core_listed,
	.linked = core_linked,
	.broken = core_link_lost,
	.rebooted = operation_restarted,
	.console = core_stream_line,
};

static void core_message(const struct message_head *head, bool door, const char *bytes,
			 size_t count)
{
	struct request *request;

	if (head->kind == MESSAGE_REQUEST) {
		router_serve(head->id, bytes, count);
		return;
	}
	if (head->kind == MESSAGE_LEFT) {
		peer_left(head->id, door);
		return;
	}
	request = request_find(head->id);
	if (!request)
		return;
	switch (head->kind) {
	case MESSAGE_CANCEL:
		request_cancel(head->id);
		break;
	case MESSAGE_CONSUMED:
		if (request->stream == STREAM_CONTENT)
			content_consumed(request, head->value);
		else
			stream_consumed(request, head->value);
		if (request->stream == STREAM_RUN)
			run_consumed(head->id);
		break;
	case MESSAGE_DATA:
		if (request->stream == STREAM_CONSOLE)
			console_data(request, head->flags & MESSAGE_TEXT, bytes, count);
		else if (request->stream == STREAM_VSOCK)
			vsock_data(request, head->flags & MESSAGE_TEXT, bytes, count);
		else if (request->run)
			api_sandbox_data(request, bytes, count, head->flags & MESSAGE_LAST);
		else if (request->route->flags & ROUTE_BODY)
			content_data(request, bytes, count);
		else
			answer_taken(request, (uint32_t)count);
		break;
	default:
		break;
	}
}

static void core_signals(void)
{
	struct signalfd_siginfo info;

	while (read(core.signals, &info, sizeof(info)) == sizeof(info)) {
		if (info.ssi_signo != SIGCHLD) {
			core.ended = true;
			continue;
		}
		front_reap();
		for (size_t i = 0; i < ARRAY_COUNT(core_beside); i++)
			side_process_reap(core_beside[i]);
	}
}

static void core_tick(int64_t now_ms)
{
	static int64_t anchor_ms;

	link_tick(now_ms);
	host_tick(now_ms);
	operation_look();
	run_tick();
	template_tick();
	template_drop_tick();
	report_tick();
	stream_tick(now_ms);
	token_tick();
	account_tick();
	alert_save(false);
	delivery_queue_tick();
	audit_tick();
	audit_denied_tell(false);
	if (now_ms - anchor_ms >= (int64_t)settings.anchor_s * 1000) {
		anchor_ms = now_ms;
		audit_anchor();
	}
	front_tick();
}

static void core_turn(void)
{
	static int64_t tick_ms;
	struct pollfd waits[CORE_WAITS + FRONT_WAITS] = {
		link_wait(),
		{core.signals, POLLIN, 0},
		{password_wait(), POLLIN, 0},
	};
	int64_t now_ms;

	for (size_t i = 0; i < ARRAY_COUNT(core_beside); i++)
		waits[CORE_OWN + i] = side_process_wait(core_beside[i]);
	front_wait(waits + CORE_WAITS);
	if (poll(waits, CORE_WAITS + FRONT_WAITS, CORE_TICK_MS) < 0 && errno != EINTR)
		core.ended = true;
	now_ms = clock_ms();
	if (waits[0].revents)
		link_ready(waits[0].revents, now_ms);
	if (waits[1].revents)
		core_signals();
	front_ready(waits + CORE_WAITS);
	if (waits[2].revents)
		password_ready();
	for (size_t i = 0; i < ARRAY_COUNT(core_beside); i++) {
		if (waits[CORE_OWN + i].revents)
			side_process_ready(core_beside[i]);
	}
	if (now_ms - tick_ms >= CORE_TICK_MS) {
		tick_ms = now_ms;
		core_tick(now_ms);
	}
}

static bool core_password(char *text)
{
	FILE *file;
	bool done;

	*text = 0;
	if (!settings.password_file)
		return true;
	file = fopen(settings.password_file, "re");
	done = file && fgets(text, CORE_PASSWORD_BYTES, file);
	if (file)
		fclose(file);
	if (!done)
		fprintf(stderr, "skerryd: %s: %s\n", settings.password_file, strerror(errno));
	text[strcspn(text, "\r\n")] = 0;
	return done;
}

static bool core_setup(void)
{
	char first[SECRET_TEXT_BYTES], password[CORE_PASSWORD_BYTES];
	sigset_t signals;

	umask(077);
	if (!state_open(settings.state) || !core_password(password) ||
	    !host_setup(settings.link, password, &core_listener))
		return false;
	explicit_bzero(password, sizeof(password));
	if (!certificate_open(&core.certificate, &core.key, settings.fingerprint) ||
	    !token_open(first, settings.token_hash) || !account_open() || !run_name_setup())
		return false;
	(void)audit_open();
	(void)sign_open(true);
	history_setup(settings.history_mib, run_name_is);
	hook_way_setup();
	mail_way_setup();
	if (!alert_open(core_alert))
		return false;
	if (settings.listen && (core.listener = options_listen(settings.listen)) < 0)
		return false;
	if (!front_setup(core.listener, core.certificate, core.key, core_message))
		return false;
	printf("fingerprint %s\n", settings.fingerprint);
	if (*first)
		printf("token %s\n", first);
	fflush(stdout);
	explicit_bzero(first, sizeof(first));
	sigemptyset(&signals);
	sigaddset(&signals, SIGTERM);
	sigaddset(&signals, SIGINT);
	sigaddset(&signals, SIGCHLD);
	sigprocmask(SIG_BLOCK, &signals, NULL);
	core.signals = signalfd(-1, &signals, SFD_NONBLOCK | SFD_CLOEXEC);
	return core.signals >= 0;
}

static int core_verify(const char *folder)
{
	struct audit_chain chain;

	if (!state_open(folder) || !audit_chain_verify(&chain) || !chain.begun)
		return 1;
	/* The first line need not be line 1: the oldest files may have been moved elsewhere. */
	printf("first %llu\nlines %llu\nhead %s\n", (unsigned long long)chain.first,
	       (unsigned long long)chain.last, chain.head);
	return 0;
}

static int core_print(char *text)
{
	int wrong = text ? printf("%s\n", text) : -1;

	free(text);
	return wrong < 0;
}

int main(int count, char **words)
{
	route_table = api_routes;
	signal(SIGPIPE, SIG_IGN);
	/* A file that reaches the size limit is an error like any other, not a signal. */
	signal(SIGXFSZ, SIG_IGN);
	/* Who starts this program may ignore it: then no process could say how its child ended. */
	signal(SIGCHLD, SIG_DFL);
	if (count == 6 && !strcmp(words[1], "web"))
		return web_main(atoi(words[2]), atoi(words[3]), words[4], (unsigned)atoi(words[5]));
	if (count == 3 && !strcmp(words[1], "door"))
		return door_main(atoi(words[2]));
	if (count == 4 && !strcmp(words[1], "hook"))
		return hook_main(atoi(words[2]), words[3]);
	if (count == 5 && !strcmp(words[1], "mail"))
		return mail_main(atoi(words[2]), words[3], words[4]);
	if (count > 5 && !strcmp(words[1], "publish"))
		return publish_main(atoi(words[2]), words + 3);
	if (count == 2 && !strcmp(words[1], "openapi"))
		return core_print(openapi_text());
	if (count == 2 && !strcmp(words[1], "routes"))
		return core_print(openapi_routes());
	if (count == 2 && !strcmp(words[1], "redfish"))
		return core_print(redfish_table());
	if (count == 3 && !strcmp(words[1], "verify-audit"))
		return core_verify(words[2]);
	if (count == 3 && !strcmp(words[1], "report-key"))
		return !state_open(words[2]) || !sign_open(false) || !sign_print();
	if (!options_read(count, words))
		return 2;
	/*
	 * No other process can read this process's memory: it makes no core dump and allows no
	 * debugger.
	 */
	prctl(PR_SET_DUMPABLE, 0);
	answer_setup(front_socket(false), front_socket(true));
	if (!sandbox_forbid()) {
		fprintf(stderr, "skerryd: the system call filter of core could not be set\n");
		return 1;
	}
	if (!core_setup())
		return 1;
	while (!core.ended)
		core_turn();
	history_flush();
	alert_save(true);
	audit_denied_tell(true);
	audit_close();
	for (size_t i = 0; i < ARRAY_COUNT(core_beside); i++)
		side_process_end(core_beside[i]);
	front_end();
	return 0;
}
