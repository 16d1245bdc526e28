/* SPDX-License-Identifier: MIT */
/*
 * Sends events and samples to clients, by SSE or WebSocket. The table of routes names its handlers,
 * core's main function brings the host's news; a client that is too slow loses some, and is told
 * how many.
 */

#include "gateway/core/live/stream.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "gateway/base/string.h"
#include "gateway/core/common/clock.h"
#include "gateway/core/common/number.h"
#include "gateway/core/host/host.h"
#include "gateway/core/http/answer.h"
#include "gateway/core/http/request.h"
#include "gateway/core/identity/identity.h"
#include "gateway/core/identity/scope.h"
#include "gateway/core/identity/secret.h"
#include "gateway/core/identity/session.h"
#include "gateway/core/identity/share.h"

static bool stream_listens(const struct request *request)
{
	return request->stream == STREAM_SSE || request->stream == STREAM_SOCKET;
}

static bool stream_sees(const struct request *request, const char *vm)
{
	const char *only = request->stream == STREAM_SSE ? request_query(request, "vm") : NULL;

	if (only && strcmp(only, vm))
		return false;
	return !*vm || scope_has(request->who.scope, vm);
}

/* Returns Skerry's boot id in a form for an event's id; another boot counts its events anew. */
static const char *stream_boot(void)
{
	bool plain = strspn(host.boot, "0123456789abcdef") == strlen(host.boot);

	return plain && *host.boot ? host.boot : "0";
}

/*
 * Returns the number in Last-Event-ID, which is BOOT.NUMBER as in `id:`, or a NUMBER of this boot.
 * -1: there is none, or it is of another boot.
 */
static int64_t stream_last_id(const struct request *request)
{
	const char *id = request_header(request, "last-event-id");
	const char *boot = stream_boot();
	const char *dot = id ? strchr(id, '.') : NULL;

	if (!dot)
		return number_read(id, -1, INT64_MAX / 10);
	if ((size_t)(dot - id) != strlen(boot) || strncmp(id, boot, strlen(boot)))
		return -1;
	return number_read(dot + 1, -1, INT64_MAX / 10);
}

/* Sends one message: to a WebSocket as it is, to SSE with its id and name. */
static void stream_send(struct request *request, const char *name, int64_t sequence,
			const char *text, size_t count)
{
	struct buffer buffer = {0};

	if (request->stream == STREAM_SOCKET) {
		answer_piece(request, true, text, count);
		return;
	}
	if (sequence)
		buffer_format(&buffer, "id: %s.%lld\n", stream_boot(), (long long)sequence);
	buffer_format(&buffer, "event: %s\ndata: ", name);
	buffer_add(&buffer, text, count);
	buffer_text(&buffer, "\n\n");
	if (!buffer.failed)
		answer_piece(request, true, buffer.bytes, buffer.count);
	buffer_free(&buffer);
}

static void stream_send_json(struct request *request, const char *name, int64_t sequence,
			     json_t *value)
{
	char *text = json_dumps(value, JSON_COMPACT | JSON_REAL_PRECISION(12));

	if (text)
		stream_send(request, name, sequence, text, strlen(text));
	free(text);
	json_decref(value);
}

static void stream_snapshot(struct request *request)
{
	json_t *vms = json_array();
	int64_t sequence = host.last_sequence;

	for (unsigned i = 0; i < host.vm_count; i++) {
		if (stream_sees(request, host.vms[i]->name))
			json_array_append_new(vms, host_vm_json(host.vms[i]));
	}
	request->behind = false;
	stream_send_json(
		request, "snapshot", sequence,
		json_pack("{s:s, s:o, s:o}", "type", "snapshot", "host", host_json(), "vms", vms));
}

/*
 * Returns false when the listener is so far behind that it gets no events until it has caught up.
 */
static bool stream_room(struct request *request)
{
	if (!request->behind && request->outstanding < STREAM_WINDOW)
		return true;
	request->behind = true;
	return false;
}

void stream_consumed(struct request *request, size_t count)
{
	request->outstanding -= count < request->outstanding ? count : request->outstanding;
	if (!stream_listens(request) || !request->behind ||
	    request->outstanding > STREAM_WINDOW / 4)
		return;
	if (request->lost)
		stream_send_json(
			request, "lost", 0,
			json_pack("{s:s, s:i}", "type", "lost", "count", (int)request->lost));
	request->lost = 0;
	stream_snapshot(request);
}

void stream_vm(const struct host_vm *vm)
{
	for (struct request *request = request_first(); request; request = request->next) {
		if (request->stream == STREAM_SOCKET && stream_sees(request, vm->name) &&
		    stream_room(request))
			stream_send_json(
				request, "vm", 0,
				json_pack("{s:s, s:o}", "type", "vm", "vm", host_vm_json(vm)));
	}
}

void stream_gone(const char *name)
{
	for (struct request *request = request_first(); request; request = request->next) {
		if (request->stream == STREAM_SOCKET && stream_sees(request, name) &&
		    stream_room(request))
			stream_send_json(request, "gone", 0,
					 json_pack("{s:s, s:s}", "type", "gone", "name", name));
	}
}

static bool stream_wants(const struct request *request, const char *name)
{
	const char *types = request->stream == STREAM_SSE ? request_query(request, "types") : NULL;
	const char *at = types ? strstr(types, name) : NULL;
	size_t length = strlen(name);

	if (!types)
		return true;
	for (; at; at = strstr(at + 1, name)) {
		if ((at == types || at[-1] == ',') && (at[length] == 0 || at[length] == ','))
			return true;
	}
	return false;
}

static void stream_send_event(struct request *request, const struct host_event *event)
{
	const char *name = json_string_value(json_object_get(event->line, "event"));

	/* what belongs to no VM, such as a damaged store, is for those who see the whole host */
	if (!stream_sees(request, event->vm) || !stream_wants(request, name) ||
	    (!*event->vm && strcmp(request->who.scope, "*") != 0))
		return;
	if (stream_room(request))
		stream_send_json(request, name, event->sequence, host_event_json(event));
	else
		request->lost++;
}

void stream_event(const struct host_event *event)
{
	for (struct request *request = request_first(); request; request = request->next) {
		if (stream_listens(request))
			stream_send_event(request, event);
	}
}

/* Returns an alert in the form of Skerry's events, with Skerry's time. */
static json_t *stream_alert_json(const struct alert_news *news, const char *name)
{
	double time_s = (double)host.boot_time_ns / 1e9 + clock_now_s() - host.hello_s;

	return json_pack("{s:s, s:s, s:f, s:s, s:s, s:s, s:s, s:s, s:s, s:f}", "type", "event",
			 "sequence", "0", "time_s", time_s, "event", name, "vm",
			 alert_vm(news->what), "reason", news->reason, "alert", news->rule->name,
			 "what", news->what, "severity", alert_rule_severity(news->rule), "value",
			 news->value);
}

void stream_alert(const struct alert_news *news)
{
	const char *name = news->firing ? "alert_firing" : "alert_cleared";
	const char *vm = alert_vm(news->what);

	for (struct request *request = request_first(); request; request = request->next) {
		if (!stream_listens(request) || !alert_rule_seen(news->rule, request->who.scope) ||
		    !stream_sees(request, vm) || !stream_wants(request, name))
			continue;
		if (stream_room(request))
			stream_send_json(request, name, 0, stream_alert_json(news, name));
		else
			request->lost++;
	}
}

void stream_lost(void)
{
	for (struct request *request = request_first(); request; request = request->next) {
		if (stream_listens(request) && stream_room(request))
			stream_snapshot(request);
	}
}

void stream_sample(double time_s)
{
	for (struct request *request = request_first(); request; request = request->next) {
		json_t *vms;

		if (request->stream != STREAM_SOCKET || !stream_room(request))
			continue;
		vms = json_array();
		for (unsigned i = 0; i < host.vm_count; i++) {
			const struct host_vm *vm = host.vms[i];
			json_t *sample;

			if (!vm->sampled || !stream_sees(request, vm->name))
				continue;
			sample = host_sample_json(vm);
			json_object_set_new(sample, "name", json_string(vm->name));
			json_array_append_new(vms, sample);
		}
		stream_send_json(request, "sample", 0,
				 json_pack("{s:s, s:f, s:o, s:o}", "type", "sample", "time_s",
					   time_s, "vms", vms, "cpus", host_cpus_json()));
	}
}

void stream_link(void)
{
	for (struct request *request = request_first(); request; request = request->next) {
		if (!stream_listens(request) || !stream_room(request))
			continue;
		stream_send_json(
			request, "link", 0,
			json_pack("{s:s, s:s}", "type", "link", "state", host.up ? "up" : "lost"));
		if (host.up)
			stream_snapshot(request);
	}
}

void stream_tick(int64_t now_ms)
{
	static int64_t alive_ms;
	struct request *request = request_first(), *next;
	bool alive = now_ms - alive_ms >= STREAM_ALIVE_S * 1000;
	int64_t now = time(NULL);

	if (alive)
		alive_ms = now_ms;
	for (; request; request = next) {
		next = request->next;
		if (request->stream == STREAM_NONE)
			continue;
		if (!identity_alive(&request->who, now))
			answer_end_stream(request, 1008);
		else if (alive &&
			 (request->stream == STREAM_SSE || request->stream == STREAM_RUN) &&
			 request->outstanding < STREAM_WINDOW)
			answer_piece(request, true, ":\n\n", 3);
	}
}

/*
 * Frees a place for a stream when all are taken: the asker who has most streams loses the oldest of
 * them.
 */
static bool stream_free(struct request *request)
{
	struct request *readers[STREAM_READERS] = {NULL};
	struct share places[STREAM_READERS] = {0};
	size_t count = 0, place;

	for (struct request *each = request_first(); each; each = each->next) {
		if (!stream_listens(each) || count == STREAM_READERS)
			continue;
		/* Request ids grow, so that the least id is the oldest. */
		places[count] = (struct share){.who = &each->who, .since = each->id};
		readers[count++] = each;
	}
	place = share_place(places, STREAM_READERS, &request->who, false);
	if (place == STREAM_READERS) {
		answer_problem(request, 503, "busy",
			       "all %u places for readers of events are taken: close one",
			       STREAM_READERS);
		return false;
	}
	if (readers[place])
		answer_end_stream(readers[place], 1013);
	return true;
}

/*
 * Sends exactly the events that were missed, if all of them are kept and of this boot; else `lost`,
 * then all events that are kept, and a snapshot.
 */
static void stream_resume(struct request *request)
{
	int64_t last = stream_last_id(request);
	uint64_t first = host.event_count > HOST_EVENTS ? host.event_count - HOST_EVENTS : 0;
	int64_t oldest = first < host.event_count ? host.events[first % HOST_EVENTS].sequence
						  : host.last_sequence + 1;
	bool all = last <= host.last_sequence && last + 1 >= oldest;

	if (last >= 0 && last + 1 < oldest)
		stream_send_json(request, "lost", 0,
				 json_pack("{s:s, s:I}", "type", "lost", "count",
					   (json_int_t)(oldest - last - 1)));
	for (uint64_t i = first; last >= 0 && i < host.event_count; i++) {
		if (host.events[i % HOST_EVENTS].sequence > last)
			stream_send_event(request, &host.events[i % HOST_EVENTS]);
	}
	if (last < 0 || !all)
		stream_snapshot(request);
	else
		/* The headers go at once even when nothing was missed. */
		answer_piece(request, true, ":\n\n", 3);
}

void stream_events(struct request *request)
{
	const char *vm = request_query(request, "vm");

	if (vm && !scope_has(request->who.scope, vm)) {
		answer_problem(request, 404, "not-found", "there is no such VM");
		return;
	}
	if (!stream_free(request))
		return;
	answer_start_stream(request, STREAM_SSE, NULL);
	stream_resume(request);
}

void stream_socket(struct request *request)
{
	const char *protocols = request_header(request, "sec-websocket-protocol");

	if (!fields_get(&request->fields, "upgrade") || !protocols ||
	    !strstr(protocols, "skerry.stream.v1")) {
		answer_header(request, "Upgrade", "websocket");
		answer_problem(request, 426, "upgrade-required",
			       "this path is a WebSocket: ask for an upgrade with the subprotocol "
			       "skerry.stream.v1");
		return;
	}
	if (!stream_free(request))
		return;
	answer_start_stream(request, STREAM_SOCKET, "skerry.stream.v1");
	stream_snapshot(request);
}

void stream_make_ticket(struct request *request)
{
	char text[SECRET_TEXT_BYTES];

	if (!ticket_make(&request->who, "/v1/stream", "", "stream", text)) {
		answer_problem(
			request, 500, "failed",
			"the system gave the gateway no random numbers, so it made no secret");
		return;
	}
	answer_json(request, 201, json_pack("{s:s, s:i}", "ticket", text, "expires_s", 30));
}
