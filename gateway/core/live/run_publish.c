/* SPDX-License-Identifier: MIT */
/*
 * Which ports of runs are published, from the request to the run's end. Handlers and the table of
 * runs call it; it tells the process publish what to open and close, takes a guest's address from
 * Skerry's list of VMs alone, and writes the audit's lines.
 */
#include "gateway/core/live/run_publish.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "gateway/base/address.h"
#include "gateway/base/string.h"
#include "gateway/core/audit/audit.h"
#include "gateway/core/common/clock.h"
#include "gateway/core/common/number.h"
#include "gateway/core/common/settings.h"
#include "gateway/core/host/host.h"
#include "gateway/core/http/answer.h"
#include "gateway/core/http/problem.h"
#include "gateway/core/identity/share.h"
#include "gateway/core/live/run.h"

enum { RUN_PUBLISH_LOOK_S = 3, RUN_PUBLISH_LINE = 160, RUN_PUBLISH_IDLE = 12 };

/* --- what a request asks for --- */

const char *run_publish_add(struct run_publish *publish, const char *text)
{
	static const char wrong[] = "\"publish\" has up to 8 ports, [HOSTPORT:]GUESTPORT, such as "
				    "\"8080:80\"; those of the host begin at 1024";
	const char *colon = strchr(text, ':');
	char here[8] = "0", guest[12];
	size_t length;
	int64_t here_port, guest_port;

	if (colon && (size_t)(colon - text) < sizeof(here))
		string_copy(here, (size_t)(colon - text) + 1, text);
	string_copy(guest, sizeof(guest), colon ? colon + 1 : text);
	length = strlen(guest);
	if (length > 4 && !strcmp(guest + length - 4, "/tcp"))
		guest[length - 4] = 0;
	here_port = number_read(here, -1, 65535);
	guest_port = number_read(guest, -1, 65535);
	if (publish->order.count == PUBLISH_PORTS || guest_port < 1 || length > 10 ||
	    (colon && ((size_t)(colon - text) >= sizeof(here) || here_port < 1024)))
		return wrong;
	publish->order.ports[publish->order.count++] =
		(struct publish_port){(uint16_t)here_port, (uint16_t)guest_port};
	return NULL;
}

/* Returns whether a run has the port of this computer, or waits for it. */
static bool run_publish_has(const struct run *run, uint16_t port)
{
	for (uint32_t i = 0; port && run->state != RUN_DONE && i < run->publish.order.count; i++) {
		if (run->publish.order.ports[i].host == port)
			return true;
	}
	return false;
}

bool run_publish_may(struct request *request, const struct run_publish *publish)
{
	size_t count = publish->order.count;

	if (publish->order.count == 0)
		return true;
	if (settings.publish_count == 0) {
		answer_problem(request, 409, "bad-state",
			       "no ports are published here: skerryd takes --publish CIDR, the "
			       "network of the runs");
		return false;
	}
	for (const struct run *run = run_next(NULL); run; run = run_next(run)) {
		if (run->state != RUN_DONE && share_same(&run->owner, &request->who))
			count += run->publish.order.count;
		for (uint32_t i = 0; i < publish->order.count; i++) {
			uint16_t port = publish->order.ports[i].host;

			if (!run_publish_has(run, port))
				continue;
			answer_problem(request, 409, "busy",
				       "port %u of the host is another run's: name one that is "
				       "free, or the guest's port alone",
				       port);
			return false;
		}
	}
	if (count <= RUN_PUBLISHED)
		return true;
	answer_problem(request, 429, "busy",
		       "your runs would have %zu published ports, and may "
		       "have %d",
		       count, RUN_PUBLISHED);
	return false;
}

/* --- the audit --- */

/* Writes the run's VM, the guest's address and the ports into `line`. */
static void run_publish_line(const struct run *run, char *line, size_t room)
{
	struct in_addr address = {htonl(run->publish.order.address)};
	char text[INET_ADDRSTRLEN];
	size_t at;

	inet_ntop(AF_INET, &address, text, sizeof(text));
	at = (size_t)snprintf(line, room, "%s %s", run->vm, text);
	for (uint32_t i = 0; i < run->publish.order.count && at < room; i++)
		at += (size_t)snprintf(line + at, room - at, " %u:%u",
				       run->publish.order.ports[i].host,
				       run->publish.order.ports[i].guest);
}

static uint64_t run_publish_audit(const struct run *run, const char *action, const char *result)
{
	char line[sizeof(run->vm) + RUN_PUBLISH_LINE];

	run_publish_line(run, line, sizeof(line));
	return audit_begin(run->actor, action, line, "", result);
}

/* --- opening --- */

static void run_publish_set(struct run *run, enum run_publish_state state)
{
	run->publish.state = state;
	run->publish.since_s = clock_now_s();
}

/* Says why the ports are not open. A run whose command has begun goes on without them. */
static void run_publish_fail(struct run *run, unsigned status, const char *detail)
{
	audit_end(run->publish.audit, "refused");
	run->publish.audit = 0;
	run_publish_set(run, RUN_PUBLISH_CLOSED);
	if (run->result || run->state == RUN_UNDER_WAY)
		return;
	json_decref(run->problem);
	run->problem = problem_json(status, status == 409 ? "bad-state" : "failed", detail, NULL);
	run_stop(run, "failed");
}

/* Returns whether --publish names the address. */
static bool run_publish_within(const struct in_addr *address)
{
	const struct sockaddr_in guest = {.sin_family = AF_INET, .sin_addr = *address};
	struct address_range range;
	uint8_t bytes[ADDRESS_BYTES];

	for (unsigned i = 0; i < settings.publish_count; i++) {
		if (address_of((const void *)&guest, bytes) &&
		    address_read_range(settings.publish[i], &range) &&
		    address_within(&range, bytes))
			return true;
	}
	return false;
}

/* Returns how many cards, of one VM or of all if it is NULL, have the address by Skerry's word. */
static unsigned run_publish_holders(const char *address, const struct host_vm *only)
{
	unsigned count = 0;

	for (unsigned i = 0; i < host.vm_count; i++) {
		json_t *list = json_object_get(host.vms[i]->list, "addresses"), *each;
		size_t at;

		json_array_foreach(list, at, each) count +=
			(!only || host.vms[i] == only) && json_is_string(each) &&
			!strcmp(json_string_value(each), address);
	}
	return count;
}

/*
 * Finds the address of the run's guest in Skerry's list, to which the switch holds its card.
 * Returns NULL, or why there is none that ports can lead to.
 */
static const char *run_publish_find(struct run *run, bool *listed)
{
	const struct host_vm *vm = host_find(run->vm);
	json_t *list = vm ? json_object_get(vm->list, "addresses") : NULL, *each;
	const char *why = "the run has no address that Skerry holds it to, so that no port leads "
			  "to it: its template takes a card on a network with dhcp";
	size_t at;

	*listed = json_array_size(list) > 0;
	json_array_foreach(list, at, each)
	{
		const char *text = json_string_value(each);
		struct in_addr address;

		if (!text || inet_pton(AF_INET, text, &address) != 1)
			continue;
		if (!run_publish_within(&address)) {
			why = "the run's address is in no network of skerryd's --publish";
		} else if (run_publish_holders(text, NULL) != 1) {
			why = "another VM has the run's address as well: its template takes a card "
			      "on a network with dhcp, without an address of its own";
		} else {
			run->publish.order.address = ntohl(address.s_addr);
			return NULL;
		}
	}
	return why;
}

/* Returns a number for the run's owner, which all of the owner's runs with ports have. */
static uint64_t run_publish_owner(const struct run *run)
{
	for (const struct run *other = run_next(NULL); other; other = run_next(other)) {
		if (other != run && other->publish.order.owner && other->state != RUN_DONE &&
		    share_same(&other->owner, &run->owner))
			return other->publish.order.owner;
	}
	return run->number;
}

/* Has the process open the ports. */
static void run_publish_ask(struct run *run)
{
	static uint32_t last;
	struct run_publish *publish = &run->publish;

	if (!publish->audit)
		publish->audit = run_publish_audit(run, "run.publish", NULL);
	if (!publish->audit) {
		run_publish_fail(run, 503,
				 "the audit cannot be written, so that no port is opened");
		return;
	}
	publish->id = ++last;
	run_publish_set(run, RUN_PUBLISH_ASKED);
	if (!side_process_send(&run_publish_process,
			       (struct message_head){MESSAGE_REQUEST, publish->id, 0, 0},
			       &publish->order, sizeof(publish->order)))
		run_publish_set(run, RUN_PUBLISH_AGAIN);
}

/* Has the ports of a run opened if a list of VMs shows its guest's address by now. */
static void run_publish_look(struct run *run, double now_s)
{
	bool listed;
	const char *why = run_publish_find(run, &listed);

	if (!why) {
		run->publish.order.owner = run_publish_owner(run);
		run_publish_ask(run);
	} else if (listed || now_s - run->publish.since_s > RUN_PUBLISH_LOOK_S) {
		run_publish_fail(run, 409, why);
	}
}

/* Returns whether the run's VM, and no other, still has the address to which its ports lead. */
static bool run_publish_holds(const struct run *run)
{
	const struct in_addr address = {htonl(run->publish.order.address)};
	const struct host_vm *vm = host_find(run->vm);
	char text[INET_ADDRSTRLEN];

	inet_ntop(AF_INET, &address, text, sizeof(text));
	return vm && run_publish_holders(text, vm) == 1 && run_publish_holders(text, NULL) == 1;
}

void run_publish_listed(void)
{
	for (struct run *run = run_next(NULL); run; run = run_next(run)) {
		enum run_publish_state state = run->publish.state;

		if (state == RUN_PUBLISH_LOOKS && !run->result)
			run_publish_look(run, clock_now_s());
		else if (state == RUN_PUBLISH_AGAIN && !run_publish_holds(run))
			run_publish_fail(run, 409, "the run's address is not its own any more");
		else if (state == RUN_PUBLISH_OPEN && !run_publish_holds(run))
			(void)run_publish_end(run);
	}
}

bool run_publish(struct run *run)
{
	if (run->publish.order.count == 0 || run->publish.state == RUN_PUBLISH_OPEN)
		return true;
	if (run->publish.state == RUN_PUBLISH_NONE) {
		run_publish_set(run, RUN_PUBLISH_LOOKS);
		host_refresh();
	}
	return false;
}

static void run_publish_opened(struct run *run, const struct publish_answer *answer)
{
	char result[RUN_PUBLISH_LINE];
	size_t at = (size_t)snprintf(result, sizeof(result), "opened");

	for (uint32_t i = 0; i < run->publish.order.count; i++) {
		run->publish.order.ports[i].host = answer->hosts[i];
		at += (size_t)snprintf(result + at, sizeof(result) - at, " %u", answer->hosts[i]);
	}
	audit_end(run->publish.audit, result);
	run->publish.audit = 0;
	run_publish_set(run, RUN_PUBLISH_OPEN);
	if (run->state == RUN_AT_GATE && run->link.greeted && !run->link.sown) {
		run_frame_seed(run);
		run_frame_push(run);
	}
}

static void run_publish_refused(struct run *run, const struct publish_answer *answer)
{
	uint16_t port = run->publish.order.ports[answer->at].host;
	char detail[200];

	if (answer->error == EADDRINUSE && port)
		snprintf(detail, sizeof(detail),
			 "port %u of the host is in use: name one that is free, or the guest's "
			 "port alone",
			 port);
	else if (answer->error == EADDRNOTAVAIL)
		snprintf(detail, sizeof(detail),
			 "skerryd's --publish-at names an address that is not this host's");
	else
		snprintf(detail, sizeof(detail), "the port cannot be published: %s",
			 strerror((int)answer->error));
	run_publish_fail(run, 409, detail);
}

/* --- closing --- */

/* Goes on where a run waited for its ports to be closed. */
static void run_publish_closed(struct run *run)
{
	run_publish_set(run, RUN_PUBLISH_CLOSED);
	(void)run_publish_audit(run, "run.unpublish", "done");
	for (unsigned i = 0; i < RUN_PUBLISH_REQUESTS; i++) {
		uint32_t id = run->publish.requests[i];
		struct request *request = id ? request_find(id) : NULL;

		run->publish.requests[i] = 0;
		if (request)
			answer_json(request, 200, run_json(run, false));
	}
	if (run->state == RUN_ENDING)
		run_destroy(run);
}

bool run_publish_end(struct run *run)
{
	enum run_publish_state state = run->publish.state;

	if (state == RUN_PUBLISH_CLOSING)
		return false;
	audit_end(run->publish.audit, "stopped");
	run->publish.audit = 0;
	if (state != RUN_PUBLISH_OPEN && state != RUN_PUBLISH_ASKED) {
		run_publish_set(run, RUN_PUBLISH_CLOSED);
		return true;
	}
	run_publish_set(run, RUN_PUBLISH_CLOSING); /* the tick sees to it if that is not sent */
	(void)side_process_send(&run_publish_process,
				(struct message_head){MESSAGE_CANCEL, run->publish.id, 0, 0}, NULL,
				0);
	return false;
}

bool run_publish_answer(struct run *run, struct request *request)
{
	if (run->publish.state != RUN_PUBLISH_CLOSING)
		return false;
	for (unsigned i = 0; i < RUN_PUBLISH_REQUESTS; i++) {
		if (run->publish.requests[i] && request_find(run->publish.requests[i]))
			continue;
		run->publish.requests[i] = request->id;
		return true;
	}
	answer_problem(request, 503, "busy", "%d clients wait for the run's ports to be closed",
		       RUN_PUBLISH_REQUESTS);
	return true;
}

void run_publish_tick(double now_s)
{
	for (struct run *run = run_next(NULL); run; run = run_next(run)) {
		if (run->publish.state == RUN_PUBLISH_AGAIN && !run->result) {
			run_publish_ask(run);
		} else if (run->publish.state == RUN_PUBLISH_LOOKS && !run->result &&
			   now_s - run->publish.since_s > RUN_PUBLISH_LOOK_S) {
			run_publish_look(run, now_s);
		} else if (run->publish.state == RUN_PUBLISH_CLOSING &&
			   now_s - run->publish.since_s > RUN_PUBLISH_CLOSE_S) {
			fprintf(stderr, "skerryd: publish has closed no port for long, and is "
					"ended\n");
			side_process_drop(&run_publish_process);
			return;
		}
	}
}

/* --- the process --- */

static void run_publish_run(int fd)
{
	char idle[RUN_PUBLISH_IDLE];
	const char *words[PUBLISH_NETS + 6] = {"skerryd", "publish", side_process_child(fd),
					       settings.publish_at, idle};

	snprintf(idle, sizeof(idle), "%u", settings.publish_idle_s);
	for (unsigned i = 0; i < settings.publish_count; i++)
		words[5 + i] = settings.publish[i];
	execv("/proc/self/exe", (char *const *)(uintptr_t)words);
}

/* Returns the run whose ports have that number, or NULL. */
static struct run *run_publish_of(uint32_t id)
{
	for (struct run *run = run_next(NULL); run; run = run_next(run)) {
		if (run->publish.id == id && id)
			return run;
	}
	return NULL;
}

/* Returns whether the process may have opened these ports: those that were asked for. */
static bool run_publish_true(const struct run *run, const struct publish_answer *answer)
{
	if (answer->error)
		return answer->at < run->publish.order.count;
	for (uint32_t i = 0; i < run->publish.order.count; i++) {
		uint16_t asked = run->publish.order.ports[i].host;

		if (answer->hosts[i] < 1024 || (asked && asked != answer->hosts[i]))
			return false;
	}
	return true;
}

static bool run_publish_take(const struct message_head *head, const char *bytes, size_t count)
{
	struct run *run = run_publish_of(head->id);
	struct publish_answer answer;

	if (head->kind == MESSAGE_END && count == 0) {
		if (run && run->publish.state == RUN_PUBLISH_CLOSING)
			run_publish_closed(run);
		return true;
	}
	if (head->kind != MESSAGE_ANSWER || count != sizeof(answer))
		return false;
	memcpy(&answer, bytes, sizeof(answer));
	/* The run may have ended since it was asked for: its ports are being closed then. */
	if (!run || run->publish.state == RUN_PUBLISH_CLOSING)
		return true;
	if (run->publish.state != RUN_PUBLISH_ASKED || !run_publish_true(run, &answer))
		return false;
	if (answer.error)
		run_publish_refused(run, &answer);
	else
		run_publish_opened(run, &answer);
	return true;
}

/* With the process all that it had opened is closed. Runs that go on get it again. */
static void run_publish_gone(void)
{
	for (struct run *run = run_next(NULL); run; run = run_next(run)) {
		if (run->publish.state == RUN_PUBLISH_CLOSING)
			run_publish_closed(run);
		else if (run->publish.state == RUN_PUBLISH_OPEN ||
			 run->publish.state == RUN_PUBLISH_ASKED)
			run_publish_set(run, RUN_PUBLISH_AGAIN);
	}
}

struct side_process run_publish_process = {
	.name = "publish",
	.run = run_publish_run,
	.take = run_publish_take,
	.gone = run_publish_gone,
	.socket = {.fd = -1},
};

json_t *run_publish_json(const struct run *run)
{
	json_t *list = run->publish.order.count ? json_array() : NULL;

	for (uint32_t i = 0; i < run->publish.order.count; i++) {
		const struct publish_port *port = &run->publish.order.ports[i];

		json_array_append_new(
			list, json_pack("{s:s, s:o, s:i, s:b}", "address", settings.publish_at,
					"port", port->host ? json_integer(port->host) : json_null(),
					"guest_port", (int)port->guest, "open",
					run->publish.state == RUN_PUBLISH_OPEN));
	}
	return list;
}
