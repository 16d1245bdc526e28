/* SPDX-License-Identifier: MIT */
#pragma once

#include "gateway/core/alert/alert.h"
#include "gateway/core/host/host.h"
#include "gateway/core/http/request.h"

/*
 * /v1/events and /v1/stream: events, changes and samples for listeners. A listener that does not
 * keep up loses events, which are counted, and samples, which are not; when it has caught up, it
 * gets a snapshot.
 */
enum {
	STREAM_WINDOW = 256 << 10, /* the most bytes that may wait for a client of a stream */
	STREAM_READERS = 64,
	STREAM_ALIVE_S = 15, /* the longest time without a comment on an SSE stream */
};

void stream_vm(const struct host_vm *vm);
void stream_gone(const char *name);
void stream_event(const struct host_event *event);
/*
 * Sends an alert to the listeners who may see its rule. The event has no id, as Skerry does not
 * number it, so that a listener who connects later does not get it.
 */
void stream_alert(const struct alert_news *news);
void stream_sample(double time_s);
void stream_link(void);
void stream_lost(void);
void stream_consumed(struct request *request, size_t count);
/* Ends streams whose credential has ended, and sends comments to keep quiet SSE streams alive. */
void stream_tick(int64_t now_ms);

/* Handlers of the routes: events as SSE, the WebSocket, and a ticket for the WebSocket. */
void stream_events(struct request *request);
void stream_socket(struct request *request);
void stream_make_ticket(struct request *request);
